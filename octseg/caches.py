"""Where on this machine lies what can be had again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """This program's own folder in the user's cache, which need not be there; RuntimeError where there is no home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "octseg"
