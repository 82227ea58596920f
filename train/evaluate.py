"""Measure a checkpoint on frames it has not seen: `python -m train.evaluate --model RUN --data DIR [--split test]`.

DIR is a dataset of `python -m train.prepare`, org/name[@revision] of the Hub, or one part of an unpacked fold of the
Zenodo record. Prints Markdown tables, writes metrics.json into RUN and, with --into-config, the same figures into its
config.json and card, and a picture of the worst frames beside them. A study that the model was trained on is refused.
--phantoms and --other-optics measure on fresh phantoms as well, --by-frame prints each frame's figures, --uncertainty
counts how many true values lie in the measures' intervals. What was measured of the same weights before on phantoms or
public frames, and is not measured now, stays: figures on private frames, or on another dataset, stand beside it.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from octseg.cards.model import FAILURES_FILE, model_card
from octseg.cards.score_tables import (
    METRICS_FILE,
    SHOWN_INTERVALS,
    Metrics,
    class_table,
    coverage_table,
    frame_table,
    lipid_table,
    metrics_bytes,
    metrics_in,
    summary_table,
)
from octseg.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.commands.counts import from_0
from octseg.commands.stopping import until_stopped
from octseg.errors import OctsegError
from octseg.export.files import write_file
from octseg.measurement.depth import LIPID_DEPTH_MM
from octseg.pretrained import from_pretrained
from octseg.reading.names import listed
from octseg.segmenter import Segmenter
from train.dataset import Data, open_data
from train.judging.judge import (
    evaluate,
    flattering,
    name_of,
    other_optics_cases,
    phantom_cases,
    refuse_seen,
    score,
    shown,
)
from train.judging.worst import WorstFrames, failures_png

N_FAILURES = 6  # frames of failures.png
DETAILS = ("frames", "classes")  # too large for config.json; they stand in metrics.json
PROTOCOL = (
    f"Masks at the frame's own resolution from the model's own thresholds, outlines decoded per ray. Lipid core counts "
    f"to {LIPID_DEPTH_MM:g} mm behind the lumen's outline, found and true alike (the found behind the found lumen); "
    "figures called unlimited are of all of it. Dice pooled over the pixels of a set's frames. Arc-Dice over the 360 "
    "rays from the true lumen's centroid (from that of the lumen found where the truth has none), pooled. Lipid area "
    "error is the sum of found over the sum of true pixels, less 1. A frame counts as one with lipid where any pixel "
    "is, and a withdrawn frame as one in which nothing was found. Intervals by bootstrap over patients, phantoms one "
    "by one, 2,000 draws; none for fewer than three patients. No study of a set was trained "
    "on; whether its frames were looked at to choose a model, its maker must say."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    try:
        segmenter = from_pretrained(options.model)
        data = open_data(options.data, options.split)
        refuse_seen(segmenter.config.training, data)
        for warning in (*data.warnings, *flattering(segmenter.config.training, data)):
            print(f"train.evaluate: {warning}", file=sys.stderr)
        worst = WorstFrames(N_FAILURES)
        metrics = measured(segmenter, data, worst, options)
        kept = earlier_metrics(options.model, segmenter.config, metrics)
        held = {**(segmenter.config.measured if options.into_config else {}), **metrics_in(options.model)}
        for sentence in _of_before(held, metrics, kept):
            print(f"train.evaluate: {sentence}", file=sys.stderr)
        write_file(options.model / METRICS_FILE, metrics_bytes({**metrics, **kept}))
        if options.into_config:
            private = any(of_set["private"] for of_set in metrics.values())
            write_file(options.model / FAILURES_FILE, failures_png(worst.frames, private=private))
            store_metrics(options.model, {**metrics, **kept})
    except OctsegError as error:
        print(f"train.evaluate: {error}", file=sys.stderr)
        return 1
    print("\n\n".join(_tables(metrics, by_frame=options.by_frame)))
    return 0


def measured(segmenter: Segmenter, data: Data, worst: WorstFrames, options: argparse.Namespace) -> Metrics:
    """All figures on the data, whose frames `worst` is shown, and on as many phantoms of each kind as are asked for."""
    of_data = score(segmenter, shown(data), uncertainty=options.uncertainty, worst=worst).summary()
    of_data |= {"private": data.told.get("private") is not False, "data": data.told.get("name")}
    metrics = {name_of(data, segmenter.config.training, _comparable(segmenter.config)): of_data}
    for name, cases, count in (
        ("phantoms", phantom_cases, options.phantoms),
        ("phantoms of other optics", other_optics_cases, options.other_optics),
    ):
        if count:
            fresh = tqdm(cases(count), total=count, desc=name, disable=None)
            metrics[name] = {**evaluate(segmenter, fresh, uncertainty=options.uncertainty), "private": False}
    return metrics


def _of_before(held: Metrics, metrics: Metrics, kept: Metrics) -> Iterator[str]:
    """What is said of figures of before, `held` where the new ones are written to: which stay, which go."""
    if kept:
        yield f"figures of {listed(list(kept))} stay as they were taken before"
    for name in metrics:
        if isinstance(before := held.get(name), Mapping) and before.get("studies") != metrics[name]["studies"]:
            yield f"figures of {name} were of the studies {listed(before.get('studies', []))}, and are of others now"
    if gone := [name for name in held if name not in metrics and name not in kept]:
        yield (
            f"figures of {listed(gone)} go, for they are of private frames, or config.json and {METRICS_FILE} do not "
            "hold the same of them by this protocol"
        )


def _tables(metrics: Metrics, *, by_frame: bool) -> list[str]:
    return [
        summary_table(metrics),
        *([lipid_table(metrics)] if any("lipid_visible" in of_set for of_set in metrics.values()) else []),
        class_table(metrics),
        *([coverage_table(metrics)] if _has_intervals(metrics) else []),
        *([frame_table(metrics)] if by_frame else []),
    ]


def _has_intervals(metrics: Metrics) -> bool:
    return all("intervals_95" in of_set for of_set in metrics.values())


def earlier_metrics(folder: Path, config: CheckpointConfig, metrics: Metrics) -> Metrics:
    """The sets of metrics.json that are not in `metrics` and were taken of these weights, as config.json says.

    Without those of private frames, which would stand in the way of publishing the model later.
    """
    held = metrics_in(folder)
    return {
        name: held[name]
        for name, summary in _comparable(config).items()
        if name not in metrics
        and isinstance(held.get(name), dict)
        and _holds(held[name], summary)
        and summary.get("private") is False
    }


def _comparable(config: CheckpointConfig) -> Metrics:
    """The summaries of config.json, where they were taken by this protocol."""
    return config.measured if config.metrics.get("protocol") == PROTOCOL else {}


def _summary(of_set: Mapping[str, Any]) -> dict[str, Any]:
    """What of a set's figures stands in config.json: of its intervals those of the leading measures."""
    leading = {name: held for name, held in of_set.get("intervals_95", {}).items() if name in SHOWN_INTERVALS}
    told = {key: of_set[key] for key in of_set if key not in (*DETAILS, "intervals_95")}
    return told | ({"intervals_95": leading} if leading else {})


