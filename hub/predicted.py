"""What `octseg predict --out DIR` wrote, and the page for one frame, as cases that can be shared."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
from PIL import Image

from hub.cases import Case
from hub.errors import HubError
from octseg.dataset.publishing import require_not_private
from octseg.errors import ReadError
from octseg.export.run import JSON_NAME
from octseg.measurement import CoreMeasures, FrameMeasures
from octseg.measurement.records import are_texts, is_text
from octseg.pullback import Frame, frame_sha256
from octseg.reading import read_pullback
from octseg.reading.folders import walk
from octseg.reading.formats import is_picture
from octseg.reading.survey import FolderLevels
from octseg.result import ModelSource

AGAIN = "run `octseg predict` again"
Shape: TypeAlias = Callable[[Any], bool]  # whether a value of JSON is of one kind
LARGEST = 1e15  # no measure of a frame comes near it


def page_case(folder: Path, attribution: str = "") -> Case:
    """The one case of a folder with frame.png, mask.png, overlay.png and measures.json, as the page keeps it."""
    try:
        run, records = _measures(folder)
        require_not_private(folder / "frame.png")
    except OSError:
        raise HubError("the server keeps no files of this frame any more; measure it again") from None
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
    except OSError as error:
        raise _unreadable(JSON_NAME, error) from error
    wanted = {str(record["frame_sha256"]): record for record in records}
    names = {record["file"] for record in records}
    paths = list(_files(frames, names))
    levels = FolderLevels(paths)
    for path in paths:
        try:
            require_not_private(path)
            pullback = read_pullback(path, levels=levels.of(path))
        except ReadError as error:
            raise HubError(str(error)) from error
        except OSError as error:
            raise _unreadable(path.name, error) from error
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
    """Head and entries of measures.json, each key that is shared with a value of its kind."""
    try:
        run = json.loads((folder / JSON_NAME).read_bytes())
        records = run.pop("frames")
        _require(run, RUN)
        _require(run, OPTIONAL_IN_RUN, optional=True)
        _require(run["model"], MODEL)
        for record in records:
            _require(record, RECORD)
            _require(record, OPTIONAL_IN_RECORD, optional=True)
        if not records:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise HubError(f"the {JSON_NAME} of {folder.name} is not what this version writes; {AGAIN}") from None
    return run, records


def _require(given: Any, shapes: Mapping[str, Shape], *, optional: bool = False) -> None:
    """ValueError or KeyError where a key has a value of another kind, or is missing and not optional."""
    for key, is_right in shapes.items():
        if not (optional and key not in given) and not is_right(given[key]):
            raise ValueError(key)


def _is_number(given: Any) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool) and -LARGEST < given < LARGEST


def _are_numbers(given: Any) -> bool:
    return isinstance(given, list) and all(map(_is_number, given))


def _are_intervals(given: Any) -> bool:
    if not isinstance(given, dict) or not given.keys() <= MEASURES.keys():
        return False
    return all(each is None or (_are_numbers(each) and len(each) == 2) for each in given.values())


def _is_truth(given: Any) -> bool:
    return isinstance(given, bool)


def _or_none(is_right: Shape) -> Shape:
    return lambda given: given is None or is_right(given)


def _are_cores(given: Any) -> bool:
    return isinstance(given, list) and all(
        isinstance(core, dict) and core.keys() == CORE.keys() and all(CORE[key](core[key]) for key in core)
        for core in given
    )


def _measure(kinds: tuple[Any, ...]) -> Shape:
    """What a field of FrameMeasures or CoreMeasures holds, by the kinds in its annotation."""
    shapes = {bool: _is_truth, tuple[float, ...]: _are_numbers, tuple[CoreMeasures, ...]: _are_cores}
    return _or_none(next((is_right for kind, is_right in shapes.items() if kind in kinds), _is_number))


CORE = {each.name: _measure(get_args(each.type)) for each in fields(CoreMeasures)}
MEASURES = {each.name: _measure(get_args(each.type)) for each in fields(FrameMeasures) if each.name != "warnings"}
MODEL = {
    "name": is_text,
    "source": lambda given: given in get_args(ModelSource),
    "revision": _or_none(is_text),
    "sha256": is_text,
}
RUN = {"model": lambda given: isinstance(given, dict), "octseg": is_text, "device": is_text, "backend": is_text}
OPTIONAL_IN_RUN = {"precision": is_text}
RECORD: dict[str, Shape] = {
    **MEASURES,
    "file": is_text,
    "frame": _is_number,
    "frame_sha256": is_text,
    "height": _is_number,
    "width": _is_number,
    "pixel_spacing_source": _or_none(is_text),
    "pixel_spacing_evidence": _or_none(is_text),
    "catheter_diameter_mm": _or_none(_is_number),
    "warnings": are_texts,
}
OPTIONAL_IN_RECORD = {"frame_spacing_mm": _or_none(_is_number), "intervals_95": _are_intervals}


def _unreadable(name: str, error: OSError) -> HubError:
    return HubError(f"{name} cannot be read: {(error.strerror or 'unknown cause').lower()}")


def _case(folder: Path, run: Mapping[str, Any], record: Mapping[str, Any], frame: Frame, attribution: str) -> Case:
    if not is_text(attribution):
        raise HubError("the attribution holds characters that are no text; type it anew")
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
    """The files among those given, and at any depth in folders given the pictures that have one of the names."""
    for path in given:
        try:
            is_there, is_file = path.exists(), path.is_file()
        except OSError as error:  # such as a name that is too long
            raise _unreadable(path.name, error) from error
        if not is_there:
            raise HubError(f"there is no file or folder {path}")
        if is_file:
            yield path
            continue
        for _, files in walk(path):
            yield from (file for file in files if file.name in names and is_picture(file))
