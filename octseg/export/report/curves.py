"""Curves along a vessel as HTML: an SVG that stretches with the page, its words and marks beside it in HTML.

So words keep their size on a telephone and on paper. Values are those of frames from the first to the last, None where
there is none: a gap. x in the SVG is frames, from half a frame before the first to half a frame behind the last; y is
percent from the top.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

Values = Sequence[float | None]
STEPS = (1, 2, 2.5, 5, 10)  # of ticks, times a power of ten
STYLE = """
.curve { margin: 0 0 10px; break-inside: avoid; }
.curve figcaption { margin-bottom: 7px; }
.curve figcaption b { color: CanvasText; }
.plot { position: relative; height: 104px; margin: 0 16px 0 40px; border-left: 1px solid var(--line);
  border-bottom: 1px solid var(--line); }
.plot svg, .plot img { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 0; }
.plot img { image-rendering: pixelated; background: none; }
.plot path { fill: none; stroke: var(--curve); stroke-width: 1.6px; vector-effect: non-scaling-stroke;
  stroke-linejoin: round; }
.plot line { stroke: var(--line); stroke-width: 1px; vector-effect: non-scaling-stroke; }
.plot line.limit { stroke: var(--warn); stroke-dasharray: 5 4; }
.plot rect { fill: var(--band); }
.tick, .limit-word, .at { position: absolute; font-size: .75rem; line-height: 1; color: var(--quiet);
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.tick.y { right: 100%; transform: translate(-5px, -50%); }
.tick.x { top: 100%; transform: translate(-50%, 5px); }
.limit-word { right: 2px; transform: translateY(-105%); color: var(--warn); }
.dot { position: absolute; width: 9px; height: 9px; border-radius: 50%; transform: translate(-50%, -50%);
  border: 2px solid var(--curve); background: Canvas; }
.axis { height: 30px; margin: 0 16px 18px 40px; position: relative; padding-top: 18px; box-sizing: border-box;
  font-size: .8rem; color: var(--quiet); text-align: center; }
.lumen { --curve: #0072b2; } .lipid { --curve: #1a7fb8; } .arc { --curve: #7a5195; } .cap { --curve: #8a7a00; }
:root { --band: #00000018; }
@media (prefers-color-scheme: dark) {
  .lumen { --curve: #5ab4f0; } .lipid { --curve: #56b4e9; } .arc { --curve: #c9a3e6; } .cap { --curve: #f0e442; }
  :root { --band: #ffffff26; }
}
@media print {
  .plot { height: 17mm; }
  .axis { margin-bottom: 8px; }
  .tick, .limit-word, .axis { font-size: 6.6pt; }
  .lumen { --curve: #0072b2; } .lipid { --curve: #1a7fb8; } .arc { --curve: #7a5195; } .cap { --curve: #8a7a00; }
  :root { --band: #00000018; }
  .dot { print-color-adjust: exact; }
}
"""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One measure along the vessel.

    kind: name of its colour. limits: value -> what it is the limit of. marked: place and value that is meant where the
    measure is named alone, such as the smallest.
    """

    label: str
    unit: str
    values: Values
    kind: str
    said: str = ""
    limits: tuple[tuple[float, str], ...] = ()
    marked: int | None = None
    least_top: float = 0.0


def curve_html(curve: Curve, bands: Sequence[tuple[int, int]]) -> str:
    """The curve with its caption; bands: (first, how many) places of frames of which nothing is said."""
    count = len(curve.values)
    top, step = _scale(curve)
    ticks = [step * n for n in range(int(top / step + 1e-9) + 1)]
    svg = "".join(_bands(bands)) + "".join(
        f'<line x1="0" x2="{count}" y1="{y}" y2="{y}"/>' for y in _heights(ticks, top)
    )
    svg += "".join(
        f'<line class="limit" x1="0" x2="{count}" y1="{y}" y2="{y}"/>'
        for y in _heights([value for value, _ in curve.limits if value <= top], top)
    )
    svg += f'<path d="{_path(curve.values, top)}"/>'
    words = "".join(
        f'<span class="tick y" style="top:{y}%">{value:g}</span>'
        for value, y in zip(ticks, _heights(ticks, top), strict=True)
    )
    words += "".join(
        f'<span class="limit-word" style="top:{_height(value, top)}%">{escape(word)}</span>'
        for value, word in curve.limits
        if value <= top
    )
    return _figure(curve, f"{_svg(svg, count)}{words}{_dot(curve, top)}")


def axis_html(first: int, count: int, spacing_mm: float | None) -> str:
    """What is below all curves: the frames' numbers, and mm along the vessel where they are known."""
    step = max(1, round(_nice(count / 6)))
    numbers = [number for number in range(first, first + count) if number % step == 0] or [first]
    ticks = "".join(
        f'<span class="tick x" style="left:{100 * (number - first + 0.5) / count:.3f}%;top:0">{number}</span>'
        for number in numbers
    )
    said = (
        "frame"
        if spacing_mm is None
        else f"frame; they lie {spacing_mm:g} mm apart, {count * spacing_mm:.1f} mm in all"
    )
    return f'<div class="axis">{ticks}{said}</div>\n'


def bands_of(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """(first, how many) of each run of True."""
    bands: list[tuple[int, int]] = []
    for place, flag in enumerate(flags):
        if flag and bands and sum(bands[-1]) == place:
            bands[-1] = (bands[-1][0], bands[-1][1] + 1)
        elif flag:
            bands.append((place, 1))
    return bands


def bands_html(bands: Sequence[tuple[int, int]], count: int) -> str:
    """The bands by themselves, to lie over a picture of so many frames."""
    return _svg("".join(_bands(bands)), count) if bands else ""


def _figure(curve: Curve, content: str) -> str:
    said = f" {escape(curve.said)}" if curve.said else ""
    caption = f"<figcaption><b>{escape(curve.label)}</b>, {escape(curve.unit)}.{said}</figcaption>"
    return f'<figure class="curve {curve.kind}">{caption}<div class="plot">{content}</div></figure>\n'


def _svg(content: str, count: int) -> str:
    return f'<svg viewBox="0 0 {count} 100" preserveAspectRatio="none" aria-hidden="true">{content}</svg>'


def _bands(bands: Sequence[tuple[int, int]]) -> Iterator[str]:
    return (f'<rect x="{first}" width="{size}" y="0" height="100"/>' for first, size in bands)


def _scale(curve: Curve) -> tuple[float, float]:
    """The value at the top, and that from tick to tick."""
    most = max((value for value in curve.values if value is not None), default=0.0)
    most = max(most * 1.05, curve.least_top) or 1.0
    step = _nice(most / 3)
    return step * math.ceil(most / step - 1e-9), step


def _nice(value: float) -> float:
    """A round number of at least that."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in STEPS if step * power >= value * (1 - 1e-9))


def _heights(values: Sequence[float], top: float) -> list[float]:
    return [_height(value, top) for value in values]


def _height(value: float, top: float) -> float:
    """Percent from the top."""
    return round(100 * (1 - value / top), 2)


def _path(values: Values, top: float) -> str:
    """A line through values that follow each other; one by itself is a stroke as long as its frame."""
    parts: list[str] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        before = place > 0 and values[place - 1] is not None
        after = place + 1 < len(values) and values[place + 1] is not None
        y = _height(value, top)
        if not before and not after:
            parts.append(f"M{place + 0.1:g} {y}L{place + 0.9:g} {y}")
        else:
            parts.append(f"{'L' if before else 'M'}{place + 0.5:g} {y}")
    return "".join(parts)


def _dot(curve: Curve, top: float) -> str:
    value = None if curve.marked is None else curve.values[curve.marked]
    if curve.marked is None or value is None:
        return ""
    left = 100 * (curve.marked + 0.5) / len(curve.values)
    return f'<span class="dot" style="left:{left:.3f}%;top:{_height(value, top)}%"></span>'
