"""DICOMDIR: the list of files of a medium, to the pullbacks in these. What it says of patients is not looked at."""

from pathlib import Path

from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.reading.dicom.layout import text
from octseg.reading.dicom.opening import open_dicom
from octseg.reading.limits import Limits

PICTURES = ("IMAGE", "")  # kinds of records; a medium's other objects are no frames
RECORDS = "DirectoryRecordSequence"


def is_directory(dataset: Dataset) -> bool:
    """Whether a data set is a list of files."""
    return RECORDS in dataset


def files_listed(path: Path, label: str, limits: Limits) -> tuple[list[Path], int]:
    """The files of pictures that a DICOMDIR names, in its order, and how many of these are not there.

    Raises:
        ReadError: it cannot be read, or names a file outside its folder.
    """
    opened = open_dicom(path, label, limits)
    found: list[Path] = []
    missing = 0
    for parts in _file_ids(opened.dataset, label):
        if not all(_is_plain(part) for part in parts):
            raise ReadError(f"{label} names a file outside of its folder, so it is not read; give the folder itself")
        place = _find(path.parent, parts)
        if place is None:
            missing += 1
        else:
            found.append(place)
    return found, missing


def _file_ids(dataset: Dataset, label: str) -> list[list[str]]:
    """The parts of the path of each picture that is named."""
    try:
        values = [
            record.get("ReferencedFileID")
            for record in dataset[RECORDS].value
            if text(record, "DirectoryRecordType") in PICTURES
        ]
        return [[value] if isinstance(value, str) else [str(part) for part in value] for value in values if value]
    except Exception as error:
        # pydicom, fed with hostile bytes, raises whatever it likes, with names from the records in its words.
        raise ReadError(f"{label} is a damaged DICOMDIR; give its folder") from RuntimeError(type(error).__name__)


def _is_plain(part: str) -> bool:
    return bool(part) and part not in (".", "..") and not any(sign in part for sign in "/\\:\0")


def _find(folder: Path, parts: list[str]) -> Path | None:
    """A file below `folder`, whatever the case of letters that the medium was copied with; None where none is there."""
    place = folder
    for part in parts:
        exact = place / part
        if not exact.exists():
            try:
                alike = [each for each in place.iterdir() if each.name.split(";")[0].casefold() == part.casefold()]
            except OSError:
                return None
            if not alike:
                return None
            exact = alike[0]
        place = exact
    return place if place.is_file() else None
