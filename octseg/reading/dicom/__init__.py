"""DICOM in: multi-frame files, series of single frames, directories. pydicom is loaded when one is read."""

from pathlib import Path

from octseg.pullback import Pullback
from octseg.reading.dicom.mark import is_dicom
from octseg.reading.limits import Limits

__all__ = ["is_dicom", "read_dicom"]


def read_dicom(source: Path | bytes, label: str, stem: str, limits: Limits) -> Pullback:
    """The frames of a DICOM file, streamed; see `octseg.reading.dicom.reader.read_dicom`."""
    from octseg.reading.dicom import reader

    return reader.read_dicom(source, label, stem, limits)
