"""What tests of the command share: how it is called, and what it left."""

import json
import sys
from pathlib import Path

OCTSEG = ["-m", "octseg"]
COMMAND = [sys.executable, *OCTSEG]
QUICK = ["--backend", "torch"]  # ready sooner than OpenVINO, which other tests compare it with


def measures(out: Path) -> list[dict[str, object]]:
    """The frames of OUT/measures.json."""
    frames = json.loads((out / "measures.json").read_text())["frames"]
    assert isinstance(frames, list)
    return frames


def names(out: Path) -> list[str]:
    """Of the files that a run left, sorted."""
    return sorted(path.name for path in out.iterdir())
