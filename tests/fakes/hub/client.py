"""Run huggingface_hub and datasets in a process of their own, against a loopback Hub.

They read HF_ENDPOINT, HF_HOME and their like when they are imported, so a test cannot set them later.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

from tests.fakes.forking import python
from tests.fakes.hub.server import HubServer

ROOT = Path(__file__).parents[3]
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


def environment(hub: HubServer | str, home: Path, token: str | None = None, **more: str) -> dict[str, str]:
    """Everything that a client process needs, and nothing of the caller's that could lead it elsewhere.

    hub: the server, or the address of one that is down. home: becomes HOME and HF_HOME. more: further variables, such
    as HF_HUB_OFFLINE="1".
    """
    url = hub if isinstance(hub, str) else hub.url
    return (
        {name: os.environ[name] for name in KEPT if name in os.environ}
        | {
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "HF_ENDPOINT": url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "*",
            "PYTHONPATH": str(ROOT),
        }
        | ({} if token is None else {"HF_TOKEN": token})
        | more
    )


def run_client(
    hub: HubServer | str,
    home: Path,
    code: str | Sequence[str],
    token: str | None = None,
    timeout: float = 120.0,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run Python source, or a list of what follows `python`, to its end; AssertionError with its output if it fails."""
    arguments = ["-c", dedent(code)] if isinstance(code, str) else list(code)
    home.mkdir(parents=True, exist_ok=True)
    done = python(arguments, environment(hub, home, token, **more), timeout=timeout)
    assert done.returncode == 0, f"the client ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done
