"""All figures of merit of one set of frames, as metrics.json holds them. Definitions: docs/training.md.

A set is measured frame by frame (`FrameScore`), then summed up over pixels, frames, pullbacks and patients. Lipid core
counts to the depth that train/judging/lipid_score.py states, found and true alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from octseg.comparison.agreement import bland_altman, bootstrap_interval, detection, icc_2_1
from octseg.comparison.figures import outline_figures, rounded
from octseg.comparison.limiting import LIPID, Planes
from octseg.comparison.overlap import Overlap, by_convention, mean_of_groups, pooled
from octseg.comparison.surfaces import TOLERANCE_MM, SurfaceScore, surface_score
from octseg.measurement import measure
from octseg.measurement.intervals import INTERVAL_MEASURES, Interval, reading
from octseg.result import FrameResult
from train.dataset import PHANTOM_STUDY, Case
from train.judging.lipid_score import (
    LipidScore,
    Sides,
    area_error_percent,
    judged_planes,
    lipid_arcs,
    unlimited_summary,
    visible_summary,
    within_depth,
)
from train.judging.reliability import Reliability

DEG_PER_RAY = 1.0
DIGITS = 4  # more says nothing on a few thousand frames


@dataclass(frozen=True)
class FrameScore:
    """One frame: overlap and outlines of each class, the arc, and the scale that they were measured with.

    arc: over 360 rays; as lipid None where lipid core is not among the classes. arc_measured: `lipid_arc_deg` as in
    results; None where the true or the found one cannot be measured. surfaces: without the classes that are empty on
    both sides, and empty where the frame has no scale. withdrawn: why the model says nothing of this frame.
    """

    name: str
    study: str
    pixel_spacing_mm: float | None
    overlaps: Mapping[str, Overlap]
    surfaces: Mapping[str, SurfaceScore]
    arc: Overlap | None
    lipid: LipidScore | None = None
    withdrawn: str | None = None
    arc_measured: Sides | None = None

    @property
    def lipid_area_mm2(self) -> Sides | None:
        """To the depth that counts; None without lipid core among the classes or without a scale."""
        if self.pixel_spacing_mm is None or LIPID not in self.overlaps:
            return None
        overlap, mm2 = self.overlaps[LIPID], self.pixel_spacing_mm**2
        return Sides(overlap.found * mm2, overlap.true * mm2)

    @property
    def pullback(self) -> str:
        """Study and series: the name less the frame's number."""
        return self.name.rpartition("_")[0] or self.name


@dataclass
class SetScore:
    """Frames as they are scored, and the pixels of each class by probability.

    intervals: measure -> true value, what was found, and the interval of each frame, where intervals were asked for.
    """

    frames: list[FrameScore] = field(default_factory=list)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    intervals: dict[str, list[tuple[float, float | None, Interval | None]]] = field(default_factory=dict)

    def add(self, result: FrameResult, case: Case) -> None:
        """Score one frame; where its result is withdrawn, as one in which nothing was found."""
        classes = [name for name in result.masks if name in case.truth]
        found, true = judged_planes(result, case)
        spacing = result.pixel_spacing_mm
        for name in classes:
            counts = within_depth(found, true, spacing) if name == LIPID else np.ones(true[name].shape, bool)
            bins = self.reliability.setdefault(name, Reliability.empty())
            bins.add(result.probabilities[name][counts], true[name][counts])
        measured = true_and_found(result, case) if result.withdrawn is None else {}
        if result.intervals_95 is not None:
            for name, (value, read) in measured.items():
                self.intervals.setdefault(name, []).append((value, read, result.intervals_95[name]))
        self.frames.append(
            FrameScore(
                case.name,
                case.study,
                spacing,
                {name: Overlap.of(found[name], true[name]) for name in classes},
                {} if spacing is None else _surfaces(found, true, classes, spacing),
                Overlap.of(*lipid_arcs(found, true)) if LIPID in classes else None,
                LipidScore.of(result, case, found, true) if LIPID in classes else None,
                result.withdrawn,
                _sides(measured.get("lipid_arc_deg")),
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
            "withdrawn": [frame.name for frame in self.frames if frame.withdrawn is not None],
            "dice_pooled": {name: pooled(self._overlaps(name)).dice for name in classes},
            "classes": {name: self._class_summary(name) for name in classes},
        }
        if LIPID in classes:
            told |= self._lipid_summary()
        if self.intervals:
            told["intervals_95"] = {name: _coverage(held) for name, held in self.intervals.items()}
        told["frames"] = [_frame_summary(frame) for frame in self.frames]
        return rounded(told, DIGITS)  # type: ignore[no-any-return]

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
            **outline_figures(name, together, surfaces),
            "ece": self.reliability[name].expected_calibration_error,
        }

    def _lipid_summary(self) -> dict[str, Any]:
        arcs = [frame.arc for frame in self.frames if frame.arc is not None]
        overlaps = self._overlaps(LIPID)
        together = pooled(overlaps)
        found = detection(
            np.array([each.found > 0 for each in overlaps]), np.array([each.true > 0 for each in overlaps])
        )
        areas = [area for frame in self.frames if (area := frame.lipid_area_mm2) is not None]
        measured = [frame.arc_measured for frame in self.frames if frame.arc_measured is not None]
        lipid = [frame.lipid for frame in self.frames if frame.lipid is not None]
        return {
            "lipid_arc_dice_pooled": pooled(arcs).dice,
            "lipid_arc_dice_ci95": self._interval(lambda often: pooled(arcs, often).dice),
            "lipid_area_error_percent_pooled": area_error_percent(together),
            "lipid_unlimited": unlimited_summary(lipid),
            "lipid_visible": visible_summary(lipid, overlaps),
            "lipid_detection": {
                **asdict(found),
                "sensitivity": found.sensitivity,
                "specificity": found.specificity,
                "positive_predictive_value": found.positive_predictive_value,
                "kappa": found.kappa,
            },
            "lipid_area_mm2": _agreement(areas),
            "lipid_arc_deg": _agreement([Sides(arc.found * DEG_PER_RAY, arc.true * DEG_PER_RAY) for arc in arcs]),
            "lipid_arc_measured_deg": _agreement(measured),
        }

    def _interval(self, statistic: Any) -> list[float] | None:
        patients = [frame.name if frame.study == PHANTOM_STUDY else frame.study for frame in self.frames]
        order = sorted(set(patients))
        found = bootstrap_interval([order.index(patient) for patient in patients], statistic)
        return None if found is None else list(found)


