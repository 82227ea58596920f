"""Probability to outlines that a vessel can have, and the refusal to outline what is none."""

from octseg.decoding.outlines import Levels, decode
from octseg.decoding.rays import RayGrid

__all__ = ["Levels", "RayGrid", "decode"]
