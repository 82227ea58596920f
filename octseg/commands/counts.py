"""Counts and numbers given on the command line; argparse tells what is none, and nothing is done."""

import argparse
import math
import re

THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")  # in English; elsewhere three decimals


def from_0(text: str) -> int:
    """A whole number from 0 on."""
    return _at_least(0, text)


def from_1(text: str) -> int:
    """A whole number from 1 on."""
    return _at_least(1, text)


def number_from_0(text: str) -> float:
    """A finite number from 0 on."""
    return _number(text, above=False)


def number_above_0(text: str) -> float:
    """A finite number above 0."""
    return _number(text, above=True)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = finite(text)
    if value is None or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {as_given(text)}")
    return value


def finite(text: str) -> float | None:
    """The number that a text is, with a point or a comma; None where it is none, or no finite one, or may be two."""
    if THOUSANDS.fullmatch(text.strip()):
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def as_given(text: str) -> str:
    """What was given, and where its comma may part thousands or decimals, how to write either."""
    text = text.strip()
    both = f" (write {text.replace(',', '')} or {text.replace(',', '.')})"
    return text + both * bool(THOUSANDS.fullmatch(text))


def _number(text: str, *, above: bool) -> float:
    value = finite(text)
    if value is None or value < 0 or (above and value == 0):
        raise argparse.ArgumentTypeError(f"must be a number {'above' if above else 'from'} 0, not {as_given(text)}")
    return value


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, not {text}")
    return int(text)
