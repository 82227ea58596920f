"""Frames with their outlines as they are, as exports are made of them: vessel by vessel, then those of no vessel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from octseg.classes import CLASS_NAMES
from octseg.correction.corrections import Corrections
from octseg.correction.measuring import Measuring, planes_of
from octseg.correction.numbers import Record
from octseg.correction.saved import SavedCase
from octseg.correction.vessels import Vessels, run_of
from octseg.errors import CorrectionError
from octseg.export.bundle import free_stem, safe_stem
from octseg.export.planes import Masks
from octseg.export.segmented import Segmented
from octseg.measurement.pullback import PullbackMeasures
from octseg.pullback import Frame
from octseg.reading.formats import PICTURE_ENDINGS
from octseg.reading.private import mark_of


@dataclass(frozen=True)
class Group:
    """Frames that are exported together. name: what their files' names begin with. vessel: None of pictures alone."""

    name: str
    stems: Sequence[str]
    vessel: str | None = None


def groups_of(case: SavedCase) -> list[Group]:
    """The frames of each pullback, and those of no pullback, folder by folder."""
    taken: set[str] = set()
    groups = [Group(free_stem(safe_stem(name), taken), stems, name) for name, stems in case.vessels.items() if stems]
    alone: dict[str, list[str]] = {}
    for stem, record in case.records.items():
        if case.vessel(stem) is None:
            alone.setdefault(record.get("folder") or "", []).append(stem)
    for folder, stems in alone.items():
        name = stems[0] if len(stems) == 1 else Path(folder).name or case.folder.resolve().name
        groups.append(Group(free_stem(safe_stem(name), taken), stems))
    return groups


def segmented_of(
    group: Group,
    case: SavedCase,
    corrections: Corrections,
    measuring: Measuring,
    records: Mapping[str, Record],
    vessels: Vessels,
) -> Segmented:
    """A group; records: the entries of all frames as they are now.

    Raises CorrectionError where a frame is not there that its numbers need.
    """
    stems = group.stems
    file = case.pullbacks[group.vessel]["file"] if group.vessel else str(records[stems[0]]["file"])
    given = measuring.pullback(stems[0])
    measures, record = _along(group.vessel, vessels)

    def masks(place: int) -> Masks:
        return dict(planes_of(corrections.labels(stems[place])))

    def frames(first: int = 0, last: int | None = None) -> Iterator[Frame]:
        return map(measuring.frame, stems[first:last])

    return Segmented(
        name=group.name,
        file=file,
        records=[records[stem] for stem in stems],
        stems=stems,
        read_masks=masks,
        read_frames=frames,
        classes=CLASS_NAMES,
        run=run_of(case, corrections, stems),
        are_pictures=_are_pictures([records[stem] for stem in stems]),
        frame_texts=mark_of(private=any(map(measuring.is_private, stems))),
        measures=measures,
        pullback_record=record,
        read_headers=None if given is None else given.read_headers,
    )


def _along(name: str | None, vessels: Vessels) -> tuple[PullbackMeasures | None, Record | None]:
    """What is measured along a vessel, and its file; None where that was not saved: contours need none of it."""
    try:
        return (None, None) if name is None else (vessels.measures(name), vessels.record(name))
    except CorrectionError:
        return None, None


def _are_pictures(records: Sequence[Record]) -> bool:
    """Whether each frame is a picture's file of its own."""
    files = {record["file"] for record in records}
    return len(files) == len(records) and all(Path(file).suffix.lower() in PICTURE_ENDINGS for file in files)
