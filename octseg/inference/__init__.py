"""Running the network: one backend per device, the same probability from each."""

from octseg.inference.backends import Backend, choose_backend

__all__ = ["Backend", "choose_backend"]
