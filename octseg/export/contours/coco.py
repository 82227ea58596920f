"""`<name>_coco.json`: outlines as COCO has them, an annotation for each tissue in each frame.

A tissue without holes is polygons, one for each piece, one with holes run lengths (RLE), for COCO's polygons have none:
either fills to the very mask. Categories are numbered by the classes' order, 1 for the first. `file_name` of an image
is that of the picture that was given, or of the frame's picture in `<name>_frames/`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME, PALETTE_INDEX
from octseg.export.contours.polygons import polygons_of
from octseg.export.files import growing
from octseg.export.segmented import OF_READER, Segmented

SUFFIX = "_coco.json"


def write_coco(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write the file, an annotation at a time; its name."""
    name = f"{stem}{SUFFIX}"
    head = {"info": _info(segmented), "licenses": [], "categories": _categories(segmented)}
    head["images"] = _images(segmented)
    with growing(folder / name) as file:
        file.write(json.dumps(head, allow_nan=False)[:-1].encode() + b',\n "annotations": [')
        for number, annotation in enumerate(_annotations(segmented), start=1):
            line = json.dumps({"id": number, **annotation}, separators=(",", ":"), allow_nan=False)
            file.write(f"{',' if number > 1 else ''}\n  {line}".encode())
        file.write(b"\n]}\n")
    return [name]


def _info(segmented: Segmented) -> dict[str, Any]:
    run = segmented.run
    return {"description": f"{segmented.name}: tissues outlined by octseg {run['octseg']}. {run['notice']}", **run}


def _categories(segmented: Segmented) -> list[dict[str, Any]]:
    return [{"id": PALETTE_INDEX[name], "name": name, "supercategory": "tissue"} for name in segmented.classes]


def _images(segmented: Segmented) -> list[dict[str, Any]]:
    names = ("frame", "height", "width", "pixel_spacing_mm", "pixel_spacing_source", "withdrawn", "frame_sha256")
    return [
        {
            "id": place,
            "file_name": record["file"] if segmented.are_pictures else f"{stem}.png",
            **{name: record[name] for name in (*names, *OF_READER) if name in record},
        }
        for place, (stem, record) in enumerate(zip(segmented.stems, segmented.records, strict=True), start=1)
    ]


def _annotations(segmented: Segmented) -> Iterator[dict[str, Any]]:
    for image, masks in enumerate(segmented.masks(), start=1):
        for name, mask in masks.items():
            if mask.any():
                yield {"image_id": image, "category_id": PALETTE_INDEX[BY_NAME[name].name], **_shape(mask)}


def _shape(mask: NDArray[np.bool_]) -> dict[str, Any]:
    rows, cols = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = [int(cols[0]), int(rows[0]), int(cols[-1] - cols[0] + 1), int(rows[-1] - rows[0] + 1)]
    polygons = polygons_of(mask)
    holed = any(polygon.holes for polygon in polygons)
    segmentation: Any = run_lengths(mask) if holed else [polygon.outer[:-1].ravel().tolist() for polygon in polygons]
    return {"segmentation": segmentation, "area": int(mask.sum()), "bbox": box, "iscrowd": 0}


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask (H, W) as COCO's uncompressed run lengths: down the columns, beginning with what is outside."""
    flat = mask.ravel(order="F")
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return {"counts": [0, *counts] if flat[0] else counts, "size": list(mask.shape)}
