"""Networks as OpenVINO runs them, kept from one process to the next: to make one of a checkpoint takes 2 s of a core.

Each is a file in a folder of the user's own, named after a hash of all that it is made from: the weights, what
config.json says of it, the versions of what makes it, and the code. It begins with the hash of the rest, and one that
does not fit is made anew. A network that came from no file, as one that is being trained, is not kept; nor is any where
there is no room.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import octseg
from octseg.caches import cache_folder
from octseg.checkpoint import Checkpoint, CheckpointConfig
from octseg.inference.core import openvino_core, openvino_package

FOLDER = "OCTSEG_NETWORKS"  # the variable that names another folder; empty: nothing is kept
MOST_KEPT = 8  # files, of 17 MB each; those that were not used for longest go
ENDING, PARTIAL, LEFT_AFTER_S = ".network", ".partial-", 3600.0
MADE_WITH = ("openvino", "torch")
WHOLE = ("whole",)  # the names of what is not in parts
DIGEST_BYTES, LENGTH_BYTES = 32, 8


def is_kept(config: CheckpointConfig) -> bool:
    """Whether the whole network of a configuration is kept, so that its weights were found to fit once."""
    paths = _paths(config, WHOLE)
    return paths is not None and all(path.exists() for path in paths)


def kept_or_made(checkpoint: Checkpoint, names: Sequence[str], make: Callable[[], Sequence[Any]]) -> list[Any]:
    """OpenVINO's models of a checkpoint, by their names: those that were kept, or what `make` gives, then kept."""
    paths = _paths(checkpoint.config, names) if checkpoint.is_as_stored else None
    if paths is None:
        return list(make())
    known = [_read(path) for path in paths]
    if all(model is not None for model in known):
        return known
    made = list(make())
    with contextlib.suppress(OSError, RuntimeError):  # OpenVINO's own is a RuntimeError; without room it goes on
        for path, model in zip(paths, made, strict=True):
            _write(path, model)
        _clear(paths[0].parent, but=paths)
    return made


def _folder() -> Path | None:
    """Where networks are kept, made if need be; None where none are, or where others may write."""
    named = os.environ.get(FOLDER)
    if named == "":
        return None
    try:
        folder = Path(named) if named else cache_folder() / "networks"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = folder.stat()
    except (OSError, RuntimeError):  # the latter: there is no home
        return None
    return folder if os.name == "nt" or (told.st_uid == os.getuid() and not told.st_mode & 0o022) else None


def _paths(config: CheckpointConfig, names: Sequence[str]) -> list[Path] | None:
    """Each network's file, whose name changes with all that makes it; None where none are kept."""
    folder = _folder()
    try:
        versions = (octseg.__version__, *map(version, MADE_WITH))
    except PackageNotFoundError:  # installed by what leaves no record of them
        return None
    if folder is None:
        return None
    made_by = (config.network, config.preprocessing, config.calibration)
    held = hashlib.sha256(json.dumps([*versions, config.sha256, *(each.to_mapping() for each in made_by)]).encode())
    for path in filter(Path.is_file, _code()):  # an installation without its source has its version alone
        held.update(path.read_bytes())
    digests = [hashlib.sha256(held.digest() + name.encode()).hexdigest() for name in names]
    return [folder / f"{digest}{ENDING}" for digest in digests]


def _code() -> Iterator[Path]:
    """The files that say what a network of some weights is."""
    here = Path(__file__).parent
    yield from sorted((here.parent / "model").glob("*.py"))
    yield from (here.parent / "checkpoint" / name for name in ("normalising.py", "weights.py"))
    yield from (here / name for name in ("graph.py", "converting.py", "kept.py"))


def _read(path: Path) -> Any | None:
    """The network in a file, None where there is none or it is not as it was written."""
    try:
        content = memoryview(path.read_bytes())
        if hashlib.sha256(content[DIGEST_BYTES:]).digest() != content[:DIGEST_BYTES]:
            return None
        os.utime(path)
    except OSError:
        return None
    start = DIGEST_BYTES + LENGTH_BYTES
    end = start + int.from_bytes(content[DIGEST_BYTES:start], "little")
    openvino = openvino_package()
    weights = openvino.Tensor(openvino.Type.u8, openvino.Shape([len(content) - end]))
    weights.data[:] = content[end:]
    return openvino_core().read_model(bytes(content[start:end]), weights)


def _write(path: Path, model: Any) -> None:
    """Keep a network; whoever reads meets it whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=PARTIAL) as temporary:
        described = Path(temporary) / "network.xml"
        openvino_package().save_model(model, described, compress_to_fp16=False)
        text = described.read_bytes()
        body = len(text).to_bytes(LENGTH_BYTES, "little") + text + described.with_suffix(".bin").read_bytes()
        whole = Path(temporary) / "whole"
        whole.write_bytes(hashlib.sha256(body).digest() + body)
        whole.replace(path)


def _clear(folder: Path, but: Sequence[Path]) -> None:
    """Take away what was not used for longest, above so many, and what a process left that was killed."""
    others = sorted(set(folder.glob(f"*{ENDING}")) - set(but), key=lambda path: path.stat().st_mtime)
    for path in others[: max(0, len(others) + len(but) - MOST_KEPT)]:
        path.unlink()
    for left in folder.glob(f"{PARTIAL}*"):
        if time.time() - left.stat().st_mtime > LEFT_AFTER_S:
            shutil.rmtree(left)
