"""Masks as a DICOM segmentation: a reading of the frames that it refers to."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from octseg.classes import CLASS_NAMES
from octseg.comparison.formats.contours import class_named
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError
from octseg.export.dicom.segments import TYPES
from octseg.reading.dicom.segments import SegmentPlanes, segment_planes

CODES = {
    **{(code.scheme_designator, code.value): name for name, code in TYPES.items()},
    ("SCT", "91747007"): "lumen",  # lumen of blood vessel
    ("SCT", "113342003"): "lumen",
}


def segments_reading(path: Path, class_map: Mapping[int, str] | None) -> Reading:
    """A frame for each that a segment has pixels in."""
    held = segment_planes(path)
    classes = _classes(held) if class_map is None else {number: class_map.get(number) for number in held.labels}
    said = {number: label or _type(held, number)[2] or f"segment {number}" for number, label in held.labels.items()}
    known = tuple(name for name in CLASS_NAMES if name in classes.values())
    if not known:
        told = ", ".join(f"{number} {label}" for number, label in said.items())
        raise ReadError(
            f"{path.name} has segments of which none is a class here ({told}); "
            "say which: --class-map 1=lumen,2=lipid_core"
        )
    ignored = tuple(label for number, label in said.items() if classes[number] is None)
    of_class = {name: [number for number, of in classes.items() if of == name] for name in known}
    frames = [
        FrameRead(None, frame, partial(_masks, held, frame, of_class), held.pixel_spacing_mm)
        for frame in sorted({frame for _, frame in held.places})
    ]
    notes = (f"{path.name} holds {held.fractional}: from a half on a pixel is taken for the tissue",)
    return Reading(path.name, frames, known, others_empty=True, ignored=ignored, notes=notes if held.fractional else ())


def _classes(held: SegmentPlanes) -> dict[int, str | None]:
    """The class of each segment by its label as people write it; of those that no label names, by code or its meaning.

    Where one label names a class, others of the same code are something else: programs give one code to all.
    """
    by_label = {number: class_named(label) for number, label in held.labels.items()}
    named = set(by_label.values())
    by_code = {number: CODES.get(_type(held, number)[:2]) or class_named(_type(held, number)[2]) for number in by_label}
    return {number: of or _unless(by_code[number], named) for number, of in by_label.items()}


def _unless(of: str | None, named: Collection[str | None]) -> str | None:
    return None if of in named else of


def _type(held: SegmentPlanes, number: int) -> tuple[str, str, str]:
    return held.types.get(number, ("", "", ""))


def _masks(held: SegmentPlanes, frame: int, of_class: Mapping[str, list[int]]) -> Masks:
    return {
        name: np.logical_or.reduce([held.plane(number, frame) for number in numbers])
        for name, numbers in of_class.items()
    }
