"""A reading: the outlines of one or more frames by one hand, from whatever file they were saved in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from octseg.classes import PALETTE_INDEX
from octseg.drawing.palette import palette_indices

Masks = dict[str, NDArray[np.bool_]]  # class name -> (H, W)
SAME_SCALE = 0.005  # part by which two scales may differ


@dataclass(frozen=True)
class FrameRead:
    """One frame's outlines.

    stem: of the frame's file; None where the format names no file. number: from 1 on; None where there is none.
    read: its planes (H, W), empty ones may be left out. withdrawn: whether nothing is said of it.
    judged: whether a reader has corrected or accepted it; None where the reading does not tell.
    sha256: of the frame's pixels, by which two readings of one frame know each other; None where it is not told.
    folder: that the frame's file lies in, as far as it is known; own_stem: of the file there, where `stem` was made
    another to tell files of several folders apart.
    """

    stem: str | None
    number: int | None
    read: Callable[[], Masks] = field(repr=False)
    pixel_spacing_mm: float | None = None
    withdrawn: bool = False
    judged: bool | None = None
    sha256: str | None = None
    folder: str = ""
    own_stem: str | None = None


@dataclass(frozen=True)
class Reading:
    """Frames read by one hand.

    classes: that it speaks of, also where they are empty. one_tissue: whether a pixel can have one
    tissue alone, as in a picture or a volume of labels. others_empty: whether frames that it does not have were read as
    well and bear nothing. ignored: labels of outlines that are no class here.
    reader: who corrected its outlines, where that is known. notes: what is to be said of how it was read.
    """

    name: str
    frames: Sequence[FrameRead]
    classes: tuple[str, ...]
    one_tissue: bool = False
    others_empty: bool = False
    ignored: tuple[str, ...] = ()
    reader: str = ""
    notes: tuple[str, ...] = ()


def as_one_tissue(masks: Mapping[str, NDArray[np.bool_]]) -> Masks:
    """Planes (H, W) of which each pixel has one, as a picture of labels would hold them."""
    indices = palette_indices(masks)
    return {name: indices == PALETTE_INDEX[name] for name in masks}
