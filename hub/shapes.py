"""What the tables of results may hold, key by key: what is not known to be a measure is not shared."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias, get_args

from hub.errors import HubError
from octseg.export.run import JSON_NAME
from octseg.measurement import CoreMeasures, FrameMeasures
from octseg.measurement.records import are_texts, is_text
from octseg.result import ModelSource

AGAIN = "run `octseg predict` again"
Shape: TypeAlias = Callable[[Any], bool]  # whether a value of JSON is of one kind
LARGEST = 1e15  # no measure of a frame comes near it


def measures_of(folder: Path, name: str = JSON_NAME) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and entries of measures.json, each key that is shared with a value of its kind."""
    try:
        run = json.loads((folder / name).read_bytes())
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
