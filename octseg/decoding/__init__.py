"""Probability to outlines that a vessel can have, and why nothing is said of a frame where none can be right."""

from octseg.decoding.borders import Levels, logits_over
from octseg.decoding.outlines import decode
from octseg.decoding.rays import RayGrid
from octseg.decoding.withdrawal import why_withdrawn

__all__ = ["Levels", "RayGrid", "decode", "logits_over", "why_withdrawn"]
