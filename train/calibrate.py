"""Set a model's probabilities, thresholds and intervals right: `python -m train.calibrate --model RUN --data DIR`.

On the validation split of DIR, of patients that the model was not trained on: each class's probability by a slope and
an intercept of its logit (Platt 1999), then its threshold, that of the greatest pooled Dice. Then, on fresh phantoms
(--phantoms) of which every second one is seen through other optics, how sure a core must be, so that lipid is found in
few frames without any. And on these, or with --phantoms 0 on the same validation frames, how wide each measure's 95 %
interval must be: the ends by quantile regression, then one factor by split conformal prediction (Romano et al. 2019,
arXiv:1905.03222; the factor instead of their summand). Without --data the last two alone. All of it goes into
config.json; figures that stood there before a change of threshold are dropped.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, minimize
from scipy.special import expit, logit
from tqdm import tqdm

from octseg.cards.model import FAILURES_FILE, model_card
from octseg.cards.score_tables import METRICS_FILE, metrics_of
from octseg.checkpoint import Checkpoint, CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.checkpoint.calibration import Platt
from octseg.commands.counts import from_0
from octseg.commands.stopping import until_stopped
from octseg.decoding import logits_over
from octseg.errors import ConfigError, DatasetError, OctsegError
from octseg.measurement.intervals import AREAS, Extent, Reach, Signs, Width
from octseg.model import DeepLabV3Plus
from octseg.pretrained import from_pretrained
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from train.dataset import Case, Data, open_data, phantom_case, refuse_without
from train.judging.judge import other_optics_case, refuse_seen, score, shown, told_of
from train.judging.reliability import N_BINS, Reliability
from train.judging.scores import true_and_found

FIRST_PHANTOM_SEED, FIRST_OTHER_SEED = 800_000, 850_000  # training draws from 100,000, evaluation from 900,000 up
LIPID = "lipid_core"
FALSE_SHARE, MISSED_SHARE = 0.04, 0.02  # of frames without lipid in which some is found; of those with it, more missed
WORTH = 3.0  # shares of invented cores that must go for a share of true ones
LEVEL = 0.95
LEAST_FRAMES, FEW_FRAMES, FEW_PATIENTS = 2, 20, 3
MIN_FRAMES = 80  # with a value; half of fewer cannot tell where 95 % of them lie
LEAST = 0.02  # of the mean error: no end reaches less far


@dataclass(frozen=True)
class Reading:
    """One measure of one frame: what is true, what was found, and the signs of how sure that is."""

    true: float
    value: float
    signs: Signs


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
        for warning in refuse_few(data, options.phantoms, few=options.few):
            print(f"train.calibrate: {warning}", file=sys.stderr)
        if data is not None:
            calibrate_probability(options.model, data)
        if options.phantoms:
            cases: Iterable[Case] = shown_phantoms(options.phantoms)
            told = f"{options.phantoms} phantoms, half of them of other optics, {seeds_of(options.phantoms)}"
        elif data is not None:
            cases, told = shown(data), f"{len(data.studies)} validation frames"
        if options.phantoms and LIPID in load_checkpoint(options.model).config.network.classes:
            least = calibrate_cores(options.model, shown_phantoms(options.phantoms), told)
            print(f"a core counts from a mean logit of {least} on")
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


def refuse_few(data: Data | None, phantoms: int, *, few: bool) -> list[str]:
    """What is to be said, before the work, of too few frames to set a model right by.

    phantoms: how many there will be. Raises DatasetError for one frame, or frames without lipid, unless `few` is asked
    for.
    """
    told: list[str] = []
    if phantoms == 1 and not few:
        raise DatasetError("one phantom cannot set a model right; give more with --phantoms, or say --few")
    if data is not None:
        count, patients = len(data.studies), len(set(data.studies))
        if not few:
            if count < LEAST_FRAMES:
                raise DatasetError(
                    f"{count} validation frame cannot set thresholds right; give more frames, of several patients, or "
                    "say --few if that is meant"
                )
            refuse_without(data.frames_with, data.classes, "calibration", "--few", told.append)
        if count < FEW_FRAMES or patients < FEW_PATIENTS:
            told.append(
                f"thresholds will follow {count} validation frames of {patients} patients; those of fewer than "
                f"{FEW_FRAMES} frames or {FEW_PATIENTS} patients tell little of others"
            )
    frames = phantoms or (0 if data is None else len(data.studies))
    if frames < MIN_FRAMES:
        told.append(f"no intervals can be fitted: that takes {MIN_FRAMES} frames with a value, and there are {frames}")
    return told


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
        training={**own.training, "thresholds": told_of(data)},
        calibration=replace(
            own.calibration, probability=platts, made_from={**own.calibration.made_from, "probability": told}
        ),
        metrics={},
    )
    _save_without_figures(folder, known.network, config)


def calibrate_cores(folder: Path, cases: Iterable[Case], told: str) -> float:
    """Set in config.json from which mean logit on a core counts: see `fitted_core_logit`."""
    known = from_pretrained(folder)
    every = replace(known.config, calibration=replace(known.config.calibration, least_core_logit=0.0))
    segmenter = Segmenter(Checkpoint(every, known.network), known.identity)
    surest: dict[bool, list[float]] = {True: [], False: []}
    for case in cases:
        result = segmenter.segment(case.frame, case.pixel_spacing_mm)
        surest[bool(case.truth[LIPID].any())].append(
            max(core_logits(result, every.threshold(LIPID)), default=-math.inf)
        )
    least = fitted_core_logit(surest[True], surest[False])
    calibration = replace(
        every.calibration, least_core_logit=least, made_from={**every.calibration.made_from, "least_core_logit": told}
    )
    config = replace(every, calibration=calibration, metrics={})
    _save_without_figures(folder, known.network, config)
    return least


def _save_without_figures(folder: Path, network: DeepLabV3Plus, config: CheckpointConfig) -> None:
    """Write a checkpoint whose outlines are others than they were; figures and pictures of before go."""
    save_checkpoint(folder, network, config, model_card(config))
    for name in (METRICS_FILE, FAILURES_FILE):
        (folder / name).unlink(missing_ok=True)


def core_logits(result: FrameResult, threshold: float) -> list[float]:
    """Mean logit of each lipid core that was found, over that of the threshold."""
    count, labels = cv2.connectedComponents(result.masks[LIPID].view(np.uint8))
    logits = logits_over(result.probabilities[LIPID], threshold)
    return [float(logits[labels == core].mean()) for core in range(1, count)]


def fitted_core_logit(with_lipid: Sequence[float], without: Sequence[float]) -> float:
    """From which mean logit on a core counts, by the surest core of frames with lipid and of frames without; 0 or more.

    So that lipid is found in FALSE_SHARE of the frames without, but never so that MISSED_SHARE more of those with lipid
    are missed; and 0 where less than WORTH times that share of the frames without would be spared. Frames of patients
    look less sure than phantoms, so what is missed here is missed there more often. -inf stands for a frame in which
    there is no core.
    """
    found = [each for each in with_lipid if each > -math.inf]
    if not found or not without:
        return 0.0
    few_invented = float(np.quantile(without, 1 - FALSE_SHARE, method="higher"))
    few_missed = float(np.quantile(found, MISSED_SHARE, method="lower"))
    least = round(max(0.0, min(few_invented, few_missed)), 3)
    spared, missed = ((np.array(surest) < least) & (np.array(surest) > -math.inf) for surest in (without, with_lipid))
    return least if spared.mean() >= WORTH * missed.mean() else 0.0


def calibrate_intervals(folder: Path, cases: Iterable[Case], told: str) -> dict[str, Width]:
    """Set in config.json how wide intervals are, so that LEVEL of the true values of `cases` lie inside."""
    segmenter = from_pretrained(folder)
    widths = fitted_widths(readings(segmenter, cases))
    known = segmenter.config.calibration
    made_from = {name: what for name, what in known.made_from.items() if name != "intervals"}
    calibration = replace(known, intervals=widths, made_from=made_from | ({"intervals": told} if widths else {}))
    config = replace(segmenter.config, calibration=calibration)
    card = model_card(config, metrics_of(folder, config.measured), failures=(folder / FAILURES_FILE).is_file())
    save_checkpoint(folder, segmenter.network, config, card)
    return widths


def phantoms(count: int) -> Iterator[Case]:
    """By turns of the optics that training knows and of others; of seeds that nothing else draws."""
    for place in range(count):
        known = place % 2 == 0
        yield (phantom_case if known else other_optics_case)(
            (FIRST_PHANTOM_SEED if known else FIRST_OTHER_SEED) + place // 2
        )


def shown_phantoms(count: int) -> Iterable[Case]:
    """`phantoms` with a progress bar."""
    return tqdm(phantoms(count), total=count, desc="phantoms", disable=None)  # type: ignore[no-any-return]


def seeds_of(count: int) -> str:
    """The seeds of `phantoms`, in words."""
    firsts = ((FIRST_PHANTOM_SEED, (count + 1) // 2), (FIRST_OTHER_SEED, count // 2))
    return "seeds " + " and ".join(f"{first} to {first + of_kind - 1}" for first, of_kind in firsts if of_kind)


def readings(segmenter: Segmenter, cases: Iterable[Case]) -> dict[str, list[Reading]]:
    """Of each measure all frames in which it has a true value and was measured; a frame that was withdrawn has none.

    Of an area that in mm2 alone, by which its other units go.
    """
    held: dict[str, list[Reading]] = {}
    for case in cases:
        result = segmenter.segment(case.frame, case.pixel_spacing_mm, uncertainty=True)
        if result.withdrawn is not None:
            continue
        pixel_mm2 = Extent(side_px=min(case.frame.shape[:2])).pixel_mm2(result.pixel_spacing_mm)
        for name, (true, value) in true_and_found(result, case).items():
            signs = (result.signs or {}).get(name)
            if value is None or signs is None:
                continue
            if name not in AREAS:
                held.setdefault(name, []).append(Reading(true, value, signs))
            elif name.endswith("_px"):
                of_area = Reading(true * pixel_mm2, value * pixel_mm2, signs.times(pixel_mm2))
                held.setdefault(f"{AREAS[name]}_area_mm2", []).append(of_area)
    return held


def fitted_widths(held: Mapping[str, Sequence[Reading]]) -> dict[str, Width]:
    """The width of each measure with enough frames.

    Frames in which something was found are fitted apart from those in which nothing was: the few that were missed would
    else widen the intervals of all. Where the latter are too few, theirs is the upper end of the former. A count has no
    width: it is right in most frames, and the few where it is not would stretch the end of each in which variants
    differ by thousands.
    """
    widths = {}
    for name, of_measure in held.items():
        found, none = [each for each in of_measure if each.value], [each for each in of_measure if not each.value]
        if len(found) >= MIN_FRAMES and not name.endswith("_count"):
            low, high = _fitted(found)
            widths[name] = Width(low=low, high=high, none=_fitted(none)[1] if len(none) >= MIN_FRAMES else high)
    return widths


def _fitted(of_frames: Sequence[Reading]) -> tuple[Reach, Reach]:
    """Both ends: their shape on half of the frames, how far it must be stretched on the other half.

    Of widths chosen and stretched on the same frames the luckiest would win, and not the best.
    """
    order = np.random.default_rng(0).permutation(len(of_frames))  # the frames come by turns of two kinds
    half, other = ([of_frames[place] for place in places] for places in (order[::2], order[1::2]))
    least = LEAST * max(float(np.mean([abs(each.true - each.value) for each in half])), 1e-6)
    ends = [_shape(half, side, least) for side in (-1.0, 1.0)]
    over = sorted(
        max(
            (each.value - each.true) / ends[0].of(each.signs.spread, each.value, each.signs.drop),
            (each.true - each.value) / ends[1].of(each.signs.spread, each.value, each.signs.rise),
        )
        for each in other
    )
    factor = max(over[min(math.ceil((len(over) + 1) * LEVEL), len(over)) - 1], LEAST)  # for one frame more
    low, high = (Reach(*(float(f"{factor * part:.6g}") for part in astuple(end))) for end in ends)
    return low, high


def _shape(of_frames: Sequence[Reading], side: float, least: float) -> Reach:
    """The end below (side -1) or above (1) that LEVEL of the true values do not pass, by quantile regression.

    A linear programme: with coefficients from 0 on, the sum of LEVEL for each unit by which an end falls short and of
    1 - LEVEL for each by which it goes too far is least (Koenker and Bassett 1978).
    """
    signs = [
        (each.signs.spread, abs(each.value), each.signs.drop if side < 0 else each.signs.rise, 1.0)
        for each in of_frames
    ]
    past = np.array([side * (each.true - each.value) for each in of_frames])
    n = len(of_frames)
    cost = np.concatenate([np.zeros(4), np.full(n, LEVEL), np.full(n, 1.0 - LEVEL)])
    equal = np.hstack([np.array(signs), np.eye(n), -np.eye(n)])
    bounds = [(0.0, None)] * 3 + [(least, None)] + [(0.0, None)] * 2 * n
    fit = linprog(cost, A_eq=equal, b_eq=past, bounds=bounds, method="highs")
    spread, share, shift, floor = (float(part) for part in fit.x[:4])
    return Reach(spread=spread, share=share, shift=shift, floor=floor)


def fitted_platt(bins: Reliability) -> Platt | None:
    """Slope and intercept of greatest likelihood; None where no pixel or every pixel is true."""
    known = bins.counts > 0
    counts, true = bins.counts[known], bins.true[known]
    if not 0 < true.sum() < counts.sum():
        return None
    mean = np.clip(bins.probability[known] / counts, 0.1 / N_BINS, 1 - 0.1 / N_BINS)
    logits = logit(mean)

    def surprise(given: NDArray[np.float64]) -> float:
        """Mean cross-entropy of a pixel with slope and intercept, shape (2,)."""
        shifted = given[0] * logits + given[1]
        lost = true * np.logaddexp(0.0, -shifted) + (counts - true) * np.logaddexp(0.0, shifted)
        return float(lost.sum() / counts.sum())

    fit = minimize(surprise, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 20.0), (-20.0, 20.0)])
    return Platt(slope=round(float(fit.x[0]), 4), intercept=round(float(fit.x[1]), 4))


def calibrated(probability: NDArray[np.float64], platt: Platt) -> NDArray[np.float64]:
    """Probability of any shape as a calibrated model tells it, of the same shape."""
    return np.asarray(expit(platt.slope * logit(probability) + platt.intercept))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.calibrate", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--data", type=Path, help="dataset folder, org/name of the Hub, or folder with img/ and mask/")
    parser.add_argument("--split", default="validation", help="of the dataset; validation and no other")
    parser.add_argument("--phantoms", type=from_0, default=400, help="for the intervals; 0: on the validation frames")
    parser.add_argument("--few", action="store_true", help="it is meant to calibrate on one frame, or without lipid")
    return parser


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train.calibrate", "run the same command again"))
