"""Probability to outlines that a vessel can have, and why nothing is said of a frame where none can be right."""

from octseg.decoding.borders import Levels, least_that_tells, logits_over
from octseg.decoding.outlines import decode
from octseg.decoding.rays import RayGrid
from octseg.decoding.withdrawal import why_withdrawn

__all__ = ["Levels", "RayGrid", "decode", "least_that_tells", "logits_over", "why_withdrawn"]
