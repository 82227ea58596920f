"""The segments of a DICOM SEG file by the frames of the file that they refer to: BINARY, FRACTIONAL and LABELMAP."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from octseg.errors import ReadError

BINARY, FRACTIONAL, LABELMAP = "BINARY", "FRACTIONAL", "LABELMAP"
LONE = 1  # the number of the frame of a file that has one
GIVE = "give NIfTI instead"


@dataclass(frozen=True)
class SegmentPlanes:
    """Planes (H, W) of each segment in each frame of the source.

    labels: number of a segment -> its label. types: the code of what it is, as (scheme, value, meaning), where it has
    one. fractional: what its numbers are, occupancy or probability; "" where a pixel is of a segment or is not.
    places: segment and frame -> place in `pixels`, in which `least` and more, or the segment's number, is of it.
    """

    labels: Mapping[int, str]
    types: Mapping[int, tuple[str, str, str]]
    fractional: str
    pixel_spacing_mm: float | None
    shape: tuple[int, int]
    places: Mapping[tuple[int, int], int] = field(repr=False)
    pixels: NDArray[Any] = field(repr=False)
    least: float | None = field(repr=False)

    def plane(self, segment: int, frame: int) -> NDArray[np.bool_]:
        """(H, W) of a segment in a frame, counted from 1; empty where it has none there."""
        place = self.places.get((segment, frame))
        if place is None:
            return np.zeros(self.shape, bool)
        held = self.pixels[place]
        return np.asarray(held == segment if self.least is None else held >= self.least, bool)


def segment_planes(path: Path) -> SegmentPlanes:
    """Read a file; ReadError where it is no segmentation of the frames of one multi-frame file."""
    try:
        held = dcmread(path)
        if held.get("Modality") != "SEG" or "SegmentSequence" not in held:
            raise ReadError(f"{path.name} is DICOM, but no segmentation (SEG); give the file of the outlines")
        kind = str(held.get("SegmentationType"))
        if kind not in (BINARY, FRACTIONAL, LABELMAP):
            raise ReadError(f"{path.name} is a {kind} segmentation, which is not known here; save it as BINARY")
        described = {int(each.SegmentNumber): each for each in held.SegmentSequence}
        if kind == LABELMAP:
            described.pop(0, None)  # which is the background
        places = _places(held, path.name, list(described) if kind == LABELMAP else None)
        pixels = np.asarray(held.pixel_array).reshape(-1, held.Rows, held.Columns)
        return SegmentPlanes(
            labels={number: str(each.get("SegmentLabel") or "") for number, each in described.items()},
            types={number: code for number, each in described.items() if (code := _type(each)) is not None},
            fractional=str(held.get("SegmentationFractionalType") or "shades").lower() if kind == FRACTIONAL else "",
            pixel_spacing_mm=_spacing(held),
            shape=(int(held.Rows), int(held.Columns)),
            places=places,
            pixels=pixels,
            least={BINARY: 1.0, FRACTIONAL: int(held.get("MaximumFractionalValue") or 255) / 2}.get(kind),
        )
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


def _type(described: Dataset) -> tuple[str, str, str] | None:
    """Scheme, value and meaning of the code of what a segment is."""
    codes = described.get("SegmentedPropertyTypeCodeSequence")
    if not codes:
        return None
    return tuple(str(codes[0].get(key) or "") for key in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning"))  # type: ignore[return-value]


def _places(held: Dataset, name: str, all_segments: list[int] | None) -> dict[tuple[int, int], int]:
    """Segment and frame -> place of their plane; all_segments: those of each plane, where it is one of labels."""
    places: dict[tuple[int, int], int] = {}
    items = list(held.PerFrameFunctionalGroupsSequence)
    sources = [list(_sources(item, held)) for item in items]
    instances = {instance for source in sources for instance, _ in source}
    if not all(sources):
        raise ReadError(f"{name} does not tell which frames its outlines are of; {GIVE}")
    if len(instances) > 1:
        raise ReadError(f"{name} refers to single-frame files, whose order it does not tell; {GIVE}")
    for place, (item, source) in enumerate(zip(items, sources, strict=True)):
        frames = {frame for _, frame in source}
        if len(frames) > 1:
            raise ReadError(f"{name} refers to several frames by one plane, so it is not known whose it is; {GIVE}")
        (frame,) = frames
        for segment in all_segments if all_segments is not None else [_segment(item, held)]:
            key = segment, LONE if frame is None else frame
            if key in places:
                what = "which of its planes is of which frame" if frame is None else f"one plane of frame {frame} alone"
                raise ReadError(f"{name} does not tell {what} for segment {segment}; {GIVE}")
            places[key] = place
    return places


def _segment(item: Dataset, held: Dataset) -> int:
    return int(_group(item, held, "SegmentIdentificationSequence")[0].ReferencedSegmentNumber)


def _sources(item: Dataset, held: Dataset) -> Iterator[tuple[str, int | None]]:
    """Instance and frame, None where it names none, of all that a plane was derived from."""
    for derived in _group(item, held, "DerivationImageSequence") or ():
        for source in derived.get("SourceImageSequence") or ():
            told = source.get("ReferencedFrameNumber")
            numbers = [None] if told is None else [told] if isinstance(told, (int, str)) else list(told)
            for number in numbers:
                yield str(source.ReferencedSOPInstanceUID), None if number is None else int(number)


def _group(item: Dataset, held: Dataset, name: str) -> Any:
    """A sequence of a frame's, or what all share of it; None where there is none."""
    own = item.get(name)
    shared = held.get("SharedFunctionalGroupsSequence")
    return own if own or not shared else shared[0].get(name)


def _spacing(held: Dataset) -> float | None:
    """Mm per pixel, where pixels are square and a spacing is told."""
    shared = held.get("SharedFunctionalGroupsSequence") or []
    measures = shared[0].get("PixelMeasuresSequence") if shared else None
    spacing = [float(each) for each in measures[0].get("PixelSpacing") or []] if measures else []
    return spacing[0] if len(spacing) == 2 and abs(spacing[0] - spacing[1]) < 1e-6 * spacing[0] else None
