"""What becomes of frames on a screen whose window cuts the imaged disc off.

    python -m tests.benchmarks.report_windows --data DIR [DIR ...] [--every N]

DIR has img/ and mask/ as the Zenodo record has. Each frame is shown 1.2 times as large on a dark and on a light screen,
whole and cut at each of its sides. Printed: what is said of the whole ones; of the others, how many are measured as the
whole ones are, of how many it is told that they are cut, and how many are measured otherwise without a word.
"""

from collections import Counter
from itertools import product

import numpy as np

import octseg
from octseg.result import FrameResult
from tests.benchmarks.report_lines import frames_asked_for
from tests.fakes.captures import SIDES, in_window

GROUNDS = (25, 236)
PARTS = (0.95, 0.9, 0.8, 0.7, 0.6)  # of the frame's side, that the window shows
MOST_OFF = 0.05
TELLING = ("reaches the edge", "The picture ends", "No imaged disc", "edge of a window")


def areas_px(result: FrameResult) -> np.ndarray:
    """Of lumen and lipid; 0 where there is none."""
    return np.array([result.measures.lumen_area_px or 0, result.measures.lipid_core_area_px or 0])


def told_of(result: FrameResult) -> set[str]:
    """What is said of a frame that is not seen whole, and whether nothing is measured in it."""
    said = {words for words in TELLING if any(words in warning for warning in result.warnings)}
    return said | ({"withdrawn"} if result.withdrawn else set())


def outcome(result: FrameResult, whole: FrameResult) -> str:
    """ "right", "told" or "untold" of a cut capture, by what the whole one gives."""
    if told_of(result) - told_of(whole):
        return "told"
    true = areas_px(whole)
    return "untold" if (np.abs(areas_px(result) - true) > MOST_OFF * true).any() else "right"


def main() -> int:
    """Print the table."""
    frames = frames_asked_for(__doc__.splitlines()[0])
    segmenter = octseg.from_pretrained()
    wholes = Counter[str]()
    found = {(ground, part): Counter[str]() for ground in GROUNDS for part in PARTS}
    for frame in frames:
        for ground in GROUNDS:
            whole = segmenter.segment(in_window(frame, ground, 1.0, "right").picture)
            wholes.update(told_of(whole) or {"nothing"})
            for part, side in product(PARTS, SIDES):
                capture = in_window(frame, ground, part, side)
                found[ground, part][outcome(segmenter.segment(capture.picture), whole)] += 1
    print(f"Said of {len(frames) * len(GROUNDS)} whole ones: {dict(wholes)}\n")
    print("| ground | shown | right | told | off by over 5 %, untold |\n|---|---|---|---|---|")
    for (ground, part), counts in found.items():
        print(f"| {ground} | {part:g} | {counts['right']} | {counts['told']} | {counts['untold']} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
