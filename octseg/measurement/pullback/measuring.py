"""Frames' results, streamed, to all measures along the vessel: what `octseg.measure_pullback` returns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from octseg.errors import MeasurementError
from octseg.measurement.clima import Clima
from octseg.measurement.pullback.ends import intervals
from octseg.measurement.pullback.frames import Along, FrameAlong, MeasuredFrame, side_by_side
from octseg.measurement.pullback.limits import warnings_of
from octseg.measurement.pullback.plaques import plaques_of
from octseg.measurement.pullback.scales import agree
from octseg.measurement.pullback.stretch import (
    FIELDS,
    Fields,
    RangeMeasures,
    StretchMeasures,
    candidates,
    measure_stretch,
)
from octseg.measurement.rays import REASONS, cap_row, map_row
from octseg.measurement.records import json_values
from octseg.values import spacing_mm, two_whole_numbers

LEAST_SPACING_MM, MOST_SPACING_MM = 0.001, 5.0


@dataclass(frozen=True, kw_only=True, eq=False)
class PullbackMeasures:
    """What is measured along a vessel.

    frame_spacing_mm: from frame to frame; None leaves lengths and volumes None. pixel_spacing_mm: the
        frames' median; None where there is none, or where they differ by over 1 %.
    whole, chosen: of all frames, and of those asked for, None where none were.
    lipid, unjudged: the wall unrolled, (F, 360) bool and uint8 codes: row is frame `whole.first_frame` + row, column
        the ray from the lumen's centroid. cap_um, wall_um: (F, 360) float32, from the lumen's outline to the nearest
        lipid and from the centroid to the outline, NaN where there is none to measure.
    warnings: what limits the numbers of the whole, one sentence each; the range has its own.
    """

    frame_spacing_mm: float | None
    pixel_spacing_mm: float | None
    whole: StretchMeasures
    chosen: RangeMeasures | None
    lipid: NDArray[np.bool_] = field(repr=False)
    unjudged: NDArray[np.uint8] = field(repr=False)
    cap_um: NDArray[np.float32] = field(repr=False)
    wall_um: NDArray[np.float32] = field(repr=False)
    warnings: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON; the unrolled wall as runs of rays, see `en_face_record`, and each frame's caps."""
        return {
            "frame_spacing_mm": self.frame_spacing_mm,
            "pixel_spacing_mm": self.pixel_spacing_mm,
            "pullback": json_values(self.whole),
            "range": None if self.chosen is None else json_values(self.chosen),
            "warnings": list(self.warnings),
            "en_face": {
                **self.en_face_record(),
                "fibrous_caps": [cap_row(*rays) for rays in zip(self.cap_um, self.wall_um, strict=True)],
            },
        }

    def en_face_record(self) -> dict[str, Any]:
        """The map: of each frame the runs (first ray, how many) that meet lipid, then those not judged, by reason."""
        return {
            "first_frame": self.whole.first_frame,
            "rays": self.lipid.shape[1],
            "origin": "centroid of the lumen, 0 to the right, clockwise",
            "runs": ["lipid", *REASONS],
            "rows": [map_row(*rays) for rays in zip(self.lipid, self.unjudged, strict=True)],
        }


