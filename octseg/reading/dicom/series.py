"""DICOM files of one frame each to pullbacks: one for each series, its frames in the order of their instances.

What identifies a series or an instance is compared here and goes no further.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.pullback import Pullback
from octseg.reading.dicom.along import places_along
from octseg.reading.dicom.directory import files_listed, is_directory
from octseg.reading.dicom.layout import text, whole_number
from octseg.reading.dicom.levels import window_of
from octseg.reading.dicom.opening import open_dicom
from octseg.reading.dicom.reader import Footage, footage_of, pullback_of
from octseg.reading.limits import Limits

NAMED = 3  # missing frames that a warning names one by one


@dataclass(frozen=True)
class _File:
    """A file of a series: its place in the list that was given, and what it holds."""

    place: int
    name: str
    footage: Footage

    @property
    def dataset(self) -> Dataset:
        return self.footage.dataset

    @property
    def key(self) -> tuple[object, ...]:
        """What is the same for all files of one pullback."""
        layout = replace(self.footage.layout, frames=None)
        return text(self.dataset, "SeriesInstanceUID"), text(self.dataset, "SOPClassUID"), layout


def read_dicom(source: Path | bytes, label: str, stem: str, limits: Limits) -> Pullback:
    """The frames of a DICOM file, streamed; of a DICOMDIR, given by its path, those of its only pullback.

    Args:
        source: the file's path, of which only what is asked for is read, or its content.
        label: what errors call the file. stem: the pullback's name. limits: what a file may ask for.

    Raises:
        ReadError: it holds no frames of OCT, is beyond a limit, or nothing in it can be decoded; or it names several
            pullbacks.
    """
    opened = open_dicom(source, label, limits)
    if not is_directory(opened.dataset):
        return pullback_of([footage_of(opened, label, limits)], stem)
    if isinstance(source, bytes):
        raise ReadError(f"{label} is a DICOMDIR, the list of a medium's files, and not these; give its folder")
    pullbacks = read_dicom_directory(source, label, limits)
    if len(pullbacks) > 1:
        names = ", ".join(f"{each.name} ({each.frame_count} frames)" for each in pullbacks[:NAMED])
        more = ", ..." if len(pullbacks) > NAMED else ""
        raise ReadError(f"{label} lists {len(pullbacks)} pullbacks: {names}{more}; give the file or folder of one")
    return pullbacks[0]


def read_dicom_series(sources: Sequence[Path | bytes], label: str, stem: str, limits: Limits) -> list[Pullback]:
    """The pullbacks in DICOM files: one for each file of several frames, one for each series of single frames.

    Args:
        sources: path or content of each file. label: what errors call the whole. stem: the name of its only pullback.

    Raises:
        ReadError: none of the files holds frames of OCT.
    """
    left_out: list[str] = []
    files = [file for place, source in enumerate(sources) if (file := _look(source, place, limits, left_out))]
    groups = _grouped(files)
    pullbacks = []
    for number, group in enumerate(groups, 1):
        name = stem
        if len(group) == 1:
            name = group[0].name
        elif len(groups) > 1:
            name = f"{stem}_series{number}"
        if (pullback := _pullback(group, name, label, limits, left_out)) is not None:
            pullbacks.append(pullback)
    if not pullbacks:
        raise ReadError(left_out[0] if left_out else f"{label} holds no DICOM file of frames")
    return [replace(pullback, warnings=pullback.warnings + _said_of(left_out)) for pullback in pullbacks]


def read_dicom_directory(path: Path, label: str, limits: Limits) -> list[Pullback]:
    """The pullbacks of a medium, by its DICOMDIR; ReadError where it names none that is there and holds frames."""
    listed, missing = files_listed(path, label, limits)
    told = f"{missing} of the files that {label} names are not there"
    if not listed:
        raise ReadError(f"{told}; give the folder that they are in" if missing else f"{label} names no pictures")
    pullbacks = read_dicom_series(listed, label, path.parent.name or "pullback", limits)
    return [replace(each, warnings=(*each.warnings, told)) for each in pullbacks] if missing else pullbacks


def _grouped(files: Sequence[_File]) -> list[list[_File]]:
    """The files of each pullback: those of several frames by themselves, then each series by its number."""
    alone = [[file] for file in files if len(file.footage.held) > 1]
    series: dict[tuple[object, ...], list[_File]] = {}
    for file in files:
        if len(file.footage.held) == 1:
            series.setdefault(file.key, []).append(file)
    return alone + sorted(series.values(), key=_series_number)


def _pullback(files: Sequence[_File], name: str, label: str, limits: Limits, left_out: list[str]) -> Pullback | None:
    try:
        return _of_series(files, name, label, limits)
    except ReadError as error:
        left_out.append(str(error))
        return None


def _look(source: Path | bytes, place: int, limits: Limits, left_out: list[str]) -> _File | None:
    """A file's frames; None for a directory, and for what is left out."""
    name = source.name if isinstance(source, Path) else f"file {place + 1}"
    try:
        opened = open_dicom(source, name, limits)
        if is_directory(opened.dataset):
            return None
        return _File(place, _stem(source, name), footage_of(opened, name, limits))
    except ReadError as error:
        left_out.append(str(error))
        return None