def _holds(of_set: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    """Whether a set's figures are those of a summary, which may be of a time before intervals stood there."""
    told = _summary(of_set)
    return summary == {key: told[key] for key in told if key in summary or key != "intervals_95"}


def store_metrics(folder: Path, metrics: Metrics) -> None:
    """Put the figures into the checkpoint's config.json and write its card anew."""
    checkpoint = load_checkpoint(folder)
    pooled = {name: _summary(of_set) for name, of_set in metrics.items()}
    config = replace(checkpoint.config, metrics={"protocol": PROTOCOL, **pooled})
    save_checkpoint(
        folder, checkpoint.network, config, model_card(config, metrics, failures=(folder / FAILURES_FILE).is_file())
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder, org/name of the Hub, or folder with img/ and mask/"
    )
    parser.add_argument("--split", default="validation", help="of the dataset: validation, test or train")
    parser.add_argument("--phantoms", type=from_0, default=0, help="also measure on so many fresh phantoms")
    parser.add_argument("--other-optics", type=from_0, default=0, help="and on so many through optics never trained on")
    parser.add_argument("--by-frame", action="store_true", help="also print the figures of each frame")
    parser.add_argument("--into-config", action="store_true", help="store the figures in config.json and the card")
    parser.add_argument("--uncertainty", action="store_true", help="also how many true values the intervals hold")
    return parser


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train.evaluate", "run the same command again"))
