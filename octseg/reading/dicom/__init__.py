"""DICOM in: multi-frame files, series of single frames, DICOMDIR. pydicom is loaded when one is read."""

from collections.abc import Sequence
from pathlib import Path

from octseg.pullback import Pullback
from octseg.reading.dicom.mark import is_dicom
from octseg.reading.dicom.quiet import quiet
from octseg.reading.limits import Limits

__all__ = ["is_dicom", "read_dicom", "read_dicom_directory", "read_dicom_series"]


def read_dicom(source: Path | bytes, label: str, stem: str, limits: Limits) -> Pullback:
    """The frames of a DICOM file, streamed; see `octseg.reading.dicom.series.read_dicom`."""
    from octseg.reading.dicom import series

    with quiet():
        return series.read_dicom(source, label, stem, limits)


def read_dicom_series(sources: Sequence[Path | bytes], label: str, stem: str, limits: Limits) -> list[Pullback]:
    """The pullbacks in DICOM files; see `octseg.reading.dicom.series.read_dicom_series`."""
    from octseg.reading.dicom import series

    with quiet():
        return series.read_dicom_series(sources, label, stem, limits)


def read_dicom_directory(path: Path, label: str, limits: Limits) -> list[Pullback]:
    """The pullbacks of a DICOMDIR; see `octseg.reading.dicom.series.read_dicom_directory`."""
    from octseg.reading.dicom import series

    with quiet():
        return series.read_dicom_directory(path, label, limits)
