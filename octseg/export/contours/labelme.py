"""`<name>_frames/<frame>.json`: outlines as LabelMe has them, beside each frame's picture, to be corrected by hand.

LabelMe counts the pixels that an outline goes through as inside. So outlines go through the middles of a mask's outer
pixels, (0, 0) being the middle of the first: what LabelMe makes of them is the very mask. Pieces with holes, or of one
or two pixels, of which LabelMe can make no polygon, are masks with their box.
"""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from octseg.export.files import write_file
from octseg.export.frames import frames_folder
from octseg.export.segmented import OF_READER, Record, Segmented

VERSION = "6.3.1"  # of LabelMe, whose form it is
LEAST_POINTS = 3


def write_labelme(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write a file for each frame; their names."""
    names = []
    for record, frame, masks in zip(segmented.records, segmented.stems, segmented.masks(), strict=True):
        name = f"{frames_folder(stem)}/{frame}.json"
        content = _label_file(segmented, record, f"{frame}.png", masks)
        write_file(folder / name, json.dumps(content, allow_nan=False, separators=(",", ":")).encode())
        names.append(name)
    return names


def _label_file(
    segmented: Segmented, record: Record, picture: str, masks: dict[str, NDArray[np.bool_]]
) -> dict[str, Any]:
    shapes = [{"label": name, **shape} for name, mask in masks.items() for shape in _shapes(mask)]
    kept = ("file", "frame", "pixel_spacing_mm", "pixel_spacing_source", "withdrawn", "frame_sha256", *OF_READER)
    return {
        "version": VERSION,
        "flags": {"withdrawn": record["withdrawn"] is not None},
        "shapes": [{**shape, "group_id": None, "description": "", "flags": {}} for shape in shapes],
        "imagePath": picture,
        "imageData": None,
        "imageHeight": record["height"],
        "imageWidth": record["width"],
        "octseg": {**segmented.run, **{name: record[name] for name in kept if name in record}},
    }


def _shapes(mask: NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    """Of each piece of a mask (H, W), pixels that touch by a corner being of one."""
    count, pieces, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    for number in range(1, count):
        left, top, width, height = map(int, boxes[number, :4])
        piece = pieces[top : top + height, left : left + width] == number
        points = _outline(piece)
        if points is None:
            box = [[left, top], [left + width - 1, top + height - 1]]
            yield {"points": box, "shape_type": "mask", "mask": _png(piece)}
        else:
            yield {"points": np.add(points, (left, top)).tolist(), "shape_type": "polygon", "mask": None}


def _outline(piece: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    """Points (x, y) that LabelMe makes the piece of; None where there are none."""
    found, _ = cv2.findContours(piece.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = found[0][:, 0]
    if len(points) < LEAST_POINTS:
        return None
    filled = Image.new("1", piece.shape[::-1])
    ImageDraw.Draw(filled).polygon([(int(x), int(y)) for x, y in points], fill=1, outline=1)
    return np.asarray(points, np.int32) if np.array_equal(np.asarray(filled), piece) else None


def _png(mask: NDArray[np.bool_]) -> str:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
