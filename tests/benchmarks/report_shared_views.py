"""What the frames of a pullback lose or gain where disc, catheter and ruler are found once for all.

`python -m tests.benchmarks.report_shared_views`: phantom pullbacks are outlined as pullbacks and frame by frame, and
both are held against the truth: Dice pooled over all pixels, and the mean change of lipid area from frame to frame.
"""

import argparse
from collections.abc import Sequence
from functools import partial

import numpy as np

import octseg
from octseg.phantom import random_pullback
from octseg.phantom.geometry import anatomy, masks
from octseg.pullback import Pullback
from octseg.result import FrameResult

TISSUES = ("lumen", "fibrous_cap", "lipid_core")


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3, help="phantom pullbacks")
    parser.add_argument("--frames", type=int, default=24, help="of each")
    asked = parser.parse_args()
    model = octseg.from_pretrained()
    both = {"as a pullback": Tally(), "frame by frame": Tally()}
    for seed in range(1, asked.count + 1):
        vessel = random_pullback(seed, asked.frames)
        frames, specs = list(vessel.pullback()), [vessel.spec(number) for number in range(1, asked.frames + 1)]
        truth = [masks(spec, anatomy(spec)) for spec in specs]
        run = Pullback(name="run", frame_count=len(frames), read_frames=partial(iter, frames))
        both["as a pullback"].add(list(model.segment_pullback(run)), truth)
        both["frame by frame"].add([model.segment(frame) for frame in frames], truth)
    print(f"| {asked.count} x {asked.frames} frames | Dice of {', '.join(TISSUES)} | lipid, mm2 from frame to frame |")
    print("|---|---|---|")
    for name, tally in both.items():
        dice = ", ".join(f"{tally.dice(tissue):.3f}" for tissue in TISSUES)
        print(f"| {name} | {dice} | {np.mean(tally.changes):.3f} |")


class Tally:
    """Pixels that found and true masks share, of all in both, and changes of lipid area."""

    def __init__(self) -> None:
        self.shared, self.both = dict.fromkeys(TISSUES, 0), dict.fromkeys(TISSUES, 0)
        self.changes: list[float] = []

    def add(self, results: Sequence[FrameResult], truth: Sequence[dict[str, np.ndarray]]) -> None:
        """The results of one pullback and its true masks."""
        for result, true in zip(results, truth, strict=True):
            for tissue in TISSUES:
                found = result.masks[tissue]
                self.shared[tissue] += int(np.count_nonzero(found & true[tissue]))
                self.both[tissue] += int(np.count_nonzero(found) + np.count_nonzero(true[tissue]))
        areas = [result.measures.lipid_core_area_mm2 or 0.0 for result in results]
        self.changes += np.abs(np.diff(areas)).tolist()

    def dice(self, tissue: str) -> float:
        """Of all pixels together."""
        return 2 * self.shared[tissue] / self.both[tissue]


if __name__ == "__main__":
    main()
