"""How the frames of a pullback flow: one is read while others are looked at, outlined and written."""

from octseg.pipeline.ahead import Ahead, each

__all__ = ["Ahead", "each"]
