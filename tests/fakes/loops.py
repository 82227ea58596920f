"""Coroutines in a test, whatever else runs in its process."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_alone(made: Coroutine[Any, Any, T], *, seconds: float = 10) -> T:
    """What a coroutine gives, in a thread of its own: the tests' browser leaves its loop running in theirs."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, asyncio.wait_for(made, seconds)).result()
