"""Measure a checkpoint on frames it has not seen: `python -m train.evaluate --model RUN --data PART [--phantoms N]`.

PART is one part of a fold of the Zenodo record; the figures are pooled over its frames and given for each. Prints a
Markdown table, writes metrics.json into RUN and, with --into-config, the same figures into its config.json.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from octseg.checkpoint import load_checkpoint, save_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.errors import OctsegError
from octseg.phantom import make_phantom
from octseg.pretrained import from_pretrained
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from train.card import model_card
from train.dataset import read_truth, record_images
from train.metrics import Mask, Pair, dice, rays_that_meet

FIRST_PHANTOM_SEED = 900_000  # training draws from 100,000 up


@dataclass(frozen=True)
class Case:
    """One frame with an expert's or a phantom's truth, class name -> (H, W) bool."""

    name: str
    study: str
    frame: Frame
    truth: dict[str, Mask]


def record_cases(part: Path) -> Iterator[Case]:
    """The frames of one part of the record with their expert masks."""
    for image in record_images(part):
        frame = next(iter(read_pullback(image)))
        planes = read_truth(part / "mask" / f"{image.stem}.tiff", *frame.shape[:2]) > 0
        truth = {name: planes[..., plane] for plane, name in enumerate(CLASS_NAMES)}
        yield Case(image.stem, image.stem.split("_")[0], frame, truth)


def phantom_cases(count: int) -> Iterator[Case]:
    """Phantoms of seeds that no training draws."""
    for seed in range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + count):
        phantom = make_phantom(seed)
        yield Case(f"phantom_{seed}", "phantom", phantom.frame, phantom.masks)


def evaluate(segmenter: Segmenter, cases: Iterable[Case]) -> dict[str, Any]:
    """Pooled Dice of each class, Dice of each frame, and the arc-Dice of lipid core over 360 rays from the lumen."""
    pairs: dict[str, list[Pair]] = {name: [] for name in segmenter.config.network.classes}
    arcs: list[Pair] = []
    frames = []
    areas: list[tuple[int, int]] = []
    for case in cases:
        result = segmenter.segment(case.frame)
        for name, of_class in pairs.items():
            of_class.append((result.masks[name], case.truth[name]))
        arcs.append(lipid_arcs(result, case))
        areas.append((int(result.masks["lipid_core"].sum()), int(case.truth["lipid_core"].sum())))
        of_frame = {name: rounded(dice([of_class[-1]])) for name, of_class in pairs.items()}
        frames.append({"frame": case.name, "study": case.study, "dice": of_frame})
    found, true = (sum(column) for column in zip(*areas, strict=True))
    return {
        "n_frames": len(frames),
        "studies": sorted({frame["study"] for frame in frames}),
        "dice_pooled": {name: rounded(dice(of_class)) for name, of_class in pairs.items()},
        "lipid_arc_dice_pooled": rounded(dice(arcs)),
        "lipid_area_error_percent_pooled": rounded(100.0 * (found - true) / true) if true else None,
        "frames": frames,
    }


def lipid_arcs(result: FrameResult, case: Case) -> Pair:
    """(360,) found and true rays that meet lipid, seen from the centroid of the true lumen."""
    rows, cols = np.nonzero(case.truth["lumen"])
    centre = (float(rows.mean()), float(cols.mean()))
    return rays_that_meet(result.masks["lipid_core"], centre), rays_that_meet(case.truth["lipid_core"], centre)


def rounded(value: float | None) -> float | None:
    """Four digits after the point: more says nothing on so few frames."""
    return None if value is None else round(value, 4)


def table(metrics: dict[str, dict[str, Any]]) -> str:
    """The pooled figures of each set of frames as a Markdown table."""
    classes = list(next(iter(metrics.values()))["dice_pooled"])
    header = ["frames", "n", *(f"Dice {name}" for name in classes), "arc-Dice lipid", "lipid area error"]
    rows = [header, ["---"] * len(header)]
    for name, of_set in metrics.items():
        figures = [of_set["dice_pooled"][each] for each in classes] + [of_set["lipid_arc_dice_pooled"]]
        shown = ["-" if figure is None else f"{figure:.2f}" for figure in figures]
        error = of_set["lipid_area_error_percent_pooled"]
        rows.append([name, str(of_set["n_frames"]), *shown, "-" if error is None else f"{error:+.0f} %"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--data", type=Path, required=True, help="folder with img/ and mask/ that was not trained on")
    parser.add_argument("--phantoms", type=int, default=0, help="also measure on so many fresh phantoms")
    parser.add_argument("--into-config", action="store_true", help="store the figures in config.json and the card")
    options = parser.parse_args(argv)
    try:
        segmenter = from_pretrained(options.model)
        metrics = {"unseen patients": evaluate(segmenter, tqdm(record_cases(options.data), disable=None))}
        if options.phantoms:
            metrics["phantoms"] = evaluate(segmenter, tqdm(phantom_cases(options.phantoms), disable=None))
        (options.model / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
        if options.into_config:
            store_metrics(options.model, metrics)
    except OctsegError as error:
        print(f"train.evaluate: {error}", file=sys.stderr)
        return 1
    print(table(metrics))
    return 0


def store_metrics(folder: Path, metrics: dict[str, dict[str, Any]]) -> None:
    """Put the figures into the checkpoint's config.json and write its card anew."""
    checkpoint = load_checkpoint(folder)
    pooled = {name: {key: of_set[key] for key in of_set if key != "frames"} for name, of_set in metrics.items()}
    config = replace(checkpoint.config, metrics={"protocol": PROTOCOL, **pooled})
    save_checkpoint(folder, checkpoint.network, config, model_card(config, table(metrics)))


PROTOCOL = (
    "Masks at the frame's own resolution from the model's own thresholds, no post-processing. Dice pooled over the "
    "pixels of a set's frames. Arc-Dice over the 360 rays from the true lumen's centroid, pooled. Lipid area "
    "error is the sum of found over the sum of true pixels, less 1. No frame of a set was used to train, to select or "
    "to tune."
)

if __name__ == "__main__":
    sys.exit(main())
