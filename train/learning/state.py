"""All that a run needs to go on as if it had never stopped: weights, averages, optimiser, position.

A file begins with the sha256 of the rest. It is written beside the last good one, brought to the disk, and put in its
place in one move; the one before is kept, and taken where the last is damaged. There is no generator to keep: batches
are drawn by stage and step.
"""

import hashlib
import io
import os
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from octseg.errors import OctsegError
from octseg.export.files import told_in_one_sentence

STATE_FILE, PREVIOUS_FILE = "state.pt", "state.previous.pt"
DIGEST_BYTES = 32


@dataclass(frozen=True)
class RunState:
    """Where a run is: `step` steps of `stage` are done.

    made_from: sha256 of recipe, network, frames and start; a state of other ones is refused.
    log_bytes: length of log.jsonl when it was saved.
    """

    stage: int
    step: int
    network: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]
    schedule: dict[str, Any]
    made_from: str
    log_bytes: int


def save_state(folder: Path, state: RunState) -> None:
    """Write the state; OctsegError in one sentence where the disk does not take it, and the last good one stays."""
    stream = io.BytesIO()
    torch.save(vars(state), stream)
    content = stream.getbuffer()
    path, partial = folder / STATE_FILE, folder / f".{STATE_FILE}.part"
    with told_in_one_sentence(f"the state of the run in {folder.name}"):
        try:
            with partial.open("wb") as target:
                target.write(hashlib.sha256(content).digest())
                target.write(content)
                target.flush()
                os.fsync(target.fileno())
            if path.exists():
                path.replace(folder / PREVIOUS_FILE)
            partial.replace(path)
            _sync_folder(folder)
        finally:
            partial.unlink(missing_ok=True)


def load_state(folder: Path, made_from: str) -> RunState | None:
    """The last state that is whole; None for a new run.

    Raises OctsegError where there are states and none is whole, or where it belongs to another run.
    """
    paths = states_in(folder)
    for path in paths:
        state = _read(path)
        if state is None:
            warnings.warn(f"{path.name} is damaged; the state before it is taken", stacklevel=2)
            continue
        if state.made_from != made_from:
            raise OctsegError(
                f"{folder.name} holds a run of another recipe, other frames or another start; "
                "give the same flags to go on with it, or another --out"
            )
        return state
    if paths:
        raise OctsegError(f"no state in {folder.name} is whole; remove the folder to begin anew")
    return None


def states_in(folder: Path) -> list[Path]:
    """The saved states, the last one first; between two moves there is only the one before."""
    return [folder / name for name in (STATE_FILE, PREVIOUS_FILE) if (folder / name).exists()]


def _read(path: Path) -> RunState | None:
    """None where the file is damaged."""
    content = path.read_bytes()
    digest, rest = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(rest).digest() != digest:
        return None
    try:
        return RunState(**torch.load(io.BytesIO(rest), map_location="cpu", weights_only=True))
    except (RuntimeError, TypeError, pickle.UnpicklingError):  # a state of an older version
        return None


def _sync_folder(folder: Path) -> None:
    """Bring the folder's own entries to the disk: without it a power cut may lose the move."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
