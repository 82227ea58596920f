"""Samples of any depth to the 8 bits of a frame, by a rule that is the same for every frame of a source.

A source is one file, or the files of one folder that are read together: a series that was stored one file a frame has
one scale, and a rule for each file would make its frames differ by what their brightest pixel happens to be.

8 bits stay as they are. Whole numbers of more bits that no file declares are taken as 8, 10, 12, 14 or 16 bits,
whichever is the smallest that holds all but a few of the samples; where they use less than 0.7 of it, or none of its
darker quarter, what they do use is spread over 0 to 255. One level far above all others, as of a label that was drawn
over a page, is white and counts for nothing else. Real numbers are taken as 0 to 1, as 0 to 255, or spread, by
the same rule. What had to be guessed is said in a warning; what cannot be a grey level is refused.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.errors import ReadError

Samples = NDArray[Any]  # (H, W) or (H, W, 3), any real type
UNDECLARED_BITS = (8, 10, 12, 14, 16)
FEW = 1e-4  # of a page's samples: so many may lie beyond what its levels are said to reach
LEAST_USED = 0.7  # of a range: what reaches less far is spread; frames reach 0.76 and more
MOST_UNUSED = 0.25  # of the levels' reach: where even the darkest lie above it, black is where they begin
AT_MOST = 4_000_000  # samples of a page are put in order; of more, every second, third ...
LEAST_SHARED = 0.25  # of what two files reach together, by both: what shares less is stored on two scales
# A label, drawn over a page in one level far above its own, as ImageJ draws in white on 16 bits:
DRAWN_ABOVE, MOST_DRAWN, DRAWN_APART, LEAST_BESIDE = 255, 0.05, 0.5, 64  # level, share, and what the rest reaches
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


@dataclass(frozen=True)
class Span:
    """What samples reach: `lowest` to `highest`, and all but the FEW darkest and brightest from `low` to `high`."""

    low: float
    high: float
    lowest: float
    highest: float
    real: bool  # or whole numbers

    def joined(self, other: "Span") -> "Span":
        """What the samples of both reach."""
        return Span(
            min(self.low, other.low),
            max(self.high, other.high),
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.real or other.real,
        )

    @property
    def width(self) -> float:
        """From `low` to `high`."""
        return self.high - self.low

    def shared(self, other: "Span") -> float:
        """The part of what both reach together that each of them reaches, 0 to 1."""
        both = min(self.high, other.high) - max(self.low, other.low)
        return max(0.0, both) / max(max(self.high, other.high) - min(self.low, other.low), 1e-30)

    def is_like(self, other: "Span") -> bool:
        """Whether both can be of one scale: frames of one source differ, but not by so much."""
        return self.shared(other) >= LEAST_SHARED or other.width == 0


def span_of(pages: Iterable[Samples], label: str) -> Span:
    """What all pages of a file reach.

    Raises:
        ReadError: a sample is not a number, negative where it must not be, or beyond 16 bits.
    """
    span = reduce(Span.joined, (_page_span(page, label) for page in pages))
    if not span.real and span.lowest < -(2**15):  # or from 2**31 on, which Pillow shows as such
        raise ReadError(f"{label} holds whole numbers of more than 16 bits; save it with 8 or 16 bits")
    if not span.real and span.lowest < 0:
        raise ReadError(f"{label} holds negative levels, down to {span.lowest:.0f}; save it with levels from 0 up")
    if not span.real and span.highest >= 2**16:
        raise ReadError(f"{label} holds levels up to {span.highest:.0f}, more than 16 bits; save it with 8 or 16 bits")
    if span.real and span.lowest == span.highest:
        raise ReadError(f"{label} holds one value only, {span.lowest:g}, so it shows nothing")
    return span


def _page_span(page: Samples, label: str) -> Span:
    lowest, highest = float(page.min()), float(page.max())  # NaN where there is one
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise ReadError(f"{label} holds values that are not finite numbers (NaN or infinite); a frame has none")
    samples = page.reshape(-1)[:: 1 + page.size // AT_MOST]
    few = int(FEW * samples.size)
    real = page.dtype.kind == "f"
    low, high = _ends(samples, few)
    if not real and high == highest > DRAWN_ABOVE:
        below = samples[samples < highest]
        if samples.size - below.size <= MOST_DRAWN * samples.size and (beside := _ends(below, few)[1]) >= LEAST_BESIDE:
            high = beside if beside <= DRAWN_APART * highest else high
    return Span(low, high, lowest, highest, real)


def _ends(samples: Samples, few: int) -> tuple[float, float]:
    """What all but `few` of samples (N,) reach to either side."""
    ordered = np.partition(samples, (few, samples.size - 1 - few))
    return float(ordered[few]), float(ordered[-1 - few])


def rule_for(span: Span, declared_bits: int | None, *, whose: str = "the file has") -> LevelRule:
    """The rule for samples that reach so far; `declared_bits` where the file says how many bits count.

    whose: what the warning begins with.
    """
    if span.real:
        return _real_rule(span, whose)
    if declared_bits is not None and span.highest < 2**declared_bits:
        return LevelRule(0.0, 2.0**declared_bits - 1)
    bits = next(bits for bits in UNDECLARED_BITS if span.high < 2**bits)
    if span.low > MOST_UNUSED * span.high or (bits > 8 and span.high < LEAST_USED * 2**bits):
        return _spread(span, f"{whose} more than 8 bits and levels")
    warning = None if bits == 16 else f"{whose} more than 8 bits and levels up to {span.high:.0f}: taken as {bits}-bit"
    return LevelRule(0.0, 2.0**bits - 1, warning)


def _real_rule(span: Span, whose: str) -> LevelRule:
    said = f"{whose} real numbers from {span.low:.4g} to {span.high:.4g}"
    for white in (1.0, 255.0):
        if span.low >= 0 and LEAST_USED * white <= span.high <= white and span.low <= MOST_UNUSED * span.high:
            return LevelRule(0.0, white, f"{said}: taken as 0 to {white:.0f} for black to white")
    return _spread(span, f"{whose} real numbers")


def _spread(span: Span, said: str) -> LevelRule:
    """What the samples reach over black to white."""
    low, high = span.low, span.high
    if not high > low:  # all but a few are one level
        low, high = span.lowest, max(span.highest, span.lowest + 1)
    return LevelRule(
        low,
        high,
        f"{said} from {span.low:.6g} to {span.high:.6g}: spread over black to white, so its brightness is a guess and "
        "does not compare with that of other files",
    )


@dataclass(frozen=True)
class Scale:
    """What the files of a source that are alike reach together, and the rule for all of them."""

    span: Span
    declared_bits: int | None
    rule: LevelRule


@dataclass(frozen=True)
class SourceLevels:
    """One rule for the files of a source, or where they are plainly stored on several scales, one for each of these."""

    scales: tuple[Scale, ...] = ()

    def rule(self, span: Span, declared_bits: int | None) -> LevelRule:
        """The rule for a file whose samples reach so far: its own where the source has none for its kind."""
        fitting = [
            scale
            for scale in self.scales
            if (scale.span.real, scale.declared_bits) == (span.real, declared_bits) and scale.span.is_like(span)
        ]
        if not fitting:
            return rule_for(span, declared_bits)
        rule = max(fitting, key=lambda scale: scale.span.shared(span)).rule
        if len(self.scales) == 1:
            return rule
        several = f"the files of its folder are stored on {len(self.scales)} scales, each made levels by itself"
        return replace(rule, warning=several if rule.warning is None else f"{rule.warning}; {several}")


def levels_for(files: Iterable[tuple[Span, int | None]]) -> SourceLevels:
    """The rules for files that reach so far, with their declared bits: the widest first, each with those like it."""
    groups: list[list[tuple[Span, int | None]]] = []
    for span, bits in sorted(files, key=lambda file: -file[0].width):
        mates = (
            group
            for group in groups
            if (group[0][0].real, group[0][1]) == (span.real, bits) and group[0][0].is_like(span)
        )
        group = next(mates, None)
        if group is None:
            groups.append([(span, bits)])
        else:
            group.append((span, bits))
    scales = []
    for group in groups:
        span, bits = reduce(Span.joined, (span for span, _ in group)), group[0][1]
        whose = "the file has" if len(group) == 1 else "the files of its folder have"
        scales.append(Scale(span, bits, rule_for(span, bits, whose=whose)))
    return SourceLevels(tuple(scales))
