"""Plots of two readings as SVG in HTML: differences against means (Bland and Altman), and both along the vessel."""

from collections.abc import Sequence
from html import escape

import numpy as np

from octseg.comparison.agreement import BlandAltman

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 220, 46, 34, 10, 96
STYLE = """
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 16px; }
.plots svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
svg .axis { stroke: var(--line); }
svg .limit { stroke: var(--warn); stroke-dasharray: 5 4; }
svg .bias { stroke: currentColor; }
svg circle { fill: #0072b2; fill-opacity: .65; }
svg .found { stroke: #0072b2; fill: none; stroke-width: 1.6; }
svg .reference { stroke: #d55e00; fill: none; stroke-width: 1.6; stroke-dasharray: 4 3; }
.key b { font-weight: 600; } .key .one { color: #0072b2; } .key .other { color: #b34700; }
@media (prefers-color-scheme: dark) {
  svg circle { fill: #56b4e9; } svg .found { stroke: #56b4e9; } svg .reference { stroke: #f0a35e; }
  .key .one { color: #56b4e9; } .key .other { color: #f0a35e; }
}
"""
Values = Sequence[float | None]


class _Frame:
    """The axes of a plot: values to places in the SVG."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], right: int) -> None:
        self._x, self._y, self._right = x, _wider(y), WIDTH - right

    def place(self, x: float, y: float) -> tuple[float, float]:
        (left, width), (low, high) = (self._x[0], self._x[1] - self._x[0]), self._y
        across = LEFT + (self._right - LEFT) * ((x - left) / width if width else 0.5)
        down = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (y - low) / (high - low)
        return round(across, 1), round(down, 1)

    def line(self, y: float, kind: str, label: str = "") -> str:
        _, down = self.place(self._x[0], y)
        text = f'<text x="{self._right + 4}" y="{down + 4}">{escape(label)}</text>' if label else ""
        return f'<line class="{kind}" x1="{LEFT}" x2="{self._right}" y1="{down}" y2="{down}"/>{text}'

    def axes(self, x_label: str, y_label: str) -> str:
        bottom, middle = HEIGHT - BOTTOM, (LEFT + self._right) / 2
        ticks = "".join(
            f'<text x="{LEFT - 5}" y="{self.place(self._x[0], y)[1] + 4}" text-anchor="end">{_short(y)}</text>'
            for y in self._y
        ) + "".join(
            f'<text x="{self.place(x, self._y[0])[0]}" y="{bottom + 14}" text-anchor="middle">{_short(x)}</text>'
            for x in dict.fromkeys(self._x)
        )
        return (
            f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{bottom}"/>'
            f'<line class="axis" x1="{LEFT}" x2="{self._right}" y1="{bottom}" y2="{bottom}"/>{ticks}'
            f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
            f'<text x="12" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 12 {HEIGHT / 2})">'
            f"{escape(y_label)}</text>"
        )


def differences_html(
    label: str, unit: str, found: Sequence[float], reference: Sequence[float], agreed: BlandAltman
) -> str:
    """Difference found - reference of each frame against the mean of both, with bias and limits of agreement."""
    one, other = np.array(found, float), np.array(reference, float)
    mean, difference = (one + other) / 2, one - other
    low, high = min(difference.min(), agreed.lower, 0.0), max(difference.max(), agreed.upper, 0.0)
    frame = _Frame((float(mean.min()), float(mean.max())), (float(low), float(high)), RIGHT)
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="3"/>'
        for x, y in (frame.place(*each) for each in zip(mean, difference, strict=True))
    )
    lines = frame.line(agreed.bias, "bias", f"bias {agreed.bias:+.3g}")
    if agreed.upper > agreed.lower:
        lines += frame.line(agreed.upper, "limit", f"{agreed.upper:+.3g}")
        lines += frame.line(agreed.lower, "limit", f"{agreed.lower:+.3g}")
    limits = f"limits {agreed.lower:+.3g} and {agreed.upper:+.3g}"
    said = f"{label}: bias {agreed.bias:+.3g} {unit}, {limits}, {agreed.n} frames"
    return _figure(said, frame.axes(f"mean of both, {unit}", f"difference, {unit}") + lines + dots)


def along_html(label: str, unit: str, numbers: Sequence[int], found: Values, reference: Values) -> str:
    """Both readings of a measure along the vessel; a gap where there is none."""
    known = [value for value in (*found, *reference) if value is not None]
    frame = _Frame((numbers[0], numbers[-1]), (0.0, max(known)), RIGHT // 6)
    lines = "".join(
        f'<path class="{kind}" d="{_path(frame, numbers, values)}"/>'
        for kind, values in (("found", found), ("reference", reference))
    )
    return _figure(f"{label}, {unit}, along the vessel", frame.axes("frame", unit) + lines)


def _path(frame: _Frame, numbers: Sequence[int], values: Values) -> str:
    steps, drawing = [], False
    for number, value in zip(numbers, values, strict=True):
        if value is not None:
            x, y = frame.place(number, value)
            steps.append(f"{'L' if drawing else 'M'}{x} {y}" + ("" if drawing else "h.1"))
        drawing = value is not None
    return "".join(steps)


def _figure(said: str, content: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">{content}</svg>'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def _wider(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    return (low, high) if high > low else (low - 1, high + 1)


def _short(value: float) -> str:
    return f"{value:.3g}"
