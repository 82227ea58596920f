"""Masks as a DICOM segmentation: a reading of the frames that it refers to."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from octseg.classes import CLASS_NAMES
from octseg.comparison.formats.contours import class_named
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError
from octseg.reading.dicom.segments import SegmentPlanes, segment_planes


def segments_reading(path: Path, class_map: Mapping[int, str] | None) -> Reading:
    """A frame for each that a segment has pixels in."""
    held = segment_planes(path)
    classes = {
        number: class_named(label) if class_map is None else class_map.get(number)
        for number, label in held.labels.items()
    }
    known = tuple(name for name in CLASS_NAMES if name in classes.values())
    if not known:
        said = ", ".join(f"{number} {label}" for number, label in held.labels.items())
        raise ReadError(
            f"{path.name} has segments of which none is a class here ({said}); "
            "say which: --class-map 1=lumen,2=lipid_core"
        )
    ignored = tuple(label for number, label in held.labels.items() if classes[number] is None)
    of_class = {name: [number for number, of in classes.items() if of == name] for name in known}
    frames = [
        FrameRead(None, frame, partial(_masks, held, frame, of_class), held.pixel_spacing_mm)
        for frame in sorted({frame for _, frame in held.places})
    ]
    return Reading(path.name, frames, known, others_empty=True, ignored=ignored)


def _masks(held: SegmentPlanes, frame: int, of_class: Mapping[str, list[int]]) -> Masks:
    return {
        name: np.logical_or.reduce([held.plane(number, frame) for number in numbers])
        for name, numbers in of_class.items()
    }
