"""Plain values that a caller hands over in Python: as they are meant, or ValueError with one sentence.

`name` is the argument's, and stands in the sentence.
"""

import math
import numbers
from collections.abc import Iterable, Sequence, Sized
from typing import Any

import numpy as np


def spacing_mm(given: object, name: str) -> float | None:
    """A spacing in mm, as a number; None where none was given."""
    if given is None:
        return None
    if isinstance(given, np.ndarray) and given.ndim == 0:
        given = given.item()
    if isinstance(given, str):
        raise ValueError(f"{name} must be a number of mm, such as 0.00996, not the text {given!r}; use float()")
    if isinstance(given, numbers.Real):
        return _real(given)
    hint = "; pixels are square here, so one number is enough" if isinstance(given, Sized) else ""
    raise ValueError(f"{name} must be one number of mm, such as 0.00996, or None, not {type(given).__name__}{hint}")


def positive_mm(given: object, name: str) -> float:
    """A distance in mm that can be one."""
    distance = spacing_mm(given, name)
    if distance is None or not 0 < distance < math.inf:
        raise ValueError(f"{name} must be a number of mm, more than 0, not {given!r}")
    return distance


def number(given: object, name: str) -> float:
    """A number that is no truth value."""
    if type(given) is bool or not isinstance(given, numbers.Real):
        raise ValueError(f"{name} must be a number, not {given!r}")
    return _real(given)


def _real(given: Any) -> float:
    """A number as a float, infinite where it is larger than all of them: no measure is that large."""
    try:
        return float(given)
    except OverflowError:
        return math.inf if given > 0 else -math.inf


def whole_number(given: object, name: str) -> int:
    """An index or count of frames."""
    if type(given) is bool or not isinstance(given, numbers.Integral) or int(given) < 0:
        raise ValueError(f"{name} must be a whole number from 0 on, not {given!r}")
    return int(given)


def two_whole_numbers(given: object, name: str) -> tuple[int, int]:
    """The first and the last of a range, both included."""
    parts = list(given) if isinstance(given, (Sequence, np.ndarray)) and np.ndim(given) == 1 else []
    if len(parts) != 2:
        raise ValueError(f"{name} must be (first, last), the numbers of two frames, or None, not {given!r}")
    first, last = (whole_number(each, f"each of {name}, (first, last),") for each in parts)
    return first, last


def yes_or_no(given: object, name: str) -> bool:
    """True or False; a text such as "no" counts as true in Python, so it is refused."""
    if not isinstance(given, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, not {_shown(given)}")
    return bool(given)


def text(given: object, name: str) -> str:
    """Text."""
    if not isinstance(given, str):
        raise ValueError(f"{name} must be text, not {_shown(given)}")
    return given


def texts(given: object, name: str) -> tuple[str, ...]:
    """Several texts; one alone is not taken for its letters."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"{name} must be a list of texts, not {_shown(given)}")
    return tuple(text(each, f"each of {name}") for each in given)


def one_of(given: object, name: str, known: Sequence[str | None]) -> None:
    """One of the values that there are."""
    if not (given is None or isinstance(given, str)) or given not in known:
        listed = ", ".join(str(each) if each is None else repr(each) for each in known)
        raise ValueError(f"{name} must be one of {listed}, not {_shown(given)}")


def function(given: object, name: str, what_for: str) -> None:
    """What can be called."""
    if not callable(given):
        raise ValueError(f"{name} must be a function that gives {what_for}, not {type(given).__name__}")


def _shown(given: object) -> str:
    """A value in a sentence: itself where it is short, else its type."""
    return repr(given) if given is None or isinstance(given, (str, int, float)) else type(given).__name__
