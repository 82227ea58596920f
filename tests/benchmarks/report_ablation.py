"""What each piece of the recipe is good for: `python -m tests.benchmarks.report_ablation --data FOLD --imagenet FILE`.

Every row is trained with the same budget and differs from the first in what its name says. FOLD is laid out as one of
the Zenodo record. The study with most frames is trained on, less the frames in `GAP`, which hold another plaque of the
same patient: rows are chosen by these and by phantoms. The other studies of the fold are measured too; they choose
nothing.
Writes a line of JSON for each row to --out, passes over those that are there, and prints the table.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from octseg.checkpoint import CheckpointConfig, save_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.model import ModelConfig
from octseg.preprocessing import PreprocessingConfig, view_frame
from octseg.pretrained import from_pretrained
from train.dataset import Case, TrainingFrame, load_phantom, open_data, training_frame
from train.evaluate import evaluate, phantom_cases
from train.loop import train
from train.recipe import PLAIN_FLIPS, Augmentation, Recipe, Stage

GAP, HELD_OUT = range(71, 121), range(74, 119)  # frame numbers not trained on; of these the ones to measure on
SIDE, RAYS = 192, 168  # of the input: depths and rays
WRAP_IN_TRAINING, WRAP_IN_USE = 12, 60
PHANTOM_SEED = 100_000


@dataclass(frozen=True)
class Row:
    """One training: changes to the first row's recipe, how many phantoms there are, and the input's domain."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    phantoms: int = 300
    domain: str = "polar"


def without(name: str, *pieces: str) -> Row:
    """The first row less pieces of the augmentation."""
    return Row(name, {"augmentation": Augmentation.every_piece().without(*pieces)})


ROWS = (
    Row("every piece, Dice"),
    Row("Focal-Tversky for Dice", {"loss": "bce_focal_tversky"}),
    Row("no phantoms", phantoms=0),
    Row("plain baseline: flips, no phantoms", {"augmentation": PLAIN_FLIPS}, phantoms=0),
    Row("60 % phantoms", {"phantom_share": 0.6}),
    Row("every piece, Dice, another seed", {"seed": 1}),
    Row("Cartesian", domain="cartesian"),
    Row("flips alone", {"augmentation": PLAIN_FLIPS}),
    without("no wedges of other frames", "wedge_chance"),
    without("no blood, ruler, tone, range", "blood_chance", "ruler_chance", "tone_chance", "range_cut"),
    without("no zoom, no shift", "zoom", "offset"),
    Row("lipid frames as they come", {"lipid_share": 0.0}),
    Row("no averaged weights", {"ema_decay": 0.0}),
)


def held_apart(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Cases to train on and to measure on, by the number at the end of their names."""
    number = {case.name: int(case.name.rpartition("_")[2]) for case in cases}
    return [case for case in cases if number[case.name] not in GAP], [
        case for case in cases if number[case.name] in HELD_OUT
    ]


def preprocessing(domain: str, wrap: int) -> PreprocessingConfig:
    """The input of every row."""
    if domain == "cartesian":
        return PreprocessingConfig(domain="cartesian", size=(SIDE, SIDE))
    return PreprocessingConfig(domain="polar", size=(RAYS + 2 * wrap, SIDE), wrap_rays=wrap)


def figures(
    row: Row,
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    sets: Mapping[str, Sequence[Case]],
    imagenet: Path,
    steps: int,
) -> dict[str, Any]:
    """Train one row and measure it on each set of cases."""
    seen = preprocessing(row.domain, WRAP_IN_TRAINING)
    stages = (Stage(steps=steps, batch=8, size=seen.size),)
    first = Recipe(stages=stages, augmentation=Augmentation.every_piece(), loss="bce_dice")
    recipe = replace(first, **row.changes)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=steps, desc=row.name) as bar:
        network = train(
            real,
            phantoms[: row.phantoms],
            imagenet=imagenet,
            network_config=ModelConfig(),
            preprocessing=seen,
            recipe=recipe,
            out=Path(folder) / "run",
            show=lambda report: bar.update(int(report["step"]) - bar.n),
        )
        config = CheckpointConfig(network=ModelConfig(), preprocessing=preprocessing(row.domain, WRAP_IN_USE))
        save_checkpoint(Path(folder) / "weights", network, config, "")
        segmenter = from_pretrained(Path(folder) / "weights")
        measured = {name: evaluate(segmenter, cases) for name, cases in sets.items()}
    for of_set in measured.values():
        del of_set["frames"]
    return measured


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One line for each row: lumen, cap and lipid Dice, lipid arc-Dice and area error in each set."""
    sets = list(next(iter(results.values())))
    lines = ["| | " + " | ".join(sets) + " |", "|" + "---|" * (len(sets) + 1)]
    for name, of_row in results.items():
        cells = []
        for of_set in of_row.values():
            dice = [of_set["dice_pooled"][tissue] for tissue in ("lumen", "fibrous_cap", "lipid_core")]
            error = of_set["lipid_area_error_percent_pooled"]
            cells.append(
                ", ".join(f"{each:.2f}" for each in (*dice, of_set["lipid_arc_dice_pooled"])) + f", {error:+.0f} %"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train every row that is not yet in --out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="fold with train/ and test/")
    parser.add_argument("--imagenet", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("ablation.jsonl"))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--test-phantoms", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cases, held_out = held_apart(list(open_data(options.data / "train", "train").cases()))
    real = [training_frame(case, view_frame(case.frame), CLASS_NAMES) for case in cases]
    sets = {
        "held-out plaque of 001": held_out,
        "phantoms": list(phantom_cases(options.test_phantoms)),
        "003 and 008": list(open_data(options.data / "test", "test").cases()),
    }
    count = max(row.phantoms for row in ROWS)
    phantoms = [load_phantom(PHANTOM_SEED + number) for number in tqdm(range(count), desc="phantoms")]
    results = {}
    if options.out.exists():
        results = {told["name"]: told["sets"] for told in map(json.loads, options.out.read_text().splitlines())}
    for row in ROWS:
        if row.name not in results:
            results[row.name] = figures(row, real, phantoms, sets, options.imagenet, options.steps)
            with options.out.open("a") as out:
                out.write(json.dumps({"name": row.name, "steps": options.steps, "sets": results[row.name]}) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
