"""Which version of the source made something."""

import subprocess
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def code_commit() -> str | None:
    """The commit of this source tree, with "-dirty" where it was changed since; None outside a git checkout."""
    here = Path(__file__).parent
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
