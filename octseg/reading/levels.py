"""Samples of any depth to the 8 bits of a frame, by a rule that is the same for every frame of a file.

8 bits stay as they are. Whole numbers of more bits that no file declares are taken as 8, 12 or 16 bits, whichever is
the smallest that holds the largest sample of the file, and that range is spread over 0 to 255. Real numbers within 0
to 1 are multiplied by 255, those within 0 to 255 are rounded, and any other range is spread from its smallest to its
largest. What had to be guessed is said in a warning; what cannot be a grey level is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.errors import ReadError

Samples = NDArray[Any]  # (H, W) or (H, W, 3), any real type
UNDECLARED_BITS = (8, 12, 16)
ROWS_AT_ONCE = 256  # as float64, or as numbers of a table's entries, a large frame would take 600 MB


@dataclass(frozen=True)
class LevelRule:
    """`low` becomes 0 and `high` becomes 255; `warning` says so where it was a guess."""

    low: float
    high: float
    warning: str | None = None

    def to_uint8(self, samples: Samples) -> NDArray[np.uint8]:
        """Samples of any shape as grey or colour levels, rounded."""
        # Whole numbers have at most 16 bits, or there would be no rule.
        table = self._spread(np.arange(2**16)) if samples.dtype.kind in "ui" else None
        levels = np.empty(samples.shape, np.uint8)
        for top in range(0, len(samples), ROWS_AT_ONCE):
            strip = samples[top : top + ROWS_AT_ONCE]
            levels[top : top + ROWS_AT_ONCE] = self._spread(strip) if table is None else table[strip]
        return levels

    def _spread(self, samples: Samples) -> NDArray[np.uint8]:
        scaled = (samples.astype(np.float64) - self.low) * (255.0 / (self.high - self.low))
        return np.asarray(np.rint(np.clip(scaled, 0.0, 255.0)), dtype=np.uint8)


def rule_for(pages: Iterable[Samples], declared_bits: int | None, label: str) -> LevelRule:
    """The rule for all pages of a file; `declared_bits` where the file says how many bits count.

    Raises:
        ReadError: a sample is not a number, negative where it must not be, or beyond 16 bits.
    """
    low, high, real = np.inf, -np.inf, False
    for page in pages:
        page_low, page_high = float(page.min()), float(page.max())  # NaN where there is one
        if not (np.isfinite(page_low) and np.isfinite(page_high)):
            raise ReadError(f"{label} holds values that are not finite numbers (NaN or infinite); a frame has none")
        low, high, real = min(low, page_low), max(high, page_high), real or page.dtype.kind == "f"
    return _real_rule(low, high, label) if real else _whole_rule(low, high, declared_bits, label)


def _whole_rule(low: float, high: float, declared_bits: int | None, label: str) -> LevelRule:
    if low < 0:
        raise ReadError(f"{label} holds negative levels, down to {low:.0f}; save it with levels from 0 up")
    if declared_bits is not None and high < 2**declared_bits:
        return LevelRule(0.0, 2.0**declared_bits - 1)
    fitting = [bits for bits in UNDECLARED_BITS if high < 2**bits]
    if not fitting:
        raise ReadError(f"{label} holds levels up to {high:.0f}, more than 16 bits; save it with 8 or 16 bits")
    bits = fitting[0]
    warning = None if bits == 16 else f"the file has more than 8 bits and levels up to {high:.0f}: taken as {bits}-bit"
    return LevelRule(0.0, 2.0**bits - 1, warning)


def _real_rule(low: float, high: float, label: str) -> LevelRule:
    if low == high:
        raise ReadError(f"{label} holds one value only, {low:g}, so it shows nothing")
    said = f"the file holds real numbers from {low:.4g} to {high:.4g}"
    if low >= 0 and high <= 1:
        return LevelRule(0.0, 1.0, f"{said}: taken as 0 to 1 for black to white")
    if low >= 0 and high <= 255:
        return LevelRule(0.0, 255.0, f"{said}: taken as 0 to 255 for black to white")
    return LevelRule(low, high, f"{said}: spread over black to white, so levels of several files do not compare")