def true_and_found(result: FrameResult, case: Case) -> dict[str, tuple[float, float | None]]:
    """Each measure's true value and what was found of it, lipid to the depth that counts; without what is not there.

    The truth is measured with the scale, disc and catheter of the result. An area of nothing is 0.
    """
    classes = [name for name in result.masks if name in case.truth]
    _, planes = judged_planes(result, case)
    true = measure(
        {name: planes[name] for name in classes},
        result.pixel_spacing_mm,
        disc=result.disc,
        catheter_centre=result.catheter_centre,
    )
    both = {name: (reading(true, name, classes), reading(result.measures, name, classes)) for name in INTERVAL_MEASURES}
    return {name: (value, found) for name, (value, found) in both.items() if value is not None}


def _coverage(held: Sequence[tuple[float, float | None, Interval | None]]) -> dict[str, Any]:
    """In how many frames the true value lies inside, and how wide intervals are; where there is none it does not.

    Of the frames in which there is something or something was found; `_all` are with those in which both are 0.
    """
    inside = [interval is not None and interval[0] <= true <= interval[1] for true, _, interval in held]
    of_some = [place for place, (true, found, _) in enumerate(held) if true or found]
    intervals = [interval for place in of_some if (interval := held[place][2]) is not None]
    return {
        "n": len(of_some),
        "inside": float(np.mean([inside[place] for place in of_some])) if of_some else None,
        "median_half_width": float(np.median([(high - low) / 2 for low, high in intervals])) if intervals else None,
        "n_all": len(held),
        "inside_all": float(np.mean(inside)),
    }


def _surfaces(masks: Planes, truth: Planes, classes: Sequence[str], spacing_mm: float) -> dict[str, SurfaceScore]:
    found = {}
    for name in classes:
        field_mm = max(truth[name].shape) * spacing_mm
        score = surface_score(masks[name], truth[name], spacing_mm, TOLERANCE_MM[name], field_mm)
        if score is not None:
            found[name] = score
    return found


def _sides(measured: tuple[float, float | None] | None) -> Sides | None:
    """A measure of `true_and_found`; None where one of both is missing."""
    return None if measured is None or measured[1] is None else Sides(found=measured[1], true=measured[0])


def _agreement(frames: Sequence[Sides]) -> dict[str, Any]:
    """What metrics.json says of a measure that was found and is true in frames."""
    found, true = (np.array([getattr(frame, side) for frame in frames], np.float64) for side in ("found", "true"))
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
        **_lipid_of_frame(frame),
        **({} if frame.withdrawn is None else {"withdrawn": frame.withdrawn}),
    }


def _lipid_of_frame(frame: FrameScore) -> dict[str, Any]:
    if frame.arc is None or frame.lipid is None:
        return {"lipid_arc_deg": None}
    unlimited = frame.lipid.unlimited
    return {
        "lipid_arc_deg": {"found": frame.arc.found * DEG_PER_RAY, "true": frame.arc.true * DEG_PER_RAY},
        "lipid_arc_dice": frame.arc.dice,
        "lipid_arc_measured_deg": None if frame.arc_measured is None else asdict(frame.arc_measured),
        "lipid_area_mm2": None if frame.lipid_area_mm2 is None else asdict(frame.lipid_area_mm2),
        "lipid_unlimited": {"dice": unlimited.dice, "pixels": {"found": unlimited.found, "true": unlimited.true}},
        "lipid_roughness": asdict(frame.lipid.roughness),
        "lipid_pieces": asdict(frame.lipid.pieces),
    }
