"""Measure a checkpoint on frames it has not seen: `python -m train.evaluate --model RUN --data DIR [--split test]`.

DIR is a dataset of `python -m train.prepare`, or one part of an unpacked fold of the Zenodo record; the figures are
pooled over its frames and given for each. Prints a Markdown table, writes metrics.json into RUN and, with
--into-config, the same figures into its config.json. A study that the model was trained on is refused.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from octseg.checkpoint import load_checkpoint, save_checkpoint
from octseg.errors import DatasetError, OctsegError
from octseg.pretrained import from_pretrained
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from train.card import model_card
from train.dataset import Case, Data, open_data, phantom_case
from train.metrics import Pair, dice, rays_that_meet

FIRST_PHANTOM_SEED = 900_000  # training draws from 100,000 up


def phantom_cases(count: int) -> Iterator[Case]:
    """Phantoms of seeds that no training draws."""
    return map(phantom_case, range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + count))


def refuse_seen(training: Mapping[str, Any], data: Data) -> None:
    """DatasetError where a model of that `training` (config.json) saw a study of `data`: figures would say nothing."""
    for known in training.get("datasets", ()):
        if known.get("name") == data.told.get("name") and (both := set(known.get("studies", ())) & set(data.studies)):
            raise DatasetError(
                f"the model was trained on the studies {', '.join(sorted(both))}; measure it on others, or the figures "
                "say nothing of unseen patients"
            )


def evaluate(segmenter: Segmenter, cases: Iterable[Case]) -> dict[str, Any]:
    """Pooled Dice of each class, Dice of each frame, and the arc-Dice of lipid core over 360 rays from the lumen."""
    pairs: dict[str, list[Pair]] = {}
    arcs: list[Pair] = []
    frames = []
    areas: list[tuple[int, int]] = []
    for case in cases:
        result = segmenter.segment(case.frame)
        for name in [name for name in segmenter.config.network.classes if name in case.truth]:
            pairs.setdefault(name, []).append((result.masks[name], case.truth[name]))
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
    """(360,) found and true rays that meet lipid, seen from the centroid of the true lumen.

    Where the truth does not speak of the lumen, from that of the one found, and without any from the frame's middle.
    """
    lumen = case.truth.get("lumen", result.masks.get("lumen"))
    rows, cols = np.nonzero(np.ones(case.frame.shape[:2], bool) if lumen is None or not lumen.any() else lumen)
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
    parser.add_argument("--data", type=Path, required=True, help="dataset folder, or folder with img/ and mask/")
    parser.add_argument("--split", default="validation", help="of the dataset: validation, test or train")
    parser.add_argument("--phantoms", type=int, default=0, help="also measure on so many fresh phantoms")
    parser.add_argument("--into-config", action="store_true", help="store the figures in config.json and the card")
    options = parser.parse_args(argv)
    try:
        segmenter = from_pretrained(options.model)
        data = open_data(options.data, options.split)
        refuse_seen(segmenter.config.training, data)
        for warning in data.warnings:
            print(f"train.evaluate: {warning}", file=sys.stderr)
        of_data = evaluate(segmenter, tqdm(data.cases(), total=len(data.studies), disable=None))
        metrics = {"frames of a leaking split" if data.warnings else "unseen patients": of_data}
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
