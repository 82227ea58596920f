"""How a measure is spread in each group, as SVG: values as dots, or as bars where they are many, and their quartiles.

Groups lie below each other on one axis. Dots far from the others lead to their pictures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from octseg.cohort.summing import quartiles

WIDTH, SIDE, TOP, BAND, FOOT = 340, 12, 4, 54, 34
STRIP = (20, 40)  # rows of a band with its dots; its name stands above, quartiles below
MOST_DOTS, BARS = 150, 40
MOST_CHARACTERS = 34  # of numbers below an axis; of more the first and the last stand alone
ROUNDING = 1e-9
GOLDEN = 0.618034  # places dots next to each other, the same each time
STYLE = """
svg .box { fill: none; stroke: currentColor; stroke-width: 1.2; }
svg .middle { stroke: currentColor; stroke-width: 2.4; }
svg .interval { stroke: #d55e00; stroke-width: 2; }
svg rect.bar { fill: #0072b2; fill-opacity: .65; }
svg a circle { fill: #d55e00; fill-opacity: 1; }
svg text.group { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  svg rect.bar { fill: #56b4e9; } svg a circle { fill: #f0a35e; } svg .interval { stroke: #f0a35e; }
}
"""
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Strip:
    """A group's values. interval: of its median. links: place of a value -> where it leads, and what is said of it."""

    name: str
    values: Sequence[float]
    interval: Interval
    links: Mapping[int, tuple[str, str]]


def spread_html(label: str, unit: str, strips: Sequence[Strip]) -> str:
    """The figure of a measure."""
    known = [value for strip in strips for value in strip.values]
    axis = _Axis(min(known), max(known))
    height = TOP + BAND * len(strips) + FOOT
    content = "".join(_band(strip, TOP + BAND * place, axis) for place, strip in enumerate(strips))
    said = f"{label}, {unit}: {len(known)} values"
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">{content}'
        f"{axis.svg(height - FOOT)}</svg><figcaption>{escape(label)}, {escape(unit)}</figcaption></figure>"
    )


class _Axis:
    """Values to columns of the SVG, from a round number to a round number."""

    def __init__(self, low: float, high: float) -> None:
        span = (high - low) or abs(high) or 1.0
        step = _round(span / 4)
        first, last = math.floor(low / step), math.ceil(high / step)
        self.ticks = [step * number for number in range(first, max(last, first + 1) + 1)]
        self._digits = max(0, -math.floor(math.log10(step) + ROUNDING))

    def place(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return round(SIDE + (WIDTH - 2 * SIDE) * (value - low) / (high - low), 1)

    def svg(self, down: int) -> str:
        said = [f"{tick:.{self._digits}f}" for tick in self.ticks]
        told = list(zip(self.ticks, said, strict=True))
        if sum(map(len, said)) > MOST_CHARACTERS:
            told = [told[0], told[-1]]
        anchors = ["start", *["middle"] * (len(told) - 2), "end"]  # so that the edges cut nothing off
        words = "".join(
            f'<text x="{self.place(tick)}" y="{down + 15}" text-anchor="{anchor}">{label}</text>'
            for (tick, label), anchor in zip(told, anchors, strict=True)
        )
        return f'<line class="axis" x1="{SIDE}" x2="{WIDTH - SIDE}" y1="{down}" y2="{down}"/>{words}'


def _band(strip: Strip, top: int, axis: _Axis) -> str:
    name = strip.name or "no group"
    label = f'<text class="group" x="{SIDE}" y="{top + 13}">{escape(name)}, n = {len(strip.values)}</text>'
    told = quartiles(strip.values)
    if told is None:
        return label
    marks = _dots(strip, top, axis) if len(strip.values) <= MOST_DOTS else _bars(strip, top, axis)
    low, middle, high = (axis.place(value) for value in (told.low, told.median, told.high))
    box_top, box = top + STRIP[1] + 3, 7
    marks += f'<rect class="box" x="{low}" y="{box_top}" width="{round(high - low, 1)}" height="{box}"/>'
    if strip.interval is not None:
        ends = [axis.place(value) for value in strip.interval]
        across = box_top + box / 2
        marks += f'<line class="interval" x1="{ends[0]}" x2="{ends[1]}" y1="{across}" y2="{across}"/>'
    return (
        f'{label}{marks}<line class="middle" x1="{middle}" x2="{middle}" y1="{box_top - 1}" y2="{box_top + box + 1}"/>'
    )


def _dots(strip: Strip, top: int, axis: _Axis) -> str:
    return "".join(_dot(strip, place, top, axis) for place in range(len(strip.values)))


def _dot(strip: Strip, place: int, top: int, axis: _Axis) -> str:
    first, last = STRIP
    down = round(top + first + 3 + (last - first - 6) * ((place * GOLDEN) % 1.0), 1)
    dot = f'cx="{axis.place(strip.values[place])}" cy="{down}" r="3"'
    if place not in strip.links:
        return f"<circle {dot}/>"
    where, said = strip.links[place]
    return f'<a href="{escape(where)}"><circle {dot}><title>{escape(said)}</title></circle></a>'


def _bars(strip: Strip, top: int, axis: _Axis) -> str:
    """A histogram; what lies far out keeps its dots."""
    counts, edges = np.histogram(strip.values, BARS, (axis.ticks[0], axis.ticks[-1]))
    first, last = STRIP
    bars = ""
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            tall = round((last - first) * float(count / counts.max()), 1)
            x, wide = axis.place(left), round(axis.place(right) - axis.place(left) - 0.5, 1)
            bars += f'<rect class="bar" x="{x}" y="{round(top + last - tall, 1)}" width="{wide}" height="{tall}"/>'
    return bars + "".join(_dot(strip, place, top, axis) for place in strip.links)


def _round(value: float) -> float:
    """A round number of at least that."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - ROUNDING))
