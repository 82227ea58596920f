"""Masks as outlines: LabelMe's shapes, and what other formats of outlines share with them."""

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
CORNERS = 2  # of a rectangle, opposite ones; of a circle its middle and a point of it
MOST_SIDES = 4  # of a frame, that a circle's radius has: a larger one takes minutes to draw
POLYGONS = ("polygon", "rectangle", "rotation")  # a rectangle may be given by all its corners, and turned
FILLED = (*POLYGONS, "circle")


def is_labelme(path: Path) -> bool:
    """Whether a JSON file has LabelMe's shapes."""
    told = told_in(path)
    return isinstance(told, dict) and isinstance(told.get("shapes"), list) and "imageHeight" in told


def class_named(label: str) -> str | None:
    """The class of a label as people write it: `lipid_core`, `Lipid core`, `lipid-core`."""
    words = label.strip().lower().replace("-", "_").replace(" ", "_")
    return next(
        (each.name for each in TISSUE_CLASSES if words in (each.name, each.label.lower().replace(" ", "_"))), None
    )


def labelme_reading(paths: Sequence[Path], name: str) -> Reading:
    """A frame for each file; outlines are filled as LabelMe fills them, the pixels that they go through as well."""
    frames, labels = [], set()
    for path in paths:
        told = told_in(path)
        labels |= {str(shape.get("label")) for shape in told["shapes"] if isinstance(shape, dict)}
        ours, flags = (held if isinstance(held := told.get(name), dict) else {} for name in ("octseg", "flags"))
        number = ours.get("frame")
        frames.append(
            FrameRead(
                path.stem,
                number if isinstance(number, int) else frame_number(path.stem),
                partial(_labelme_masks, path),
                length_in(ours.get("pixel_spacing_mm")),
                withdrawn=bool(flags.get("withdrawn")),
                sha256=text_in(ours.get("frame_sha256")),
                folder=path.parent.name,
            )
        )
    known = tuple(each for each in CLASS_NAMES if each in {class_named(label) for label in labels})
    if labels:
        refuse_unknown(name, known, sorted(labels))
    return Reading(name, frames, known, ignored=tuple(sorted(each for each in labels if class_named(each) is None)))


def length_in(told: Any) -> float | None:
    """A positive number; None of anything else."""
    return float(told) if isinstance(told, (int, float)) and 0 < told < np.inf else None


def text_in(told: Any) -> str | None:
    """A text that is not empty; None of anything else."""
    return told if isinstance(told, str) and told else None


def refuse_unknown(name: str, known: Sequence[str], labels: Sequence[str]) -> None:
    """ReadError where of all labels none is a class."""
    if not known:
        raise ReadError(
            f"{name} outlines {', '.join(labels) or 'nothing'}, of which nothing is a class here; "
            f"name the labels {', '.join(CLASS_NAMES)}"
        )


def told_in(path: Path) -> Any:
    """What a JSON file says; None where it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None


def _labelme_masks(path: Path) -> Masks:
    told = told_in(path)
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
    canvas = Image.new("1", size[::-1])
    pen = ImageDraw.Draw(canvas)
    if kind == "rectangle" and len(points) == CORNERS:
        (left, right), (top, bottom) = (sorted(ends) for ends in zip(*points, strict=True))
        pen.rectangle((left, top, right, bottom), fill=1, outline=1)
    elif kind == "circle" and len(points) == CORNERS:
        (x, y), (edge_x, edge_y) = points
        radius = float(np.hypot(edge_x - x, edge_y - y))
        if not radius <= MOST_SIDES * max(size):
            raise ValueError("a circle beyond all frames")
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
    elif kind in POLYGONS and len(points) >= LEAST_POINTS:
        pen.polygon(points, fill=1, outline=1)
    else:
        said = f"a {kind} of {len(points)} points" if kind in FILLED else f"a shape of the kind {kind}"
        raise ReadError(f"{shape['label']} is {said}, of which no area is known; draw it as a polygon or mask")
    return np.asarray(canvas, bool)
