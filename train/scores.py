"""All figures of merit of one set of frames, as metrics.json holds them. Definitions: docs/training.md.

A set is measured frame by frame (`FrameScore`), then summed up over pixels, frames, pullbacks and patients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.measurement import measure
from octseg.measurement.intervals import INTERVAL_MEASURES, Interval, reading
from octseg.result import FrameResult
from train.agreement import Reliability, bland_altman, bootstrap_interval, detection, icc_2_1
from train.dataset import PHANTOM_STUDY, Case
from train.metrics import Mask, Overlap, by_convention, mean_of_groups, pooled, rays_that_meet
from train.surfaces import TOLERANCE_MM, SurfaceScore, surface_score

LIPID = "lipid_core"
DEG_PER_RAY = 1.0


@dataclass(frozen=True)
class FrameScore:
    """One frame: overlap and outlines of each class, the arc, and the scale that they were measured with.

    arc: over 360 rays; None where lipid core is not among the classes. surfaces: without the classes that are empty on
    both sides, and empty where the frame has no scale.
    """

    name: str
    study: str
    pixel_spacing_mm: float | None
    overlaps: Mapping[str, Overlap]
    surfaces: Mapping[str, SurfaceScore]
    arc: Overlap | None

    @property
    def pullback(self) -> str:
        """Study and series: the name less the frame's number."""
        return self.name.rpartition("_")[0] or self.name


@dataclass
class SetScore:
    """Frames as they are scored, and the pixels of each class by probability.

    intervals: measure -> true value and interval of each frame, where intervals were asked for.
    """

    frames: list[FrameScore] = field(default_factory=list)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    intervals: dict[str, list[tuple[float, Interval | None]]] = field(default_factory=dict)

    def add(self, result: FrameResult, case: Case) -> None:
        """Score one frame."""
        classes = [name for name in result.masks if name in case.truth]
        for name in classes:
            self.reliability.setdefault(name, Reliability.empty()).add(result.probabilities[name], case.truth[name])
        if result.intervals_95 is not None:
            for name, (true, _) in true_and_found(result, case).items():
                self.intervals.setdefault(name, []).append((true, result.intervals_95[name]))
        spacing = result.pixel_spacing_mm
        self.frames.append(
            FrameScore(
                case.name,
                case.study,
                spacing,
                {name: Overlap.of(result.masks[name], case.truth[name]) for name in classes},
                {} if spacing is None else _surfaces(result.masks, case.truth, classes, spacing),
                Overlap.of(*lipid_arcs(result, case)) if LIPID in classes else None,
            )
        )

    def summary(self) -> dict[str, Any]:
        """The figures of the whole set and of each frame, as JSON knows them."""
        studies = sorted({frame.study for frame in self.frames})
        classes = list(self.frames[0].overlaps) if self.frames else []
        told: dict[str, Any] = {
            "n_frames": len(self.frames),
            "n_patients": len(studies),
            "studies": studies,
            "dice_pooled": {name: pooled(self._overlaps(name)).dice for name in classes},
            "classes": {name: self._class_summary(name) for name in classes},
        }
        if LIPID in classes:
            told |= self._lipid_summary()
        if self.intervals:
            told["intervals_95"] = {name: _coverage(held) for name, held in self.intervals.items()}
        told["frames"] = [_frame_summary(frame) for frame in self.frames]
        return rounded(told)  # type: ignore[no-any-return]

    def _overlaps(self, name: str) -> list[Overlap]:
        return [frame.overlaps[name] for frame in self.frames]

    def _class_summary(self, name: str) -> dict[str, Any]:
        overlaps = self._overlaps(name)
        together = pooled(overlaps)
        surfaces = [frame.surfaces[name] for frame in self.frames if name in frame.surfaces]
        return {
            "dice": {
                "pooled": together.dice,
                "pooled_ci95": self._interval(lambda often: pooled(overlaps, often).dice),
                **by_convention(overlaps, lambda each: each.dice),
                "pullback_mean": mean_of_groups(overlaps, [frame.pullback for frame in self.frames]),
                "patient_mean": mean_of_groups(overlaps, [frame.study for frame in self.frames]),
            },
            "iou": {"pooled": together.iou, **by_convention(overlaps, lambda each: each.iou)},
            "precision": together.precision,
            "recall": together.recall,
            "nsd": _mean([each.nsd for each in surfaces]),
            "nsd_tolerance_mm": TOLERANCE_MM[name],
            "hd95_mm": _mean([each.hd95_mm for each in surfaces]),
            "assd_mm": _mean([each.assd_mm for each in surfaces]),
            "n_outlines": len(surfaces),
            "ece": self.reliability[name].expected_calibration_error,
        }

    def _lipid_summary(self) -> dict[str, Any]:
        arcs = [frame.arc for frame in self.frames if frame.arc is not None]
        overlaps = self._overlaps(LIPID)
        together = pooled(overlaps)
        found = detection(
            np.array([each.found > 0 for each in overlaps]), np.array([each.true > 0 for each in overlaps])
        )
        scaled = [frame for frame in self.frames if frame.pixel_spacing_mm is not None]
        mm2 = np.array([frame.pixel_spacing_mm or 0.0 for frame in scaled]) ** 2
        return {
            "lipid_arc_dice_pooled": pooled(arcs).dice,
            "lipid_arc_dice_ci95": self._interval(lambda often: pooled(arcs, often).dice),
            "lipid_area_error_percent_pooled": 100.0 * (together.found - together.true) / together.true
            if together.true
            else None,
            "lipid_detection": {
                **asdict(found),
                "sensitivity": found.sensitivity,
                "specificity": found.specificity,
                "positive_predictive_value": found.positive_predictive_value,
                "kappa": found.kappa,
            },
            "lipid_area_mm2": _agreement(
                np.array([frame.overlaps[LIPID].found for frame in scaled]) * mm2,
                np.array([frame.overlaps[LIPID].true for frame in scaled]) * mm2,
            ),
            "lipid_arc_deg": _agreement(
                np.array([arc.found for arc in arcs]) * DEG_PER_RAY, np.array([arc.true for arc in arcs]) * DEG_PER_RAY
            ),
        }

    def _interval(self, statistic: Any) -> list[float] | None:
        patients = [frame.name if frame.study == PHANTOM_STUDY else frame.study for frame in self.frames]
        order = sorted(set(patients))
        found = bootstrap_interval([order.index(patient) for patient in patients], statistic)
        return None if found is None else list(found)


