"""Millimetres from frame to frame along the vessel, from a header, with where they stand."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from octseg.pullback import SAME_SPACING
from octseg.reading.dicom.groups import frame_groups, shared_groups
from octseg.reading.dicom.layout import is_no_number, number, numbers, whole_number
from octseg.reading.dicom.scale import MACRO, Found

MIN_MM, MAX_MM = 0.005, 2.0
MOST_UNEVEN = 0.01

Place = tuple[float, float, float]  # mm


def frame_spacing_of(datasets: Sequence[Dataset]) -> Found:
    """Mm from frame to frame, of one file or of files of one frame each, in order.

    By the frames' distances along the vessel, else the spacing that is given, else their places, else their thickness.
    One of the first three that disagrees with the one in use is told; frames may well be thinner than they lie apart.
    """
    warnings: list[str] = []
    macro, keyword = "IntravascularFrameContentSequence", "IntravascularLongitudinalDistance"
    distances = [number(group, keyword) for each in datasets for group in frame_groups(each, macro)]
    positions = [_position(group) for each in datasets for group in _placed(each)]
    ways: tuple[Callable[[list[str]], tuple[float, str] | None], ...] = (
        lambda said: _by_places(distances, "longitudinal distance", said),
        lambda said: _by_element(datasets[0], "SpacingBetweenSlices", said),
        lambda said: _by_places(_along(positions), "position", said),
    )
    told: list[tuple[float, str]] = []
    for way in ways:
        by_way = way([] if told else warnings)
        told += [] if by_way is None else [by_way]
    if told:
        warnings += [_differs(other, told[0]) for other in told[1:] if abs(other[0] / told[0][0] - 1) > SAME_SPACING]
        return Found(*told[0], tuple(warnings))
    by_thickness = _by_element(datasets[0], "SliceThickness", warnings)
    return Found(warnings=tuple(warnings)) if by_thickness is None else Found(*by_thickness, tuple(warnings))


def _differs(other: tuple[float, str], used: tuple[float, str]) -> str:
    """What is said of two spacings of one header: mm and evidence of each."""
    names = (each[1].removeprefix("DICOM ").split(":")[0] for each in (other, used))
    said = f"{next(names)} gives {other[0]:.4g} mm from frame to frame and {next(names)} {used[0]:.4g} mm"
    return f"{said}; the latter is used"


def _by_places(places: Sequence[float | None], what: str, warnings: list[str]) -> tuple[float, str] | None:
    known = [place for place in places if place is not None]
    if len(known) < 2 or len(known) < len(places):
        return None
    step = _step(known, what, warnings)
    return None if step is None else (step, f"DICOM {what} of frames: {step:.4g} mm.")


def _step(places: Sequence[float], what: str, warnings: list[str]) -> float | None:
    """Mean step between places along the vessel in mm, in the frames' order; None, and why, where they are no run."""
    steps = np.diff(np.array(places, float))
    if not np.isfinite(steps).all() or not steps.any():
        return None
    if not ((steps > 0).all() or (steps < 0).all()):
        warnings.append(f"the {what} of frames goes back and forth or stands still, so it does not tell their distance")
        return None
    sizes = np.abs(steps)
    mean = float(sizes.mean())
    if not MIN_MM <= mean <= MAX_MM:
        warnings.append(f"the {what} of frames grows by {mean:.4g} mm a frame, which cannot be: not used")
        return None
    if sizes.max() - sizes.min() > MOST_UNEVEN * mean:
        smallest, largest = sizes.min(), sizes.max()
        warnings.append(f"the {what} of frames grows unevenly, by {smallest:.4g} to {largest:.4g} mm: its mean is used")
    return mean


