"""What a model says of the same frames turned and mirrored: pooled Dice of eight exact views, and how far areas differ.

    python -m tests.benchmarks.report_views --data DIR [DIR ...] [--model DIR] [--every N] [--phantoms N]
        [--size ROWS DEPTHS]

DIR has img/ and mask/ as the Zenodo record has, such as ../shared/data/oct/fold_1/test and .../recovered/test.
Turns by quarters and mirroring move pixels and change none. Phantoms are of other optics and are seen as they come.
--size: another size of the network's input than the model was trained with.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

import octseg
from octseg import Segmenter
from octseg.pretrained import BUNDLED
from train.dataset import Case, open_data
from train.judging.judge import other_optics_cases, score
from train.judging.scores import SetScore

VIEWS = [(quarters, mirrored) for mirrored in (False, True) for quarters in range(4)]


def seen(case: Case, quarters: int, *, mirrored: bool) -> Case:
    """The case turned by quarters of a turn, then mirrored."""

    def moved(plane: np.ndarray) -> np.ndarray:
        turned = np.rot90(plane, quarters)
        return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)

    return replace(case, frame=moved(case.frame), truth={name: moved(mask) for name, mask in case.truth.items()})


def at_size(model: Path, rows: int, depths: int, folder: Path) -> Path:
    """A copy of a model whose network looks at inputs of that size."""
    copy = Path(shutil.copytree(model, folder / "model"))
    config = json.loads((copy / "config.json").read_text())
    config["preprocessing"]["size"] = [rows, depths]
    (copy / "config.json").write_text(json.dumps(config))
    return copy


def row(name: str, scores: SetScore) -> str:
    """Of one view: Dice of lumen, cap and lipid, lipid arc-Dice, error of lipid's area, found where there is none."""
    told = scores.summary()
    dice, lipid = told["dice_pooled"], told["lipid_visible"]
    invented = f"{lipid['found_without_lipid']} of {lipid['n_without_lipid']}"
    cells = [f"{dice[each]:.2f}" for each in ("lumen", "fibrous_cap", "lipid_core")]
    cells += [f"{told['lipid_arc_dice_pooled']:.2f}", f"{told['lipid_area_error_percent_pooled']:+.0f} %", invented]
    return f"| {name} | {' | '.join(cells)} |"


def together(views: list[SetScore]) -> SetScore:
    """All frames of all views as one set."""
    return SetScore(frames=[frame for view in views for frame in view.frames], reliability=views[0].reliability)


def areas(views: list[SetScore]) -> Iterator[str]:
    """Of each frame the visible lipid that the views find, and what is true, mm2."""
    for place, first in enumerate(views[0].frames):
        found = [area.found for view in views if (area := view.frames[place].lipid_area_mm2) is not None]
        true = first.lipid_area_mm2.true if first.lipid_area_mm2 else float("nan")
        yield f"| {first.name} | {min(found):.2f} to {max(found):.2f} | {true:.2f} |"


def report(segmenter: Segmenter, cases: list[Case], phantoms: int) -> Iterator[str]:
    """The tables, line by line."""
    yield "| view | lumen | cap | lipid | arc | area | found where there is none |\n|---|---|---|---|---|---|---|"
    views = []
    for quarters, mirrored in VIEWS:
        views.append(score(segmenter, [seen(case, quarters, mirrored=mirrored) for case in cases]))
        yield row(f"turned by {90 * quarters} degrees{', mirrored' if mirrored else ''}", views[-1])
    yield row("all eight", together(views))
    if phantoms:
        yield row(f"{phantoms} phantoms of other optics, as they come", score(segmenter, other_optics_cases(phantoms)))
    yield "\n| frame | lipid found, mm2 | true |\n|---|---|---|"
    yield from areas(views)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--every", type=int, default=1, help="every so many frames of each DIR")
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, metavar=("ROWS", "DEPTHS"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = at_size(asked.model, *asked.size, Path(folder)) if asked.size else asked.model
        segmenter = octseg.from_pretrained(model)
        cases = [case for each in asked.data for case in islice(open_data(each, "test").cases(), 0, None, asked.every)]
        for line in report(segmenter, cases, asked.phantoms):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
