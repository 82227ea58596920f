"""What of a frame is needed along the vessel, and the frames of a pullback side by side.

A frame's masks may be dropped once its `FrameAlong` was made: it takes 5 kB. Arrays have a row a frame, (F, ...), from
the first frame to the last, also for frames that are missing or withdrawn, of which nothing is known: NaN.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.measurement.cores import CoreMeasures
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import Interval
from octseg.measurement.lipid import N_RAYS
from octseg.measurement.rays import WITHDRAWN, FrameRays
from octseg.measurement.records import json_value, json_values
from octseg.pullback import PixelScale

Numbers = NDArray[np.float64]  # (F,)
INTERVALS_OF = (
    "lumen_area_mm2",
    "lumen_area_px",
    "lipid_core_area_mm2",
    "lipid_arc_deg",
    "fibrous_cap_thickness_min_um",
)


class MeasuredFrame(Protocol):
    """What a `FrameResult` tells here."""

    @property
    def frame_number(self) -> int:
        """1-based place in the pullback."""

    @property
    def measures(self) -> FrameMeasures:
        """Of the frame."""

    @property
    def scale(self) -> PixelScale:
        """Mm per pixel, and what disagrees with it."""

    @property
    def rays(self) -> FrameRays | None:
        """Of the frame; None without a lumen."""

    @property
    def withdrawn(self) -> str | None:
        """Why nothing is said of it."""

    @property
    def intervals_95(self) -> Mapping[str, Interval | None] | None:
        """Of its measures."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameAlong:
    """One frame; areas and arc None where they were not looked for, 0 where nothing was found.

    cores: of its lipid. rays: None where nothing is said of the frame. intervals: those of INTERVALS_OF that there are;
    None where none were asked for. other_scales: name -> mm per pixel of what disagrees with the scale in use.
    """

    frame: int
    pixel_spacing_mm: float | None = None
    other_scales: Mapping[str, float] = field(default_factory=dict)
    lumen_area_px: float | None = None
    lumen_area_mm2: float | None = None
    lipid_area_px: float | None = None
    lipid_area_mm2: float | None = None
    lipid_arc_deg: float | None = None
    cap_min_um: float | None = None
    cap_absent: bool = False
    cores: tuple[CoreMeasures, ...] = ()
    rays: FrameRays | None = None
    intervals: Mapping[str, Interval] | None = None

    @classmethod
    def of(cls, result: MeasuredFrame) -> Self:
        """The little that is kept of a result."""
        measures = result.measures
        if result.withdrawn is not None or result.rays is None:
            return cls(frame=result.frame_number)
        held = result.intervals_95
        return replace(
            cls.of_measures(result.frame_number, measures),
            pixel_spacing_mm=measures.pixel_spacing_mm,
            other_scales=dict(result.scale.others),
            cap_absent=bool(measures.fibrous_cap_absent_deg),
            cores=measures.lipid_cores or (),
            rays=result.rays,
            intervals=None if held is None else {name: ends for name in INTERVALS_OF if (ends := held.get(name))},
        )

    @classmethod
    def of_measures(cls, frame: int, measures: FrameMeasures) -> Self:
        """What curves along a vessel show of a frame's measures."""
        looked_for = measures.lipid_core_areas_px is not None
        scaled = measures.pixel_spacing_mm is not None
        return cls(
            frame=frame,
            lumen_area_px=measures.lumen_area_px,
            lumen_area_mm2=measures.lumen_area_mm2,
            lipid_area_px=(measures.lipid_core_area_px or 0.0) if looked_for else None,
            lipid_area_mm2=(measures.lipid_core_area_mm2 or 0.0) if looked_for and scaled else None,
            lipid_arc_deg=measures.lipid_arc_deg,
            cap_min_um=measures.fibrous_cap_thickness_min_um,
        )

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON, from which `from_record` makes the same again."""
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("rays", "cores", "intervals")}
        return {
            **{name: json_value(value) for name, value in record.items()},
            "cores": [json_values(core) for core in self.cores],
            "rays": None if self.rays is None else self.rays.to_record(),
            "intervals": json_value(None if self.intervals is None else dict(self.intervals)),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The frame of which `to_record` gave the record."""
        rays, intervals = record["rays"], record["intervals"]
        return cls(
            **{name: value for name, value in record.items() if name not in ("rays", "cores", "intervals")},
            cores=tuple(CoreMeasures(**core) for core in record["cores"]),
            rays=None if rays is None else FrameRays.from_record(rays),
            intervals=None if intervals is None else {name: (low, high) for name, (low, high) in intervals.items()},
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Along:
    """Frames side by side; (F,) and NaN where unknown, unless said otherwise.

    first: number of the first frame. spacing_mm: from frame to frame. judged: (F,) bool, False for frames of which
    nothing is said. lipid: (F, N_RAYS) bool. cap_um, wall_um: (F, N_RAYS). unjudged: (F, N_RAYS) uint8 codes.
    cores: of each frame. frames: as they were given, None where one is missing.
    """

    first: int
    spacing_mm: float | None
    lumen_px: Numbers
    lumen_mm2: Numbers
    lipid_px: Numbers
    lipid_mm2: Numbers
    arc_deg: Numbers
    judged: NDArray[np.bool_]
    cap_absent: NDArray[np.bool_]
    lipid: NDArray[np.bool_]
    cap_um: NDArray[np.float32]
    wall_um: NDArray[np.float32]
    unjudged: NDArray[np.uint8]
    cores: tuple[tuple[CoreMeasures, ...], ...]
    frames: tuple[FrameAlong | None, ...]

    def __len__(self) -> int:
        return len(self.judged)

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self) - 1

    @property
    def has_lipid(self) -> NDArray[np.bool_]:
        """(F,) frames in which lipid spans an arc."""
        return np.asarray(self.arc_deg > 0, bool)

    @property
    def in_sight(self) -> NDArray[np.bool_]:
        """(F, N_RAYS) rays that were judged."""
        return np.asarray(self.unjudged == 0, bool)

    def part(self, first: int, last: int) -> Self:
        """Frames of the numbers `first` to `last`, both included."""
        rows = slice(first - self.first, last - self.first + 1)
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        cut: dict[str, Any] = {
            name: value[rows] for name, value in held.items() if isinstance(value, (np.ndarray, tuple))
        }
        return replace(self, first=first, **cut)


