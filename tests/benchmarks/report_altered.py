"""What changed brightness, contrast, saturation or white balance leave of a sepia frame's result: scale and lipid.

    python -m tests.benchmarks.report_altered --data DIR [DIR ...] [--every N]

DIR has img/ and mask/ as the Zenodo record has. Each frame is seen as it is and with each change. Printed: of how many
frames the scale is kept, and how much lipid's area differs, over all frames, their mean difference, and the worst.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance

import octseg
from octseg.pullback import Frame
from tests.benchmarks.report_lines import frames_asked_for, seen

Change = Callable[[Frame], Frame]


def stretched(factor: float, offset: float) -> Change:
    """Each level times a factor, and an offset more."""
    return lambda frame: np.clip(np.rint(frame.astype(float) * factor + offset), 0, 255).astype(np.uint8)


def enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance], factor: float) -> Change:
    """As Pillow does it."""
    return lambda frame: np.asarray(kind(Image.fromarray(frame)).enhance(factor))


def raised(gamma: float) -> Change:
    """Each level, as a part of white, to the power of `gamma`."""
    return lambda frame: np.rint(255 * (frame / 255) ** gamma).astype(np.uint8)


def warmed(green: float, blue: float) -> Change:
    """With so much left of green and blue."""
    return lambda frame: (frame * np.array([1, green, blue])).astype(np.uint8)


def in_turn(first: Change, then: Change) -> Change:
    """Both of two."""
    return lambda frame: then(first(frame))


CHANGES: dict[str, Change] = {
    "green times 0.88, blue 0.74": warmed(0.88, 0.74),
    "green times 0.85, blue 0.6": warmed(0.85, 0.6),
    "green times 0.76, blue 0.5": warmed(0.76, 0.5),
    "levels times 1.3": stretched(1.3, 0),
    "levels times 0.7": stretched(0.7, 0),
    "30 levels brighter": stretched(1, 30),
    "60 levels brighter": stretched(1, 60),
    "contrast 0.7 about 128": stretched(0.7, 38.4),
    "contrast 1.3 about the mean": enhanced(ImageEnhance.Contrast, 1.3),
    "contrast 0.7 about the mean": enhanced(ImageEnhance.Contrast, 0.7),
    "saturation 1.3": enhanced(ImageEnhance.Color, 1.3),
    "saturation 0.7": enhanced(ImageEnhance.Color, 0.7),
    "saturation 0.7, 30 levels brighter": in_turn(enhanced(ImageEnhance.Color, 0.7), stretched(1, 30)),
    "saturation 1.3, 30 levels brighter": in_turn(enhanced(ImageEnhance.Color, 1.3), stretched(1, 30)),
    "saturation 0.7, levels times 1.2": in_turn(enhanced(ImageEnhance.Color, 0.7), stretched(1.2, 0)),
    "gamma 0.8, 30 levels brighter": in_turn(raised(0.8), stretched(1, 30)),
    "gamma 1.3, levels times 1.2": in_turn(raised(1.3), stretched(1.2, 0)),
}


def main() -> int:
    """Print the table."""
    frames = frames_asked_for(__doc__.splitlines()[0])
    segmenter = octseg.from_pretrained()
    known = [seen(segmenter, frame) for frame in frames]
    had, before = sum(has for has, _ in known), sum(lipid for _, lipid in known)
    print(f"| {len(frames)} frames | scale kept | lipid, all | lipid, mean difference | lipid, worst |")
    print("|---|---|---|---|---|")
    for name, change in CHANGES.items():
        told = [seen(segmenter, change(frame)) for frame in frames]
        kept = sum(has for (has, _), (held, _) in zip(told, known, strict=True) if held)
        off = [abs(now - then) for (_, now), (_, then) in zip(told, known, strict=True)]
        total = 100 * (sum(lipid for _, lipid in told) / before - 1)
        print(
            f"| {name} | {kept} of {had} | {total:+.0f} % | {100 * sum(off) / before:.0f} % | {max(off)} px |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