def measure_pullback(
    results: "Iterable[MeasuredFrame | FrameAlong]",
    frame_spacing_mm: float | None,
    *,
    frames: tuple[int, int] | None = None,
) -> PullbackMeasures:
    """Measure along the vessel; results are read once, one by one, and none is kept.

    Args:
        results: of one pullback, as `Segmenter.segment_pullback` gives them, or `FrameAlong` of each.
        frame_spacing_mm: from frame to frame along the vessel; None where nothing tells it: then there are extremes of
            frames, and neither lengths nor volumes.
        frames: (first, last) numbers of frames, both included, that are measured by themselves as well.

    Raises:
        ValueError: no results, two of one frame, a range that ends before it begins.
        MeasurementError: a spacing or a range that no pullback has.
    """
    dz = _checked(spacing_mm(frame_spacing_mm, "frame_spacing_mm"))
    asked_for = None if frames is None else two_whole_numbers(frames, "frames")
    held = [each if isinstance(each, FrameAlong) else FrameAlong.of(each) for each in _given(results)]
    whole = side_by_side(held, dz)
    part = None if asked_for is None else _range(whole, asked_for)
    measured = _measured(whole, whole)
    scales = [frame.pixel_spacing_mm for frame in held if frame.rays is not None and frame.pixel_spacing_mm]
    return PullbackMeasures(
        frame_spacing_mm=dz,
        pixel_spacing_mm=float(np.median(scales)) if scales and agree(scales) else None,
        whole=measured,
        chosen=None if part is None else _measured_range(part, whole),
        lipid=whole.lipid,
        unjudged=whole.unjudged,
        cap_um=whole.cap_um,
        wall_um=whole.wall_um,
        warnings=tuple(warnings_of(whole, whole, measured)),
    )


def _given(results: "Iterable[MeasuredFrame | FrameAlong]") -> "Iterator[MeasuredFrame | FrameAlong]":
    """Results one by one; ValueError where they are none."""
    given: object = results
    if not isinstance(given, Iterable):
        raise ValueError(f"results must be those of segment_pullback, not {type(given).__name__}; of one use [result]")
    for each in results:
        if not isinstance(each, FrameAlong) and not hasattr(each, "frame_number"):
            raise ValueError(f"results must be those of segment_pullback, one of them is {type(each).__name__}")
        yield each


def _measured(along: Along, whole: Along) -> StretchMeasures:
    """A stretch with its plaques."""
    plaques = plaques_of(along)
    fields = measure_stretch(along, whole, along)
    return StretchMeasures(
        **cast(dict[str, Any], fields),
        tcfa_candidates=candidates(along, plaques),
        intervals_95=intervals(fields, along, whole, is_plaque=False),
        plaques=tuple(_plaque(plaque, along, whole) for plaque in plaques),
    )


def _measured_range(part: Along, whole: Along) -> RangeMeasures:
    """A range, with what limits its own numbers."""
    measured = _measured(part, whole)
    own = {name: getattr(measured, name) for name in FIELDS}
    return RangeMeasures(**own, warnings=tuple(warnings_of(part, whole, measured)))


def _plaque(plaque: Along, along: Along, whole: Along) -> StretchMeasures:
    """One plaque of a stretch; its worst 4 mm may reach past its ends."""
    own = np.zeros_like(along.lipid)
    own[plaque.first - along.first : plaque.last - along.first + 1] = plaque.lipid
    fields: Fields = measure_stretch(plaque, whole, replace(along, lipid=own))
    known = cast(dict[str, Any], fields)
    return StretchMeasures(
        **known,
        tcfa_candidates=candidates(plaque, [plaque]),
        clima=Clima.of(*(known.get(name) for name in CLIMA_OF)),
        intervals_95=intervals(fields, plaque, whole, is_plaque=True),
    )


CLIMA_OF = ("minimum_lumen_area_mm2", "fibrous_cap_thickness_min_um", "lipid_arc_max_deg")


def _checked(dz: float | None) -> float | None:
    if dz is not None and not LEAST_SPACING_MM <= dz <= MOST_SPACING_MM:
        raise MeasurementError(
            f"a frame spacing of {dz:g} mm is outside {LEAST_SPACING_MM:g} to {MOST_SPACING_MM:g} mm; "
            "a pullback has 0.1 or 0.2 mm from frame to frame"
        )
    return dz


def _range(whole: Along, frames: tuple[int, int]) -> Along:
    """The frames of a range, as far as there are any."""
    first, last = frames
    if first > last:
        raise ValueError(f"frames ({first}, {last}) end before they begin; give (first, last)")
    if last < whole.first or first > whole.last:
        raise MeasurementError(
            f"there are no frames {first} to {last}; this pullback has {whole.first} to {whole.last}"
        )
    return whole.part(max(first, whole.first), min(last, whole.last))
