"""The segments of a DICOM SEG file, BINARY, by the frames of the file that they refer to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from octseg.errors import ReadError


@dataclass(frozen=True)
class SegmentPlanes:
    """Planes (H, W) of each segment in each frame of the source.

    labels: number of a segment -> its label. places: segment and frame -> place in `pixels`.
    """

    labels: Mapping[int, str]
    pixel_spacing_mm: float | None
    shape: tuple[int, int]
    places: Mapping[tuple[int, int], int] = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)

    def plane(self, segment: int, frame: int) -> NDArray[np.bool_]:
        """(H, W) of a segment in a frame, counted from 1; empty where it has none there."""
        place = self.places.get((segment, frame))
        return np.zeros(self.shape, bool) if place is None else self.pixels[place] > 0


def segment_planes(path: Path) -> SegmentPlanes:
    """Read a file; ReadError where it is no binary segmentation of the frames of one multi-frame file."""
    try:
        held = dcmread(path)
        if held.get("Modality") != "SEG" or "SegmentSequence" not in held:
            raise ReadError(f"{path.name} is DICOM, but no segmentation (SEG); give the file of the outlines")
        if held.get("SegmentationType") != "BINARY":
            raise ReadError(f"{path.name} is a {held.get('SegmentationType')} segmentation; save it as BINARY")
        places = _places(held, path.name)
        pixels = np.asarray(held.pixel_array, np.uint8).reshape(-1, held.Rows, held.Columns)
    except (
        InvalidDicomError,
        OSError,
        AttributeError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:  # RuntimeError: pixels packed in a way that nothing here unpacks
        raise ReadError(f"{path.name} cannot be read as a segmentation: {error.__class__.__name__}") from error
    return SegmentPlanes(
        labels={int(each.SegmentNumber): str(each.SegmentLabel) for each in held.SegmentSequence},
        pixel_spacing_mm=_spacing(held),
        shape=(int(held.Rows), int(held.Columns)),
        places=places,
        pixels=pixels,
    )


def _places(held: Dataset, name: str) -> dict[tuple[int, int], int]:
    places: dict[tuple[int, int], int] = {}
    instances = set()
    for place, item in enumerate(held.PerFrameFunctionalGroupsSequence):
        derived = item.get("DerivationImageSequence")
        if not derived or not derived[0].get("SourceImageSequence"):
            raise ReadError(f"{name} does not tell which frames its outlines are of; give NIfTI instead")
        source = derived[0].SourceImageSequence[0]
        instances.add(str(source.ReferencedSOPInstanceUID))
        frame = source.get("ReferencedFrameNumber")
        if frame is None or len(instances) > 1:
            raise ReadError(f"{name} refers to single-frame files, whose order it does not tell; give NIfTI instead")
        segment = _group(item, held, "SegmentIdentificationSequence").ReferencedSegmentNumber
        places[int(segment), int(frame if isinstance(frame, (int, str)) else frame[0])] = place
    return places


def _group(item: Dataset, held: Dataset, name: str) -> Any:
    own = item.get(name) or held.SharedFunctionalGroupsSequence[0].get(name)
    return own[0]


def _spacing(held: Dataset) -> float | None:
    """Mm per pixel, where pixels are square and a spacing is told."""
    shared = held.get("SharedFunctionalGroupsSequence") or []
    measures = shared[0].get("PixelMeasuresSequence") if shared else None
    spacing = [float(each) for each in measures[0].get("PixelSpacing") or []] if measures else []
    return spacing[0] if len(spacing) == 2 and abs(spacing[0] - spacing[1]) < 1e-6 * spacing[0] else None
