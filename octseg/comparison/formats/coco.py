"""COCO's annotations as masks: polygons as pycocotools fills them, and run lengths of both kinds."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.comparison.formats.contours import LEAST_POINTS, class_named, length_in, refuse_unknown, text_in, told_in
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError
from octseg.reading.names import frame_number

FIRST_LETTER, BITS, MORE, SIGN = 48, 5, 0x20, 0x10  # of a packed number: five bits a letter, the lowest first
MOST_LETTERS = 7  # of a number of pixels
Piece: TypeAlias = list[float]  # x and y in turn


def is_coco(path: Path) -> bool:
    """Whether a JSON file has COCO's lists."""
    told = told_in(path)
    return isinstance(told, dict) and {"images", "annotations", "categories"} <= set(told)


def coco_reading(path: Path) -> Reading:
    """A frame for each image; polygons and run lengths are filled as pycocotools fills them."""
    told = told_in(path)
    try:
        classes = {each["id"]: class_named(str(each["name"])) for each in told["categories"]}
        frames = [_coco_frame(image, told["annotations"], classes, path.name) for image in told["images"]]
        drawn = {each["category_id"] for each in told["annotations"]}
        names = {each["id"]: str(each["name"]) for each in told["categories"]}
        ignored = tuple(sorted(name for each, name in names.items() if classes[each] is None and each in drawn))
        if not drawn <= set(classes):
            raise ValueError("a category is missing")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReadError(f"{path.name} is no whole COCO file: {error.__class__.__name__}") from error
    known = tuple(name for name in CLASS_NAMES if name in classes.values())
    refuse_unknown(path.name, known, list(names.values()))
    return Reading(path.name, frames, known, ignored=ignored, notes=_notes(told["annotations"], classes, path.name))


def _coco_frame(
    image: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], classes: Mapping[int, str | None], name: str
) -> FrameRead:
    place = Path(str(image["file_name"]).replace("\\", "/"))
    stem = place.stem
    number = image.get("frame")
    own = [each for each in annotations if each["image_id"] == image["id"]]
    shape = (int(image["height"]), int(image["width"]))
    return FrameRead(
        stem,
        number if isinstance(number, int) else frame_number(stem),
        partial(_coco_masks, own, classes, shape, name),
        length_in(image.get("pixel_spacing_mm")),
        withdrawn=image.get("withdrawn") is not None,
        sha256=text_in(image.get("frame_sha256")),
        folder=place.parent.as_posix() if place.parent.name else "",
    )


def _coco_masks(
    annotations: Sequence[Mapping[str, Any]], classes: Mapping[int, str | None], shape: tuple[int, int], name: str
) -> Masks:
    masks = {each: np.zeros(shape, bool) for each in CLASS_NAMES if each in classes.values()}
    for annotation in annotations:
        of = classes[annotation["category_id"]]
        if of is None:
            continue
        segmentation = annotation.get("segmentation")
        if not segmentation:
            raise ReadError(f"{name} holds a box without an outline, where {of} is; give outlines or run lengths")
        try:
            if isinstance(segmentation, dict):
                masks[of] |= _of_runs(segmentation, shape)
            else:
                masks[of] |= _of_polygons(_pieces(segmentation), shape, f"{name} holds an outline of {of}")
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ReadError(f"{name} holds an outline that cannot be filled: {error.__class__.__name__}") from error
    return masks


def _of_polygons(pieces: Sequence[Piece], shape: tuple[int, int], what: str) -> NDArray[np.bool_]:
    """(H, W), all pieces filled: a polygon of COCO's has no holes."""
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        raise ReadError("COCO files are read by pycocotools: pip install 'octseg[compare]'") from error
    if any(len(piece) < 2 * LEAST_POINTS for piece in pieces):  # 4 numbers are a box there
        raise ReadError(f"{what} of fewer than {LEAST_POINTS} points; mend or remove it")
    filled = coco.decode(coco.merge(coco.frPyObjects(list(pieces), *shape)))
    return np.asarray(filled, bool)


def _pieces(segmentation: Any) -> list[Piece]:
    """Polygons as flat lists of x and y, also where a program wrote a lone one, or points as pairs."""
    if all(isinstance(each, (int, float)) for each in segmentation):
        segmentation = [segmentation]
    pairs = all(isinstance(each, list) and len(each) == 2 for each in segmentation)
    if pairs and len(segmentation) >= LEAST_POINTS:
        segmentation = [segmentation]
    pieces = [np.asarray(each, np.float64).ravel() for each in segmentation]
    if any(piece.size % 2 or not np.isfinite(piece).all() for piece in pieces):
        raise ValueError("coordinates that are none")
    return [piece.tolist() for piece in pieces]


def _notes(annotations: Sequence[Mapping[str, Any]], classes: Mapping[int, str | None], name: str) -> tuple[str, ...]:
    """What is to be said of outlines that COCO fills although they may have been meant as holes."""
    nested = sum(
        classes[each["category_id"]] is not None and _has_nested(each.get("segmentation")) for each in annotations
    )
    if not nested:
        return ()
    return (
        f"{name} has {nested} outlines with pieces within others: COCO's polygons have no holes, so these are filled; "
        "save what has holes as run lengths (RLE)",
    )


def _has_nested(segmentation: Any) -> bool:
    """Whether a piece lies within another one."""
    if not isinstance(segmentation, list) or len(segmentation) < 2:
        return False
    try:
        pieces = [np.array(piece, np.float32).reshape(-1, 2) for piece in _pieces(segmentation)]
    except (TypeError, ValueError):
        return False
    outer = [piece for piece in pieces if len(piece) >= LEAST_POINTS]
    return any(
        all(cv2.pointPolygonTest(around, (float(x), float(y)), measureDist=False) > 0 for x, y in within)
        for around in outer
        for within in outer
        if within is not around
    )


def _of_runs(held: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) of run lengths, which go down the columns and begin with what is outside.

    ValueError where they do not fit: pycocotools fills those of any size and number without a word.
    """
    if tuple(held["size"]) != shape:
        raise ReadError(f"run lengths are of {held['size']} px, their image of {list(shape)} (rows, columns)")
    counts = held["counts"]
    runs = np.array(counts if isinstance(counts, list) else _unpacked(counts.encode("ascii")), np.int64)
    if runs.ndim != 1 or runs.min(initial=0) < 0 or runs.sum() != shape[0] * shape[1]:
        raise ValueError("run lengths that do not fill the image")
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(shape[::-1]).T


def _unpacked(packed: bytes) -> list[int]:
    """Run lengths of COCO's packed text: each number less the one but one before it, from the fourth on."""
    runs: list[int] = []
    letters = iter(packed)
    for first in letters:
        value, at, letter = 0, 0, first - FIRST_LETTER
        while True:
            if not 0 <= letter < 2 * MORE or at == MOST_LETTERS:
                raise ValueError("this is no packed number")
            value |= (letter & (MORE - 1)) << BITS * at
            at += 1
            if not letter & MORE:
                break
            letter = next(letters, -1) - FIRST_LETTER
        value -= (1 << BITS * at) if letter & SIGN else 0
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs
