"""Probability to outlines that a vessel can have, and why nothing is said of a frame where none can be right."""

from octseg.decoding.outlines import Levels, decode, logits_over
from octseg.decoding.rays import RayGrid
from octseg.decoding.withdrawal import why_withdrawn

__all__ = ["Levels", "RayGrid", "decode", "logits_over", "why_withdrawn"]
