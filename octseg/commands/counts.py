"""Counts given on the command line; argparse tells what is none, and nothing is done."""

import argparse


def from_0(text: str) -> int:
    """A whole number from 0 on."""
    return _at_least(0, text)


def from_1(text: str) -> int:
    """A whole number from 1 on."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, not {text}")
    return int(text)