def side_by_side(frames: Iterable[FrameAlong], spacing_mm: float | None) -> Along:
    """The frames of a pullback in the order of their numbers.

    Raises ValueError where there is none, or two have one number.
    """
    held = list(frames)
    given = {frame.frame: frame for frame in held}
    if not held:
        raise ValueError("there are no results to measure along a vessel; give those of segment_pullback")
    if len(given) < len(held):
        raise ValueError("two results have one frame number; give those of one pullback, each frame once")
    numbers = range(min(given), max(given) + 1)
    rows = [given.get(number) for number in numbers]
    return Along(
        first=numbers[0],
        spacing_mm=spacing_mm,
        lumen_px=_column(rows, "lumen_area_px"),
        lumen_mm2=_column(rows, "lumen_area_mm2"),
        lipid_px=_column(rows, "lipid_area_px"),
        lipid_mm2=_column(rows, "lipid_area_mm2"),
        arc_deg=_column(rows, "lipid_arc_deg"),
        judged=np.array([row is not None and row.rays is not None for row in rows]),
        cap_absent=np.array([row is not None and row.cap_absent for row in rows]),
        lipid=_rays(rows, "lipid", np.zeros(N_RAYS, bool)),
        cap_um=_rays(rows, "cap_um", np.full(N_RAYS, np.nan, np.float32)),
        wall_um=_rays(rows, "wall_um", np.full(N_RAYS, np.nan, np.float32)),
        unjudged=_rays(rows, "unjudged", np.full(N_RAYS, WITHDRAWN, np.uint8)),
        cores=tuple(() if row is None else row.cores for row in rows),
        frames=tuple(rows),
    )


def _column(rows: Sequence[FrameAlong | None], name: str) -> Numbers:
    values = [None if row is None else getattr(row, name) for row in rows]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _rays(rows: Sequence[FrameAlong | None], name: str, nothing: NDArray[Any]) -> NDArray[Any]:
    return np.stack([nothing if row is None or row.rays is None else getattr(row.rays, name) for row in rows])
