"""The report's plots as SVG, each for light and for dark ground. Matplotlib draws them; nothing here reads a file."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME
from octseg.comparison.agreement import bland_altman
from train.judging.reliability import ECE_BINS, Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_IN = (4.6, 3.1)
MIN_CONTRAST = 3.0  # of a line on its ground (WCAG 2.1, 1.4.11)
STYLES = {"lumen": "-", "fibrous_cap": "--", "lipid_core": "-", "vasa_vasorum": ":"}
MARKERS = {"lumen": "s", "fibrous_cap": "^", "lipid_core": "o", "vasa_vasorum": "D"}
Series = Sequence[tuple[float, float]]  # step, value
Colour = tuple[float, float, float]  # sRGB in [0, 1]


@dataclass(frozen=True)
class Ground:
    """Colours of one scheme."""

    page: Colour
    ink: str
    faint: str
    accent: str


LIGHT = Ground((1.0, 1.0, 1.0), "#1d2129", "#6b7280", "#c2410c")
DARK = Ground((0.08, 0.09, 0.11), "#e5e7eb", "#9aa3af", "#fb923c")


@dataclass(frozen=True)
class Plot:
    """One plot: SVG for either scheme, and what it shows in words."""

    light: bytes
    dark: bytes
    alt: str


def curve(series: Mapping[str, Series], ylabel: str, alt: str, marks: Sequence[int] = ()) -> Plot:
    """Values over the steps of the run; `marks` are steps at which a stage ends."""

    def draw(axes: "Axes", ground: Ground) -> None:
        for place, (name, values) in enumerate(series.items()):
            x, y = zip(*values, strict=True)
            axes.plot(x, y, color=ground.ink, ls=("-", "--")[place % 2], lw=1.3, label=name)
        for mark in marks:
            axes.axvline(mark, color=ground.faint, lw=0.8, ls=":")
        axes.set(xlabel="step", ylabel=ylabel)
        axes.set_ylim(bottom=0)
        if len(series) > 1:
            axes.legend()

    return _plot(draw, alt)


def validation_curve(dices: Mapping[str, Series], arc: Series, best_step: int | None) -> Plot:
    """Dice of each class at each look, and the best look as a line."""

    def draw(axes: "Axes", ground: Ground) -> None:
        for name, values in dices.items():
            x, y = zip(*values, strict=True)
            axes.plot(x, y, **_pen(name, ground), label=BY_NAME[name].label)
        if arc:
            x, y = zip(*arc, strict=True)
            axes.plot(x, y, color=ground.faint, ls="-.", marker="x", ms=4, lw=1.3, label="Lipid arc")
        if best_step is not None:
            axes.axvline(best_step, color=ground.accent, lw=1.2)
            axes.annotate(
                f"best: step {best_step}",
                (best_step, 0.03),
                xytext=(4, 0),
                textcoords="offset points",
                color=ground.accent,
                fontsize=8,
            )
            left, right = axes.get_xlim()
            if best_step > left + 0.6 * (right - left):
                axes.texts[-1].set(ha="right", position=(-4, 0))
        axes.set(xlabel="step", ylabel="Dice, pooled", ylim=(0, 1.02))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.22), ncols=3)

    best = "" if best_step is None else f" The best look is at step {best_step}."
    return _plot(draw, f"Dice of each class on the validation frames over the steps of the run.{best}")


def reliability(name: str, bins: Reliability) -> Plot:
    """Of the pixels of each probability, the share that is true; on the diagonal for a calibrated model."""
    counts, probability, true = (
        each.reshape(ECE_BINS, -1).sum(axis=1) for each in (bins.counts, bins.probability, bins.true)
    )
    some = counts > 0
    label, error = BY_NAME[name].label, bins.expected_calibration_error

    def draw(axes: "Axes", ground: Ground) -> None:
        axes.plot((0, 1), (0, 1), color=ground.faint, lw=0.8, ls=":")
        axes.plot(probability[some] / counts[some], true[some] / counts[some], **_pen(name, ground))
        axes.set(xlabel="probability given", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(label if error is None else f"{label}, ECE {error:.3f}", fontsize=9, loc="left")

    return _plot(draw, f"Reliability of {label}: share of true pixels over the probability given.")


def agreement(found: NDArray[np.float64], true: NDArray[np.float64], quantity: str, unit: str) -> Plot:
    """Bland-Altman plot of readings (N,): difference over mean, with bias and limits of agreement."""
    limits = bland_altman(found, true)

    def draw(axes: "Axes", ground: Ground) -> None:
        axes.scatter((found + true) / 2.0, found - true, s=14, color=ground.ink, alpha=0.55, lw=0)
        if limits is not None:
            for value, word, style in (
                (limits.bias, "bias", "-"),
                (limits.lower, "-1.96 SD", "--"),
                (limits.upper, "+1.96 SD", "--"),
            ):
                axes.axhline(value, color=ground.accent, lw=1.1, ls=style)
                axes.annotate(
                    f"{word} {value:.3g}",
                    (1.0, value),
                    xycoords=("axes fraction", "data"),
                    xytext=(-2, 2),
                    textcoords="offset points",
                    ha="right",
                    fontsize=7.5,
                    color=ground.accent,
                )
            axes.margins(y=0.15)
        axes.set(xlabel=f"mean of found and true, {unit}", ylabel=f"found - true, {unit}")
        axes.set_title(f"{quantity}, {len(found)} frames", fontsize=9, loc="left")

    return _plot(draw, f"Bland-Altman plot of {quantity}: difference over mean of {len(found)} frames.")


def readable(colour: tuple[int, int, int], ground: Colour) -> Colour:
    """A class's colour (0 to 255), moved away from the ground until it stands out by `MIN_CONTRAST`."""
    there = np.array(colour) / 255.0
    away = np.zeros(3) if _luminance(np.array(ground)) > 0.5 else np.ones(3)
    for part in np.linspace(0.0, 1.0, 41):
        mixed = there + (away - there) * part
        high, low = sorted((_luminance(mixed), _luminance(np.array(ground))), reverse=True)
        if (high + 0.05) / (low + 0.05) >= MIN_CONTRAST:
            break
    red, green, blue = (float(level) for level in mixed)
    return red, green, blue


def _luminance(colour: NDArray[np.float64]) -> float:
    """Relative luminance (WCAG 2.1) of sRGB in [0, 1], shape (3,)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _pen(name: str, ground: Ground) -> dict[str, Any]:
    colour = readable(BY_NAME[name].colour, ground.page)
    return {"color": colour, "ls": STYLES[name], "marker": MARKERS[name], "ms": 4, "lw": 1.5}


def _plot(draw: Callable[["Axes", Ground], None], alt: str) -> Plot:
    return Plot(_svg(draw, LIGHT), _svg(draw, DARK), alt)


def _svg(draw: Callable[["Axes", Ground], None], ground: Ground) -> bytes:
    # It takes a second to load, and a training does without it until its end.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colours = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), ground.ink)
    style: Any = {**colours, "axes.edgecolor": ground.faint, "grid.color": ground.faint, "font.size": 9}
    style |= {"legend.frameon": False, "legend.fontsize": 8, "svg.hashsalt": "octseg"}
    with rc_context(style):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, lw=0.6)
        draw(axes, ground)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return stream.getvalue()