def _stem(source: Path | bytes, name: str) -> str:
    """A file's name without its ending; a number after a dot is none."""
    if not isinstance(source, Path) or source.suffix[1:].isdigit():
        return name.replace(" ", "")
    return source.stem


def _said_of(left_out: Sequence[str]) -> tuple[str, ...]:
    if not left_out:
        return ()
    more = f" (and {len(left_out) - 1} more files)" if len(left_out) > 1 else ""
    return (f"left out{more}: {left_out[0]}",)


def _series_number(files: Sequence[_File]) -> tuple[int, int]:
    given = whole_number(files[0].dataset, "SeriesNumber")
    return (0 if given is None else given), files[0].place


def _of_series(files: Sequence[_File], name: str, label: str, limits: Limits) -> Pullback:
    """One pullback of files that are alike, with what its order does not tell."""
    if len(files) == 1:
        return pullback_of([files[0].footage], name)
    files, warnings = _once_each(files)
    limits.check_pullback(len(files), sum(file.footage.layout.pixels for file in files), label)
    files, instances = _in_order(files, warnings)
    declared = None
    if instances and len(set(instances)) == len(instances):
        declared = instances[-1] - instances[0] + 1
        if missing := sorted(set(range(instances[0], instances[-1])) - set(instances)):
            named = ", ".join(map(str, missing[:NAMED])) + (" ..." if len(missing) > NAMED else "")
            warnings.append(
                f"instances {named} of the series are missing, {len(missing)} in all: its frames run on, and lengths "
                "along the vessel may be too short"
            )
    if len({window_of(file.dataset) for file in files}) > 1:
        warnings.append("the windows of the series' files differ; that of the first is used for all of its frames")
    pullback = pullback_of([file.footage for file in files], name, declared)
    return replace(pullback, warnings=(*pullback.warnings, *warnings))


def _once_each(files: Sequence[_File]) -> tuple[list[_File], list[str]]:
    """The files without those that are there twice."""
    kept: dict[str, _File] = {}
    for file in files:
        kept.setdefault(text(file.dataset, "SOPInstanceUID") or f"place {file.place}", file)
    twice = len(files) - len(kept)
    return list(kept.values()), [f"{twice} files of the series are there twice and count once"] if twice else []


def _in_order(files: Sequence[_File], warnings: list[str]) -> tuple[list[_File], list[int]]:
    """The files by the numbers of their instances, else by their places along the vessel, else as they were given.

    And those numbers; none where they do not tell the order.
    """
    numbers = [whole_number(file.dataset, "InstanceNumber") for file in files]
    known = [number for number in numbers if number is not None]
    if len(known) == len(files) and len(set(known)) == len(files):
        order = sorted(range(len(files)), key=lambda place: known[place])
        return [files[place] for place in order], sorted(known)
    places = places_along([file.dataset for file in files])
    if places is not None and len(set(places)) == len(files):
        if len(files) > 1:
            warnings.append("the series gives no number to each instance: its frames are in the order of their places")
        return [file for _, file in sorted(zip(places, files, strict=True), key=lambda pair: pair[0])], []
    if len(known) == len(files):
        twice = len(files) - len(set(known))
        warnings.append(
            f"{twice} of the series' {len(files)} frames bear the number of another, so that frames may be here twice: "
            "all are taken, in the order of their numbers; leave copies out"
        )
        return sorted(files, key=lambda file: (whole_number(file.dataset, "InstanceNumber") or 0, file.place)), []
    if len(files) > 1:
        warnings.append("the series gives no number to each instance: its frames are in the order of their names")
    return sorted(files, key=lambda file: file.place), []
