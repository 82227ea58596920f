"""Set a model's probabilities, thresholds and intervals right: `python -m train.calibrate --model RUN --data DIR`.

On the validation split of DIR, of patients that the model was not trained on: each class's probability by a slope and
an intercept of its logit (Platt 1999), then its threshold, that of the greatest pooled Dice. Then, on fresh phantoms
(--phantoms), or with --phantoms 0 on the same validation frames, how wide each measure's 95 % interval must be (split
conformal prediction, Lei et al. 2018, arXiv:1604.04173, eq. 9). Without --data the intervals alone. All of it goes into
config.json; figures that stood there before a change of threshold are dropped.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from tqdm import tqdm

from octseg.calibration import Platt
from octseg.card import model_card
from octseg.checkpoint import CARD_FILE, Checkpoint, load_checkpoint, save_checkpoint
from octseg.errors import ConfigError, OctsegError
from octseg.measurement.intervals import Width
from octseg.pretrained import from_pretrained
from octseg.segmenter import Segmenter
from train.agreement import N_BINS, Reliability
from train.dataset import Case, Data, open_data, phantom_case
from train.evaluate import refuse_seen, score, shown
from train.scores import true_and_found

FIRST_PHANTOM_SEED = 800_000  # training draws from 100,000 up, evaluation from 900,000 up
LEVEL = 0.95
MIN_FRAMES = 80  # with a value; half of fewer cannot tell where 95 % of them lie
SHARES, FLOORS = (0.0, 0.03, 0.1, 0.3), (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # the latter times the mean error
Errors = dict[
    str, list[tuple[float, float, float]]
]  # measure: distance from the true value, spread over variants, value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    try:
        if options.split != "validation":
            raise ConfigError(
                f"a model is calibrated on validation, never on {options.split}: it would flatter the figures there"
            )
        if options.data is None and not options.phantoms:
            raise ConfigError("there is nothing to calibrate on; give --data DIR, --phantoms N or both")
        data = None if options.data is None else open_data(options.data, options.split)
        if data is not None:
            calibrate_probability(options.model, data)
        if options.phantoms:
            seeds = range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + options.phantoms)
            cases: Iterable[Case] = tqdm(map(phantom_case, seeds), total=len(seeds), desc="phantoms", disable=None)
            told = f"{len(seeds)} phantoms, seeds {seeds[0]} to {seeds[-1]}"
        elif data is not None:
            cases, told = shown(data), f"{len(data.studies)} validation frames"
        widths = calibrate_intervals(options.model, cases, told)
    except OctsegError as error:
        print(f"train.calibrate: {error}", file=sys.stderr)
        return 1
    config = load_checkpoint(options.model).config
    for name in config.network.classes:
        platt = config.calibration.probability.get(name, Platt())
        print(f"{name}: slope {platt.slope:.3f}, intercept {platt.intercept:+.3f}, threshold {config.threshold(name)}")
    print(f"intervals of {len(widths)} measures from {told}")
    return 0


def calibrate_probability(folder: Path, data: Data) -> None:
    """Set each class's probability and then its threshold, in config.json, by validation frames.

    Raises DatasetError where the model was trained on one of their studies.
    """
    known = from_pretrained(folder)
    refuse_seen(known.config.training, data)
    own = replace(known.config, calibration=replace(known.config.calibration, probability={}))
    reliability = score(Segmenter(Checkpoint(own, known.network), known.identity), shown(data)).reliability
    platts = {name: platt for name, bins in reliability.items() if (platt := fitted_platt(bins)) is not None}
    thresholds = {
        name: round(float(calibrated(np.array(best), platts.get(name, Platt()))), 4)
        for name, bins in reliability.items()
        if (best := bins.best_threshold()) is not None
    }
    told = f"{len(data.studies)} validation frames of {len(set(data.studies))} patients"
    config = replace(
        own,
        thresholds={**own.thresholds, **thresholds},
        calibration=replace(
            own.calibration, probability=platts, made_from={**own.calibration.made_from, "probability": told}
        ),
        metrics={},
    )
    save_checkpoint(folder, known.network, config, model_card(config))


def calibrate_intervals(folder: Path, cases: Iterable[Case], told: str) -> dict[str, Width]:
    """Set in config.json how wide intervals are, so that LEVEL of the true values of `cases` lie inside."""
    segmenter = from_pretrained(folder)
    widths = fitted_widths(errors(segmenter, cases))
    known = segmenter.config.calibration
    calibration = replace(known, intervals=widths, made_from={**known.made_from, "intervals": told})
    card = (folder / CARD_FILE).read_text()
    save_checkpoint(folder, segmenter.network, replace(segmenter.config, calibration=calibration), card)
    return widths


def errors(segmenter: Segmenter, cases: Iterable[Case]) -> Errors:
    """How far each measure is off in each case, its spread and its value; frames that lack a value are passed over."""
    found: Errors = {}
    for case in cases:
        result = segmenter.segment(case.frame, case.pixel_spacing_mm, uncertainty=True)
        for name, (true, value) in true_and_found(result, case).items():
            spread = (result.spreads or {}).get(name)
            if value is not None and spread is not None:
                found.setdefault(name, []).append((abs(value - true), spread, value))
    return found


def fitted_widths(found: Mapping[str, Sequence[tuple[float, float, float]]]) -> dict[str, Width]:
    """The width of each measure with enough frames.

    Share and floor are those of the narrowest intervals on half of them, the factor comes from the other half: of those
    chosen on the same frames the luckiest would win, and not the best.
    """
    return {
        name: _fitted_width(np.array(of_frames)) for name, of_frames in found.items() if len(of_frames) >= MIN_FRAMES
    }


def _fitted_width(of_frames: NDArray[np.float64]) -> Width:
    """From the distance, spread and value (N, 3) of one measure."""
    half, other = of_frames[::2], of_frames[1::2]
    typical = max(float(half[:, 0].mean()), 1e-6)
    possible = [Width(share=share, floor=times * typical) for share in SHARES for times in FLOORS]
    best = min(
        (replace(width, factor=_factor(half, width)) for width in possible), key=lambda width: _size(half, width)
    )
    return Width(factor=float(f"{_factor(other, best):.6g}"), share=best.share, floor=float(f"{best.floor:.6g}"))


def _factor(of_frames: NDArray[np.float64], width: Width) -> float:
    """What holds LEVEL of the distances, counted for one frame more than there are."""
    one = replace(width, factor=1.0)
    ratio = sorted(off / one.half(spread, value) for off, spread, value in of_frames)
    place = min(math.ceil((len(ratio) + 1) * LEVEL), len(ratio))
    return max(float(ratio[place - 1]), 1e-6)


def _size(of_frames: NDArray[np.float64], width: Width) -> float:
    """How wide intervals are: the median, or a few large plaques would decide."""
    return float(np.median([width.half(spread, value) for _, spread, value in of_frames]))


def fitted_platt(bins: Reliability) -> Platt | None:
    """Slope and intercept of greatest likelihood; None where no pixel or every pixel is true."""
    known = bins.counts > 0
    counts, true = bins.counts[known], bins.true[known]
    if not 0 < true.sum() < counts.sum():
        return None
    mean = np.clip(bins.probability[known] / counts, 0.1 / N_BINS, 1 - 0.1 / N_BINS)
    logits = logit(mean)

    def surprise(given: NDArray[np.float64]) -> float:
        shifted = given[0] * logits + given[1]
        lost = true * np.logaddexp(0.0, -shifted) + (counts - true) * np.logaddexp(0.0, shifted)
        return float(lost.sum() / counts.sum())

    fit = minimize(surprise, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 20.0), (-20.0, 20.0)])
    return Platt(slope=round(float(fit.x[0]), 4), intercept=round(float(fit.x[1]), 4))


def calibrated(probability: NDArray[np.float64], platt: Platt) -> NDArray[np.float64]:
    """Probability as a calibrated model tells it."""
    return np.asarray(expit(platt.slope * logit(probability) + platt.intercept))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.calibrate", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--data", type=Path, help="dataset folder, org/name of the Hub, or folder with img/ and mask/")
    parser.add_argument("--split", default="validation", help="of the dataset; validation and no other")
    parser.add_argument("--phantoms", type=int, default=400, help="for the intervals; 0: on the validation frames")
    return parser


if __name__ == "__main__":
    sys.exit(main())