def lipid_arcs(result: FrameResult, case: Case) -> tuple[Mask, Mask]:
    """(360,) found and true rays that meet lipid, seen from the centroid of the true lumen.

    Where the truth does not speak of the lumen, from that of the one found, and without any from the frame's middle.
    """
    lumen = case.truth.get("lumen", result.masks.get("lumen"))
    rows, cols = np.nonzero(np.ones(case.frame.shape[:2], bool) if lumen is None or not lumen.any() else lumen)
    centre = (float(rows.mean()), float(cols.mean()))
    return rays_that_meet(result.masks[LIPID], centre), rays_that_meet(case.truth[LIPID], centre)


def true_and_found(result: FrameResult, case: Case) -> dict[str, tuple[float, float | None]]:
    """Each measure's true value and what was found; without those that are absent or 0 in both.

    The truth is measured with the scale, disc and catheter of the result. An area of nothing is 0.
    """
    classes = [name for name in result.masks if name in case.truth]
    true = measure(
        {name: case.truth[name] for name in classes},
        result.pixel_spacing_mm,
        disc=result.disc,
        catheter_centre=result.catheter_centre,
    )
    both = {name: (reading(true, name, classes), reading(result.measures, name, classes)) for name in INTERVAL_MEASURES}
    return {name: (value, found) for name, (value, found) in both.items() if value is not None and (value or found)}


def _coverage(held: Sequence[tuple[float, Interval | None]]) -> dict[str, Any]:
    """In how many frames the true value lies inside; where there is no interval it does not."""
    widths = [(interval[1] - interval[0]) / 2 for _, interval in held if interval is not None]
    inside = [interval is not None and interval[0] <= true <= interval[1] for true, interval in held]
    return {
        "n": len(held),
        "inside": float(np.mean(inside)),
        "median_half_width": float(np.median(widths)) if widths else None,
    }


def _surfaces(
    masks: Mapping[str, Mask], truth: Mapping[str, Mask], classes: Sequence[str], spacing_mm: float
) -> dict[str, SurfaceScore]:
    found = {}
    for name in classes:
        field_mm = max(truth[name].shape) * spacing_mm
        score = surface_score(masks[name], truth[name], spacing_mm, TOLERANCE_MM[name], field_mm)
        if score is not None:
            found[name] = score
    return found


def _agreement(found: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, Any]:
    limits = bland_altman(found, true)
    return {"bland_altman": None if limits is None else asdict(limits), "icc_2_1": icc_2_1(found, true)}


def _frame_summary(frame: FrameScore) -> dict[str, Any]:
    return {
        "frame": frame.name,
        "study": frame.study,
        "pixel_spacing_mm": frame.pixel_spacing_mm,
        "dice": {name: overlap.dice for name, overlap in frame.overlaps.items()},
        "pixels": {name: {"found": each.found, "true": each.true} for name, each in frame.overlaps.items()},
        "hd95_mm": {name: score.hd95_mm for name, score in frame.surfaces.items()},
        "lipid_arc_deg": None
        if frame.arc is None
        else {"found": frame.arc.found * DEG_PER_RAY, "true": frame.arc.true * DEG_PER_RAY},
    }


def rounded(value: Any) -> Any:
    """Four digits after the point, also within lists and mappings: more says nothing on a few thousand frames."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
