"""Which version of the source made something."""

import subprocess
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def code_commit() -> str | None:
    """The commit of this source tree; None outside a git checkout."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
