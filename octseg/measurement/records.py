"""Results as plain values that JSON and CSV can hold: no NaN, no infinity, no numpy, no text that is not Unicode."""

import json
import math
from dataclasses import fields
from typing import Any

import numpy as np


def is_text(value: Any) -> bool:
    """Whether it is a string that can be written as UTF-8; JSON can hold halves of characters, which cannot."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def are_texts(value: Any) -> bool:
    """Whether it is a list of such strings."""
    return isinstance(value, list) and all(map(is_text, value))


def loads_finite(content: bytes) -> Any:
    """What JSON holds; ValueError where it is none, or has NaN or an infinite number, which are no JSON."""
    return json.loads(content, parse_constant=_finite, parse_float=_finite)


def _finite(told: str) -> float:
    if not math.isfinite(number := float(told)):
        raise ValueError(f"{told} is no finite number")
    return number


def json_values(instance: Any) -> dict[str, Any]:
    """A dataclass's fields as plain values, by name; a dataclass among them becomes a dict in turn."""
    return {field.name: json_value(getattr(instance, field.name)) for field in fields(instance)}


def json_value(value: Any) -> Any:
    """A value that JSON can hold: tuples become lists, numpy scalars Python's, NaN and infinity None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # file names can hold bytes that are no text
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, dict):
        return {str(key): json_value(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(held) for held in value]
    return json_values(value)
