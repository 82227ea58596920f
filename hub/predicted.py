"""What `octseg predict --out DIR` wrote, and the page for one frame, as cases that can be shared."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hub.cases import Case
from hub.errors import HubError
from octseg.errors import ReadError
from octseg.export.run import JSON_NAME
from octseg.publishing import require_not_private
from octseg.pullback import Frame, frame_sha256
from octseg.reading import read_pullback

AGAIN = "run `octseg predict` again"


def page_case(folder: Path, attribution: str = "") -> Case:
    """The one case of a folder with frame.png, mask.png, overlay.png and measures.json, as the page keeps it."""
    try:
        run, records = _measures(folder)
    except FileNotFoundError:
        raise HubError("the server keeps no files of this frame any more; measure it again") from None
    require_not_private(folder / "frame.png")
    record = {**records[0], "mask_file": "mask.png", "overlay_file": "overlay.png"}
    return _case(folder, run, record, _pixels(folder / "frame.png", "RGB"), attribution)


def predicted_cases(folder: Path, frames: Sequence[Path], attribution: str = "") -> Iterator[Case]:
    """The cases of a folder that `octseg predict` wrote, in the order of their frames' files, one at a time.

    frames: files and folders that hold what `octseg predict` was given; each frame is known by its pixels.

    Raises:
        HubError: a frame, a picture or a table is missing or is not what it should be.
        PublishingError: a frame is private.
    """
    try:
        run, records = _measures(folder)
    except FileNotFoundError:
        raise HubError(f"{folder} has no {JSON_NAME}: give the folder that `octseg predict --out` wrote") from None
    wanted = {str(record["frame_sha256"]): record for record in records}
    names = {record["file"] for record in records}
    for path in _files(frames, names):
        require_not_private(path)
        try:
            pullback = read_pullback(path)
        except ReadError as error:
            raise HubError(str(error)) from error
        for frame in pullback:
            if record := wanted.pop(frame_sha256(frame), None):
                yield _case(folder, run, record, frame, attribution)
    if wanted:
        missing = next(iter(wanted.values()))
        raise HubError(
            f"the frame {missing['frame']} of {missing['file']} is not among --frames, or has changed since it was "
            f"measured ({len(wanted)} of {len(records)} missing): give the files or folders that `octseg predict` was "
            "given"
        )


def _measures(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and entries of measures.json."""
    try:
        run = json.loads((folder / JSON_NAME).read_bytes())
        records = run.pop("frames")
        if not records or not all({"file", "frame", "frame_sha256"} <= record.keys() for record in records):
            raise KeyError
        run["model"]["sha256"]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HubError(f"the {JSON_NAME} of {folder.name} is not what this version writes; {AGAIN}") from None
    return run, records


def _case(folder: Path, run: Mapping[str, Any], record: Mapping[str, Any], frame: Frame, attribution: str) -> Case:
    if not record.get("overlay_file"):
        raise HubError(f"{folder.name} holds no overlays; {AGAIN}, without --no-overlay")
    mask = folder / Path(str(record.get("mask_file"))).name
    overlay = folder / Path(str(record["overlay_file"])).name
    case = Case(
        frame=frame,
        mask=_pixels(mask, "P"),
        overlay=_pixels(overlay, "RGB"),
        run=run,
        record=record,
        attribution=attribution,
    )
    require_not_private(mask)
    if not case.mask.shape == case.overlay.shape[:2] == frame.shape[:2]:
        raise HubError(f"{mask.name} and {overlay.name} are not of the size of their frame; {AGAIN}")
    return case


def _pixels(path: Path, mode: str) -> Any:
    """The pixels of a PNG: (H, W) indices for mode P, (H, W, 3) for RGB."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.mode == mode:
                return np.asarray(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise HubError(f"{path.name} of {path.parent.name} is missing or cannot be read; {AGAIN}") from None
    raise HubError(f"{path.name} is not a picture that this version writes; {AGAIN}")


def _files(given: Sequence[Path], names: set[str]) -> Iterator[Path]:
    """The files among those given, and at any depth in folders given, that have one of the names, in order."""
    for path in given:
        if not path.exists():
            raise HubError(f"there is no file or folder {path}")
        if path.is_file():
            yield path
            continue
        for folder, subfolders, files in os.walk(path):
            subfolders.sort()
            yield from (Path(folder) / name for name in sorted(names.intersection(files)))
