"""Masks as outlines: COCO's annotations, and LabelMe's shapes."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from octseg.classes import CLASS_NAMES, TISSUE_CLASSES
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError
from octseg.reading.names import frame_number

LEAST_POINTS = 3


def is_coco(path: Path) -> bool:
    """Whether a JSON file has COCO's lists."""
    told = _told(path)
    return isinstance(told, dict) and {"images", "annotations", "categories"} <= set(told)


def is_labelme(path: Path) -> bool:
    """Whether a JSON file has LabelMe's shapes."""
    told = _told(path)
    return isinstance(told, dict) and isinstance(told.get("shapes"), list) and "imageHeight" in told


def class_named(label: str) -> str | None:
    """The class of a label as people write it: `lipid_core`, `Lipid core`, `lipid-core`."""
    words = label.strip().lower().replace("-", "_").replace(" ", "_")
    return next(
        (each.name for each in TISSUE_CLASSES if words in (each.name, each.label.lower().replace(" ", "_"))), None
    )


def coco_reading(path: Path) -> Reading:
    """A frame for each image; polygons and run lengths are filled as pycocotools fills them."""
    told = _told(path)
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
    _refuse_unknown(path.name, known, list(names.values()))
    return Reading(path.name, frames, known, ignored=ignored)


def labelme_reading(paths: Sequence[Path], name: str) -> Reading:
    """A frame for each file; outlines are filled as LabelMe fills them, the pixels that they go through as well."""
    frames, labels = [], set()
    for path in paths:
        told = _told(path)
        labels |= {str(shape.get("label")) for shape in told["shapes"] if isinstance(shape, dict)}
        ours, flags = (held if isinstance(held := told.get(name), dict) else {} for name in ("octseg", "flags"))
        number = ours.get("frame")
        frames.append(
            FrameRead(
                path.stem,
                number if isinstance(number, int) else frame_number(path.stem),
                partial(_labelme_masks, path),
                _length(ours.get("pixel_spacing_mm")),
                withdrawn=bool(flags.get("withdrawn")),
            )
        )
    known = tuple(each for each in CLASS_NAMES if each in {class_named(label) for label in labels})
    if labels:
        _refuse_unknown(name, known, sorted(labels))
    return Reading(name, frames, known, ignored=tuple(sorted(each for each in labels if class_named(each) is None)))


def _length(told: Any) -> float | None:
    """A positive number; None of anything else."""
    return float(told) if isinstance(told, (int, float)) and 0 < told < np.inf else None


def _refuse_unknown(name: str, known: Sequence[str], labels: Sequence[str]) -> None:
    if not known:
        raise ReadError(
            f"{name} outlines {', '.join(labels) or 'nothing'}, of which nothing is a class here; "
            f"name the labels {', '.join(CLASS_NAMES)}"
        )


def _told(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None


def _coco_frame(
    image: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], classes: Mapping[int, str | None], name: str
) -> FrameRead:
    stem = Path(str(image["file_name"])).stem
    number = image.get("frame")
    own = [each for each in annotations if each["image_id"] == image["id"]]
    shape = (int(image["height"]), int(image["width"]))
    return FrameRead(
        stem,
        number if isinstance(number, int) else frame_number(stem),
        partial(_coco_masks, own, classes, shape, name),
        _length(image.get("pixel_spacing_mm")),
        withdrawn=image.get("withdrawn") is not None,
    )


def _coco_masks(
    annotations: Sequence[Mapping[str, Any]], classes: Mapping[int, str | None], shape: tuple[int, int], name: str
) -> Masks:
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        raise ReadError("COCO files are read by pycocotools: pip install 'octseg[compare]'") from error
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
                filled = coco.decode(_runs(segmentation, shape))
            else:
                pieces = [
                    piece for piece in segmentation if len(piece) >= 2 * LEAST_POINTS
                ]  # 4 numbers are a box there
                if len(pieces) < len(segmentation):
                    raise ReadError(
                        f"{name} holds an outline of {of} of fewer than {LEAST_POINTS} points; mend or remove it"
                    )
                filled = coco.decode(coco.merge(coco.frPyObjects(pieces, *shape)))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ReadError(f"{name} holds an outline that cannot be filled: {error.__class__.__name__}") from error
        masks[of] |= filled.astype(bool)
    return masks


def _runs(held: Mapping[str, Any], shape: tuple[int, int]) -> Any:
    """Run lengths as pycocotools holds them, which takes those of other sizes without a word; ValueError for these."""
    from pycocotools import mask as coco

    if tuple(held["size"]) != shape:
        raise ReadError(f"run lengths are of {held['size']} px, their image of {list(shape)} (rows, columns)")
    counts = held["counts"]
    if not isinstance(counts, list):
        return held
    if sum(counts) != shape[0] * shape[1] or min(counts) < 0:
        raise ValueError("run lengths that do not fill the image")
    return coco.frPyObjects(held, *shape)


def _labelme_masks(path: Path) -> Masks:
    told = _told(path)
    try:
        shape = (int(told["imageHeight"]), int(told["imageWidth"]))
        masks: Masks = {}
        for each in told["shapes"]:
            of = class_named(str(each["label"]))
            if of is not None:
                filled = _filled(each, shape)
                masks[of] = masks[of] | filled if of in masks else filled
    except (AttributeError, KeyError, TypeError, ValueError, OSError, SyntaxError) as error:
        raise ReadError(f"{path.name} holds a shape that cannot be filled: {error.__class__.__name__}") from error
    return masks or {name: np.zeros(shape, bool) for name in CLASS_NAMES}


def _filled(shape: Mapping[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (H, W) of one of LabelMe's shapes."""
    points = [(float(x), float(y)) for x, y in shape["points"]]
    kind = shape.get("shape_type", "polygon")
    if kind == "mask":
        filled = np.zeros(size, bool)
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"], validate=True))) as picture:
            piece = np.asarray(picture) > 0
        (left, top), (right, bottom) = [(round(x), round(y)) for x, y in points]
        filled[top : bottom + 1, left : right + 1] = piece
        return filled
    if kind != "polygon" or len(points) < LEAST_POINTS:
        said = f"a polygon of {len(points)} points" if kind == "polygon" else f"a shape of the kind {kind}"
        raise ReadError(f"{shape['label']} is {said}, of which no area is known; draw it as a polygon or mask")
    canvas = Image.new("1", size[::-1])
    ImageDraw.Draw(canvas).polygon(points, fill=1, outline=1)
    return np.asarray(canvas, bool)
