"""What each lever of the recipe is good for: `python -m tests.benchmarks.report_levers --data FOLD --imagenet FILE`.

Every row is trained with the same budget and seeds and differs from the first, today's recipe, in what its name says.
FOLD is laid out as one of the Zenodo record. The study with most frames is trained on, less the frames in `GAP`, which
hold another plaque of the same patient: rows are chosen by these and by phantoms, also of other optics. The other
studies of the fold are measured too; they choose nothing.
Writes a line of JSON for each row and seed to --out, passes over those that are there, and prints the table. `--rows`
takes some of them, by their first word.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from octseg.checkpoint import CheckpointConfig, save_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.model import ModelConfig
from octseg.pretrained import from_pretrained
from octseg.view.preprocessing import PreprocessingConfig, SecondLook, ThirdChannel, view_frame
from train.dataset import Case, TrainingFrame, load_phantom, open_data, training_frame
from train.judging.judge import evaluate, other_optics_cases, phantom_cases
from train.learning.loop import train
from train.learning.recipe import Augmentation, Recipe, Stage

GAP, HELD_OUT = range(71, 121), range(74, 119)  # frame numbers not trained on; of these the ones to measure on
POLAR = PreprocessingConfig(domain="polar", size=(208, 256))
PHANTOM_SEED = 100_000
NARROW = replace(
    Augmentation().without("near_chance", "coarse_chance", "dim_chance", "floor_chance", "black_chance"),
    zoom=(0.6, 1.45),
    gain=(0.8, 1.25),
)


@dataclass(frozen=True)
class Row:
    """One training: changes to today's recipe, how many phantoms there are, and the network's own."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    phantoms: int = 300
    circular: bool = True
    third_channel: ThirdChannel = "grey"
    second_look: SecondLook = "along_lumen"


def augmented(name: str, **changes: Any) -> Row:
    """Today's recipe with another augmentation."""
    return Row(name, {"augmentation": replace(Augmentation(), **changes)})


ROWS = (
    Row("today"),
    Row(
        "views of octseg 0.1: reach 0.6 to 1.45, no other zoom's pixels, light, floor",
        {"augmentation": NARROW},
        second_look="nearer",
    ),
    Row("nearer: a second look from the catheter", second_look="nearer"),
    Row(
        "no-near: never as the second look sees it, which then is a nearer one",
        {"augmentation": replace(Augmentation(), near_chance=0.0)},
        second_look="nearer",
    ),
    augmented("no-coarse: pixels as they are", coarse_chance=0.0),
    augmented("no-dim: light as it is", dim_chance=0.0),
    augmented("no-floor: black behind the rim", floor_chance=0.0),
    augmented("range of the display cut, other grey maps", range_cut=0.08, tone_chance=0.3),
    augmented("blood in a fifth", blood_chance=0.2),
    augmented("wedges of other frames", wedge_chance=0.25),
    Row("60% phantoms", {"phantom_share": 0.6}),
    Row(
        "few-negatives: 60 % of the real frames with lipid, 35 % phantoms", {"lipid_share": 0.6, "phantom_share": 0.35}
    ),
    Row("dice for Focal-Tversky", {"loss": "bce_dice"}),
    Row("seam: rows that do not go around", circular=False),
    Row("slope of dB with depth as the third channel", third_channel="slope"),
)


def held_apart(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Cases to train on and to measure on, by the number at the end of their names."""
    number = {case.name: int(case.name.rpartition("_")[2]) for case in cases}
    return [case for case in cases if number[case.name] not in GAP], [
        case for case in cases if number[case.name] in HELD_OUT
    ]


def figures(
    row: Row,
    seed: int,
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    sets: Mapping[str, Sequence[Case]],
    imagenet: Path,
    steps: int,
) -> dict[str, Any]:
    """Train one row and measure it on each set of cases."""
    recipe = replace(Recipe(stages=(Stage(steps=steps, batch=8, size=POLAR.size),), seed=seed), **row.changes)
    network_config = ModelConfig(circular_rows=row.circular)
    seen = replace(POLAR, third_channel=row.third_channel, second_look=row.second_look)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=steps, desc=row.name) as bar:
        network = train(
            real,
            phantoms[: row.phantoms],
            imagenet=imagenet,
            network_config=network_config,
            preprocessing=seen,
            recipe=recipe,
            out=Path(folder) / "run",
            show=lambda report: bar.update(int(report["step"]) - bar.n),
        )
        config = CheckpointConfig(network=network_config, preprocessing=seen)
        save_checkpoint(Path(folder) / "weights", network, config, "")
        segmenter = from_pretrained(Path(folder) / "weights")
        measured = {name: evaluate(segmenter, cases) for name, cases in sets.items()}
    for of_set in measured.values():
        del of_set["frames"]
    return measured


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One line for each row and seed: lumen, cap and lipid Dice, lipid arc-Dice and area error in each set."""
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
    parser.add_argument("--out", type=Path, default=Path("levers.jsonl"))
    parser.add_argument("--rows", nargs="+", default=[row.name.split()[0] for row in ROWS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--test-phantoms", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cases, held_out = held_apart(list(open_data(options.data / "train", "train").cases()))
    real = [training_frame(case, view_frame(case.frame), CLASS_NAMES) for case in cases]
    sets = {
        "held-out plaque of 001": held_out,
        "phantoms": list(phantom_cases(options.test_phantoms)),
        "phantoms of other optics": list(other_optics_cases(options.test_phantoms)),
        "003 and 008": list(open_data(options.data / "test", "test").cases()),
    }
    count = max(row.phantoms for row in ROWS)
    phantoms = [load_phantom(PHANTOM_SEED + number) for number in tqdm(range(count), desc="phantoms")]
    results = {}
    if options.out.exists():
        results = {told["name"]: told["sets"] for told in map(json.loads, options.out.read_text().splitlines())}
    wanted = [row for row in ROWS if row.name.split()[0] in options.rows]
    for seed, row in product(options.seeds, wanted):
        name = f"{row.name}, seed {seed}"
        if name not in results:
            results[name] = figures(row, seed, real, phantoms, sets, options.imagenet, options.steps)
            with options.out.open("a") as out:
                out.write(json.dumps({"name": name, "steps": options.steps, "sets": results[name]}) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
