"""Measure a checkpoint on frames it has not seen: `python -m train.evaluate --model RUN --data DIR [--split test]`.

DIR is a dataset of `python -m train.prepare`, or one part of an unpacked fold of the Zenodo record. Prints two Markdown
tables, writes metrics.json into RUN and, with --into-config, the same figures into its config.json and card. A study
that the model was trained on is refused. --choose-thresholds sets the operating point, on validation alone.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from octseg.checkpoint import load_checkpoint, save_checkpoint
from octseg.errors import ConfigError, DatasetError, OctsegError
from octseg.export.files import write_file
from octseg.pretrained import from_pretrained
from octseg.segmenter import Segmenter
from train.card import model_card
from train.dataset import Case, Data, open_data, phantom_case
from train.scores import SetScore

FIRST_PHANTOM_SEED = 900_000  # training draws from 100,000 up
METRICS_FILE = "metrics.json"
DETAILS = ("frames", "classes")  # too large for config.json; they stand in metrics.json
PROTOCOL = (
    "Masks at the frame's own resolution from the model's own thresholds, no post-processing. Dice pooled over the "
    "pixels of a set's frames. Arc-Dice over the 360 rays from the true lumen's centroid (from that of the lumen "
    "found where the truth has none), pooled. Lipid area error is the sum of found over the sum of true pixels, less "
    "1. A frame counts as one with lipid where any pixel is. Intervals by bootstrap over patients, 2,000 draws; none "
    "for fewer than three patients. No frame of a set was used to train, to select or to tune."
)


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


def score(segmenter: Segmenter, cases: Iterable[Case]) -> SetScore:
    """Every case segmented and scored; the dataset's scale is used where it knows one."""
    scores = SetScore()
    for case in cases:
        scores.add(segmenter.segment(case.frame, case.pixel_spacing_mm), case)
    return scores


def evaluate(segmenter: Segmenter, cases: Iterable[Case]) -> dict[str, Any]:
    """All figures of merit of one set of frames, as metrics.json holds them."""
    return score(segmenter, cases).summary()


def table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The pooled figures of each set of frames as a Markdown table."""
    classes = list(next(iter(metrics.values()))["dice_pooled"])
    header = ["frames", "n", *(f"Dice {name}" for name in classes), "arc-Dice lipid", "lipid area error"]
    rows = []
    for name, of_set in metrics.items():
        dices = [of_set["dice_pooled"].get(each) for each in classes]
        error = of_set.get("lipid_area_error_percent_pooled")
        shown = [_figure(each) for each in (*dices, of_set.get("lipid_arc_dice_pooled"))]
        rows.append([name, str(of_set["n_frames"]), *shown, "-" if error is None else f"{error:+.0f} %"])
    return _markdown(header, rows)


def class_table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Every class of each set: Dice in all conventions, IoU, precision, recall, outlines in mm, calibration."""
    header = [
        "frames",
        "class",
        "Dice, pooled",
        "95 % interval",
        "frames with it",
        "nnU-Net",
        "empty = 1",
        "by patient",
    ]
    header += ["IoU", "precision", "recall", "NSD", "HD95, mm", "ECE"]
    rows = []
    for name, of_set in metrics.items():
        for tissue, figures in of_set["classes"].items():
            dice, interval = figures["dice"], figures["dice"]["pooled_ci95"]
            conventions = (dice["frames_with_class"], dice["nnunet"], dice["empty_is_1"], dice["patient_mean"])
            rest = (
                figures["iou"]["pooled"],
                figures["precision"],
                figures["recall"],
                figures["nsd"],
                figures["hd95_mm"],
            )
            spread = "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
            shown = [_figure(each) for each in (*conventions, *rest)]
            ece = "-" if figures["ece"] is None else f"{figures['ece']:.3f}"
            rows.append([name, tissue, _figure(dice["pooled"]), spread, *shown, ece])
    return _markdown(header, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    try:
        if options.choose_thresholds:
            choose_thresholds(options.model, open_data(options.data, options.split), options.split)
        segmenter = from_pretrained(options.model)
        data = open_data(options.data, options.split)
        refuse_seen(segmenter.config.training, data)
        for warning in data.warnings:
            print(f"train.evaluate: {warning}", file=sys.stderr)
        of_data = evaluate(segmenter, _shown(data))
        metrics = {"frames of a leaking split" if data.warnings else "unseen patients": of_data}
        if options.phantoms:
            phantoms = tqdm(phantom_cases(options.phantoms), total=options.phantoms, disable=None)
            metrics["phantoms"] = evaluate(segmenter, phantoms)
        write_file(options.model / METRICS_FILE, (json.dumps(metrics, indent=2) + "\n").encode())
        if options.into_config:
            store_metrics(options.model, metrics)
    except OctsegError as error:
        print(f"train.evaluate: {error}", file=sys.stderr)
        return 1
    print(f"{table(metrics)}\n\n{class_table(metrics)}")
    return 0


def choose_thresholds(folder: Path, data: Data, split: str) -> dict[str, float]:
    """Set each class's threshold to that of the greatest pooled Dice on validation, in config.json; returns them.

    Raises ConfigError on another split: a threshold chosen on a test set flatters the figures on it.
    """
    if split != "validation":
        raise ConfigError(
            f"thresholds are chosen on validation, never on {split}: they would flatter the figures there"
        )
    checkpoint = load_checkpoint(folder)
    refuse_seen(checkpoint.config.training, data)
    reliability = score(from_pretrained(folder), _shown(data)).reliability
    chosen = {name: best for name, bins in reliability.items() if (best := bins.best_threshold()) is not None}
    thresholds = {**checkpoint.config.thresholds, **chosen}
    training = {
        **checkpoint.config.training,
        "thresholds": f"greatest pooled Dice on {len(data.studies)} validation frames",
    }
    config = replace(checkpoint.config, thresholds=thresholds, training=training)
    save_checkpoint(folder, checkpoint.network, config, model_card(config))
    return chosen


def store_metrics(folder: Path, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the figures into the checkpoint's config.json and write its card anew."""
    checkpoint = load_checkpoint(folder)
    pooled = {name: {key: of_set[key] for key in of_set if key not in DETAILS} for name, of_set in metrics.items()}
    config = replace(checkpoint.config, metrics={"protocol": PROTOCOL, **pooled})
    save_checkpoint(
        folder, checkpoint.network, config, model_card(config, f"{table(metrics)}\n\n{class_table(metrics)}")
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def _shown(data: Data) -> Iterable[Case]:
    return tqdm(data.cases(), total=len(data.studies), disable=None)  # type: ignore[no-any-return]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder, or folder with img/ and mask/")
    parser.add_argument("--split", default="validation", help="of the dataset: validation, test or train")
    parser.add_argument("--phantoms", type=int, default=0, help="also measure on so many fresh phantoms")
    parser.add_argument("--into-config", action="store_true", help="store the figures in config.json and the card")
    parser.add_argument("--choose-thresholds", action="store_true", help="set the operating point first, on validation")
    return parser


if __name__ == "__main__":
    sys.exit(main())
