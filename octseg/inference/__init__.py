"""Running the network: one backend per device, the same probability from each."""

from octseg.inference.backends import choose_backend
from octseg.inference.protocol import Backend

__all__ = ["Backend", "choose_backend"]
