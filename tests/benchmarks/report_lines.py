"""What a viewer's crosshair, calliper or contour leaves of a frame's result: its scale, and the lipid that is found.

    python -m tests.benchmarks.report_lines --data DIR [DIR ...] [--every N]

DIR has img/ and mask/ as the Zenodo record has. Each frame is seen as it is and saved in grey, without lines and with
each kind of them. Printed: of how many frames the scale is kept, and by how much lipid's area differs, all and worst.
"""

import argparse
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

import octseg
from octseg import Segmenter
from octseg.pullback import Frame
from octseg.view.grey import sepia_to_grey
from train.dataset import open_data

Colour = tuple[int, int, int]
WHITE, CYAN, YELLOW, GREEN = (255, 255, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0)


def line(frame: Frame, first: tuple[float, float], last: tuple[float, float], colour: Colour, wide_px: int) -> Frame:
    """A frame (H, W, 3) with a line between two points (col, row), in parts of its sides."""
    height, width = frame.shape[:2]
    ends = [(round(col * (width - 1)), round(row * (height - 1))) for col, row in (first, last)]
    return np.asarray(cv2.line(np.ascontiguousarray(frame.copy()), ends[0], ends[1], colour, wide_px), np.uint8)


def crosshair(colour: Colour, wide_px: int, at: float = 0.5) -> Callable[[Frame], Frame]:
    """What draws one across the whole frame, through the middle or beside it."""
    return lambda frame: line(line(frame, (0, at), (1, at), colour, wide_px), (at, 0), (at, 1), colour, wide_px)


def contour(frame: Frame, wide_px: int) -> Frame:
    """A white ellipse about the middle, as somebody traces a lumen."""
    height, width = frame.shape[:2]
    drawn = np.ascontiguousarray(frame.copy())
    middle, half = (round(0.53 * width), round(0.51 * height)), (round(0.27 * width), round(0.22 * height))
    return np.asarray(cv2.ellipse(drawn, middle, half, 30, 0, 360, WHITE, wide_px), np.uint8)


DRAWN: dict[str, Callable[[Frame], Frame]] = {
    "white crosshair, 1 px": crosshair(WHITE, 1),
    "white crosshair, 2 px": crosshair(WHITE, 2),
    "white crosshair, 3 px": crosshair(WHITE, 3),
    "cyan crosshair, 1 px": crosshair(CYAN, 1),
    "cyan crosshair, 2 px": crosshair(CYAN, 2),
    "yellow crosshair, 2 px": crosshair(YELLOW, 2),
    "green crosshair, 2 px": crosshair(GREEN, 2),
    "white crosshair beside the middle, 2 px": crosshair(WHITE, 2, 0.4),
    "white contour, 1 px": lambda frame: contour(frame, 1),
    "white contour, 3 px": lambda frame: contour(frame, 3),
    "white calliper across the middle, 2 px": lambda frame: line(frame, (0.25, 0.17), (0.75, 0.83), WHITE, 2),
    "white calliper beside the middle, 2 px": lambda frame: line(frame, (0.2, 0.1), (0.9, 0.8), WHITE, 2),
}


def seen(segmenter: Segmenter, frame: Frame) -> tuple[bool, int]:
    """Whether a frame has a scale, and how many pixels of lipid are found."""
    result = segmenter.segment(frame)
    return result.pixel_spacing_mm is not None, int(result.masks["lipid_core"].sum())


def row(name: str, segmenter: Segmenter, clean: list[Frame], known: list[tuple[bool, int]]) -> str:
    """One kind of line over all frames."""
    told = [seen(segmenter, DRAWN[name](frame)) for frame in clean]
    kept = sum(has for (has, _), (had, _) in zip(told, known, strict=True) if had)
    area, before = (sum(lipid for _, lipid in each) for each in (told, known))
    worst = max(abs(now - then) for (_, now), (_, then) in zip(told, known, strict=True))
    return f"| {name} | {kept} of {sum(had for had, _ in known)} | {100 * (area / before - 1):+.0f} % | {worst} px |"


def frames_asked_for(description: str) -> list[Frame]:
    """Frames of the folders that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--every", type=int, default=1, help="every so many frames of each DIR")
    asked = parser.parse_args()
    chosen = (islice(open_data(each, "test").cases(), 0, None, asked.every) for each in asked.data)
    return [case.frame for cases in chosen for case in cases]


def main() -> int:
    """Print the tables."""
    coloured = frames_asked_for(__doc__.splitlines()[0])
    segmenter = octseg.from_pretrained()
    for kind, clean in (
        ("as they are", coloured),
        ("saved in grey", [np.asarray(cv2.merge([sepia_to_grey(frame)] * 3), np.uint8) for frame in coloured]),
    ):
        known = [seen(segmenter, frame) for frame in clean]
        print(f"\n| {len(clean)} frames {kind} | scale kept | lipid, all | lipid, worst frame |\n|---|---|---|---|")
        for name in DRAWN:
            print(row(name, segmenter, clean, known), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
