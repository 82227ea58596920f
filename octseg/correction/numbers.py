"""Numbers of frames and vessels as they were saved, from which all of a vessel's follow without measuring again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from octseg.errors import CorrectionError
from octseg.export.pullback import SUFFIX
from octseg.measurement.cores import CoreMeasures
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import Interval
from octseg.measurement.pullback import FrameAlong
from octseg.measurement.rays import WITHDRAWN, FrameRays
from octseg.pullback import PixelScale

Record: TypeAlias = Mapping[str, Any]  # an entry of measures.json, or a `<name>_pullback.json`


@dataclass(frozen=True)
class _SavedFrame:
    """What `FrameAlong` takes of a result."""

    frame_number: int
    measures: FrameMeasures
    scale: PixelScale
    rays: FrameRays | None
    intervals_95: Mapping[str, Interval | None] | None
    withdrawn: str | None = None


def saved_measures(record: Record) -> FrameMeasures | None:
    """The numbers of an entry of measures.json as they were saved; None where it has others."""
    try:
        given = {each.name: record[each.name] for each in fields(FrameMeasures) if each.name != "warnings"}
        cores = given.pop("lipid_cores")
        cores = None if cores is None else tuple(CoreMeasures(**core) for core in cores)
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return FrameMeasures(**{**given, **lists}, lipid_cores=cores)
    except (KeyError, TypeError):
        return None


def curves_of(record: Record) -> FrameAlong:
    """What curves along a vessel show of an entry of measures.json, as it was saved."""
    measures = saved_measures(record)
    if record["withdrawn"] is not None or measures is None:
        return FrameAlong(frame=record["frame"])
    return FrameAlong.of_measures(record["frame"], measures)


def scale_of(record: Record) -> PixelScale:
    """The scale that a frame was measured with."""
    return PixelScale(
        pixel_spacing_mm=record["pixel_spacing_mm"],
        source=record["pixel_spacing_source"],
        evidence=record.get("pixel_spacing_evidence") or "",
        catheter_diameter_mm=record.get("catheter_diameter_mm"),
    )


def saved_along(pullback: Record, records: Sequence[Record]) -> list[FrameAlong]:
    """What is kept along a vessel of its frames, in their order; CorrectionError where that was not saved."""
    try:
        return [_along(pullback["en_face"], record) for record in records]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise CorrectionError(
            f"nothing along the vessel can be measured: its {SUFFIX[1:]} is not one that this version writes; run "
            "`octseg predict` again"
        ) from error


def _along(en_face: Record, record: Record) -> FrameAlong:
    place, measures, held = record["frame"] - en_face["first_frame"], saved_measures(record), record.get("intervals_95")
    if not 0 <= place < len(en_face["rows"]):
        raise IndexError(record["frame"])
    if record["withdrawn"] is not None:
        return FrameAlong(frame=record["frame"])
    if measures is None:
        raise KeyError(record["frame"])
    rays = FrameRays.from_rows(en_face["rows"][place], en_face["fibrous_caps"][place])
    saved = _SavedFrame(
        frame_number=record["frame"],
        measures=measures,
        scale=scale_of(record),
        rays=None if (rays.unjudged == WITHDRAWN).all() else rays,
        # Of a frame that was corrected each interval is None, and none is known.
        intervals_95={name: ends and (ends[0], ends[1]) for name, ends in held.items()}
        if held and any(held.values())
        else None,
    )
    return FrameAlong.of(saved)