def _by_element(dataset: Dataset, keyword: str, warnings: list[str]) -> tuple[float, str] | None:
    for group in (*shared_groups(dataset, MACRO), *frame_groups(dataset, MACRO)[:1], dataset):
        value = number(group, keyword)
        if value is None:
            if is_no_number(group, keyword):
                warnings.append(f"{keyword} is no number, so it does not tell the distance of frames: not used")
            continue
        if math.isfinite(value) and MIN_MM <= value <= MAX_MM:
            return value, f"DICOM {keyword}: {value:.4g} mm."
        warnings.append(f"{keyword} is {value:.6g} mm, which cannot be the distance of frames: not used")
    return None


def _placed(dataset: Dataset) -> list[Dataset]:
    """What bears the position of each frame of a file."""
    return frame_groups(dataset, "PlanePositionSequence") or [dataset]


def _position(group: Dataset) -> Place | None:
    """ImagePositionPatient; None where it is not there or is no place."""
    place = numbers(group, "ImagePositionPatient")
    if place is None or len(place) != 3 or not all(map(math.isfinite, place)):
        return None
    x, y, z = place
    return x, y, z


def order_said(dataset: Dataset, count: int) -> tuple[str, ...]:
    """What to say where the header of a file of `count` frames gives them another order than they are stored in.

    The first that tells all frames apart counts. One that falls throughout is that of a pullback seen from its end.
    Frames stay as they are stored, for other files refer to a frame by its number there.
    """
    for name, of_all in _orders(dataset):
        of_frames = of_all[:count]  # of a file that ends early
        if None in of_frames or len(set(of_frames)) < count:
            continue
        order = sorted(range(count), key=of_frames.__getitem__)
        if order in (list(range(count)), list(range(count))[::-1]):
            return ()
        first = next(place for place in range(count) if order[place] != place)
        which = f"frame {order[first] + 1} is number {first + 1} of {count}"
        return (
            f"by the header's {name} frames are stored out of order ({which}): they are read, numbered and measured as "
            "stored, so that lengths, volumes and plaques along the vessel are wrong; have them exported in order",
        )
    return ()


def _orders(dataset: Dataset) -> list[tuple[str, list[Any]]]:
    """What may tell the frames' order, and what it says of each; None where it says nothing."""
    content, vessel = "FrameContentSequence", "IntravascularFrameContentSequence"
    distance = "IntravascularLongitudinalDistance"
    contents = frame_groups(dataset, content)
    indices = [tuple(numbers(each, "DimensionIndexValues") or ()) or None for each in contents]
    return [
        ("InStackPositionNumber", [whole_number(each, "InStackPositionNumber") for each in contents]),
        ("longitudinal distance", [_finite(number(each, distance)) for each in frame_groups(dataset, vessel)]),
        ("DimensionIndexValues", [*indices]),
        ("FrameAcquisitionNumber", [whole_number(each, "FrameAcquisitionNumber") for each in contents]),
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def places_along(datasets: Sequence[Dataset]) -> list[float] | None:
    """How far the frame of each file lies along the vessel, in mm, in any order; None where that is not told of all.

    By the longitudinal distance, else along the axis on which positions differ most.
    """
    macro, keyword = "IntravascularFrameContentSequence", "IntravascularLongitudinalDistance"
    distances = [number(group, keyword) for each in datasets for group in frame_groups(each, macro)[:1]]
    known = [distance for distance in distances if distance is not None]
    if len(known) == len(datasets):
        return known
    positions = [position for each in datasets if (position := _position(_placed(each)[0])) is not None]
    if len(positions) < len(datasets):
        return None
    places = np.array(positions)
    return [float(place) for place in places[:, np.ptp(places, axis=0).argmax()]]


def _along(positions: Sequence[Place | None]) -> list[float | None]:
    """How far each position lies along the line from the first to the last, in mm."""
    known = [position for position in positions if position is not None]
    if len(known) < 2 or len(known) < len(positions):
        return [None]
    places = np.array(known)
    line = places[-1] - places[0]
    length = float(np.linalg.norm(line))
    return [float(place) for place in (places - places[0]) @ (line / length)] if length > 0 else [None]
