"""Probability to outlines that a vessel can have, and the refusal to outline what is none."""

from octseg.decoding.outlines import Levels, decode, logits_over
from octseg.decoding.rays import RayGrid

__all__ = ["Levels", "RayGrid", "decode", "logits_over"]
