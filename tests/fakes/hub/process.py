"""Call a function in a process of its own, against a loopback Hub, without waiting for its imports each time.

A server process imports the library once and is forked for each call. huggingface_hub is imported after the fork, so
that it reads the call's own HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tests.fakes.forking import FORKING
from tests.fakes.hub.client import environment
from tests.fakes.hub.server import HubServer

Result = TypeVar("Result")


def in_client(
    hub: HubServer | str,
    home: Path,
    function: Callable[..., Result],
    *given: Any,
    token: str | None = None,
    **more: str,
) -> Result:
    """What `function` returns or raises there; it stands at the top of a module, and all of it can be pickled.

    hub, home, token, more: see `tests.fakes.hub.client.environment`.
    """
    home.mkdir(parents=True, exist_ok=True)
    settings = environment(hub, home, token, **more)
    with ProcessPoolExecutor(1, FORKING, initializer=_settle, initargs=(settings,)) as pool:
        return pool.submit(function, *given).result(timeout=120)


def _settle(settings: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(settings)
