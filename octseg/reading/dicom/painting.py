"""From the decoded samples of a frame to its RGB levels, by a rule that is made once for a pullback."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from octseg.reading.dicom.codecs import Decoded
from octseg.reading.dicom.colours import from_ybr, ground_is_rgb, palette_of
from octseg.reading.dicom.layout import PALETTE, Layout
from octseg.reading.dicom.levels import Grey, grey_of
from octseg.reading.levels import LevelRule

SHOWN_BITS = 8


@dataclass(frozen=True, kw_only=True)
class Painter:
    """grey: the table of grey samples; palette: the colours (n, 3) of numbers; is_ybr: planes are Y, Cb, Cr.

    shift: bits below the lowest that counts. colour_bits: of each sample of a colour frame.
    """

    grey: Grey | None = None
    palette: NDArray[np.uint8] | None = None
    is_ybr: bool = False
    shift: int = 0
    colour_bits: int = SHOWN_BITS
    warnings: tuple[str, ...] = ()

    def paint(self, decoded: Decoded) -> NDArray[np.uint8]:
        """Levels (H, W), or (H, W, 3) where the frame is in colour."""
        samples = decoded.samples
        if samples.ndim == 3:
            levels = _to_eight(samples, self.shift, self.colour_bits)
            return from_ybr(levels) if self.is_ybr else levels
        if self.palette is not None:
            return np.asarray(self.palette[(samples >> self.shift) & (len(self.palette) - 1)])
        return np.asarray(samples, np.uint8) if self.grey is None else self.grey.to_uint8(samples, self.shift)


def painter_for(dataset: Dataset, layout: Layout, first: Decoded, some: Iterator[Decoded], label: str) -> Painter:
    """The rule for frames like `first`; `some` are decoded only where levels need a look at several."""
    aligned = first.bits != layout.bits_stored  # a stream with bits of its own has them lowest
    shift = 0 if aligned else max(0, layout.high_bit + 1 - layout.bits_stored)
    if first.samples.ndim == 3:
        return _colour_painter(layout, first, shift)
    if layout.photometric == PALETTE:
        return Painter(palette=palette_of(dataset, first.bits, label), shift=shift)
    mask = 2**first.bits - 1
    numbers = ((decoded.samples >> shift) & mask for decoded in chain([first], some) if decoded.samples.ndim == 2)
    grey = grey_of(dataset, layout, first.bits, numbers)
    return Painter(grey=grey, shift=shift, warnings=grey.warnings)


def _colour_painter(layout: Layout, first: Decoded, shift: int) -> Painter:
    if first.head is not None:  # the JPEG decoder has turned its colours
        return Painter()
    by_header = layout.photometric.startswith("YBR")
    is_ybr, warnings = by_header and first.is_rgb is not True, ()
    if first.is_rgb is None:
        seen = ground_is_rgb(_to_eight(first.samples, shift, first.bits))
        if seen is not None and seen == by_header:
            is_ybr = not seen
            kind = "RGB" if seen else "YCbCr"
            said = f"the header says {layout.photometric}, and by their dark ground its frames are {kind}: taken so"
            return Painter(is_ybr=is_ybr, shift=shift, colour_bits=first.bits, warnings=(said,))
    return Painter(is_ybr=is_ybr, shift=shift, colour_bits=first.bits, warnings=warnings)


def _to_eight(samples: NDArray[np.uint8] | NDArray[np.uint16], shift: int, bits: int) -> NDArray[np.uint8]:
    numbers = samples >> shift if shift else samples
    if bits == SHOWN_BITS:
        return np.asarray(numbers, np.uint8)
    return LevelRule(0.0, 2.0**bits - 1).to_uint8(numbers)
