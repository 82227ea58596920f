"""from_pretrained: the bundled checkpoint, a folder or a repository of the Hub -> a Segmenter ready to work.

A Hub name is resolved to one commit, of which every file is taken and held against its hash. Where the Hub does not
answer, the last commit that was loaded here serves in its place.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from octseg.checkpoint import (
    CONFIG_FILE,
    MAX_CONFIG_BYTES,
    MAX_WEIGHTS_BYTES,
    WEIGHTS_FILE,
    check_size,
    load_checkpoint,
    require_files,
)
from octseg.errors import CheckpointError, HubUnreachableError
from octseg.inference.kept import is_kept
from octseg.pretrained.cache import COMMIT, is_whole
from octseg.pretrained.faults import OFFLINE
from octseg.pretrained.fetching import HUB_NAME, HubName, Snapshot, Token, ask_about, fetch_from, good_commits
from octseg.result import ModelIdentity, ModelSource
from octseg.segmenter import Segmenter

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, ModelInfo

BUNDLED = Path(__file__).parent.parent / "weights"
BUNDLED_NAME = "octseg-bundled"
LIMITS = {CONFIG_FILE: MAX_CONFIG_BYTES, WEIGHTS_FILE: MAX_WEIGHTS_BYTES}


class HubWarning(UserWarning):
    """The Hub could not give what was asked for, and something else is used."""


@dataclass(frozen=True)
class _Located:
    """Where a checkpoint lies, and what is to be said of where it came from."""

    folder: Path
    label: str
    source: ModelSource
    commit: str | None = None
    notice: str = ""


def from_pretrained(
    name: str | Path | None = None,
    *,
    device: str = "auto",
    backend: str = "auto",
    precision: str = "auto",
    token: Token = None,
) -> Segmenter:
    """Load a model: the bundled one without a name, a checkpoint folder, or a repository of the Hub.

    With HF_HUB_OFFLINE set, or a commit for a revision that was loaded before, no request is made.

    Args:
        name: None, a folder that holds config.json and model.safetensors, or "org/name[@branch, tag or commit]".
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        backend: "auto" (OpenVINO on the CPU where it is installed), "openvino" or "torch".
        precision: "f32", "bf16" (in the part of the network where it leaves the masks as they are) or "auto" (bf16 on
            CUDA, f32 on the CPU).
        token: for private and gated repositories; None takes HF_TOKEN or that of `hf auth login`, False none.

    Raises:
        CheckpointError: there is no such checkpoint, or it is not to be trusted.
        HubUnreachableError: the Hub does not answer, and no good commit of the repository was loaded here before.
        ConfigError: the device, backend or precision is not there.

    Warns:
        HubWarning: the Hub does not answer, and the commit that was last loaded here is used.
    """
    segmenter = load(name, device=device, backend=backend, precision=precision, token=token)
    if segmenter.notice:
        warnings.warn(segmenter.notice, HubWarning, stacklevel=2)
    return segmenter


def load(
    name: str | Path | None = None,
    *,
    device: str = "auto",
    backend: str = "auto",
    precision: str = "auto",
    token: Token = None,
) -> Segmenter:
    """As from_pretrained, for callers who tell the notice themselves: nothing is warned of."""
    try:
        located = _located(name, token)
        checkpoint = load_checkpoint(located.folder, located.label, is_known=is_kept)
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint {Path(name or BUNDLED).name} cannot be read: {(error.strerror or 'unknown cause').lower()}"
        ) from error
    if located.commit is not None and not located.notice:
        asked = HubName.parse(str(name))
        good_commits().note(asked.repository, asked.revision, located.commit)
    identity = ModelIdentity(
        name=located.label, source=located.source, revision=located.commit, sha256=checkpoint.config.sha256
    )
    return Segmenter(checkpoint, identity, device=device, backend=backend, precision=precision, notice=located.notice)


def load_or_bundled(name: str | None) -> Segmenter:
    """As load; where the Hub does not answer, the bundled model with a notice that says so."""
    try:
        return load(name)
    except HubUnreachableError as error:
        segmenter = load()
        segmenter.notice = f"{name} could not be loaded, so the bundled model is used instead: {error}"
        return segmenter


def _located(name: str | Path | None, token: Token) -> _Located:
    """Where a name leads; a folder that exists goes before a Hub name of the same spelling."""
    if name is None:
        return _Located(BUNDLED, BUNDLED_NAME, "bundled")
    if not isinstance(name, (str, Path)):
        raise ValueError(f"a model is named by text or by the Path of a folder, not {type(name).__name__}")
    if not str(name).strip() or "\0" in str(name):
        raise CheckpointError("this name leads to no model; give a folder or org/name, or none for the bundled one")
    try:
        folder = Path(name).expanduser()
    except RuntimeError:
        raise CheckpointError(
            f"{name} begins with the home of a user who is not known here; give the whole path"
        ) from None
    if not folder.exists() and isinstance(name, str) and HUB_NAME.fullmatch(name):
        return _from_hub(HubName.parse(name), token)
    return _Located(folder, folder.resolve().name or str(folder), "folder")


def _from_hub(asked: HubName, token: Token) -> _Located:
    """One commit of a repository, in the Hub's cache and whole."""
    from huggingface_hub import constants

    if COMMIT.fullmatch(asked.revision) and (folder := _cached(asked.repository, asked.revision)):
        return _Located(folder, asked.repository, "hub", asked.revision)
    if constants.HF_HUB_OFFLINE:
        return _last_good(asked, OFFLINE, notice=False)
    try:
        info = ask_about(asked, "model", token)
        _check_listing(info, str(asked))
        commit = str(info.sha)
        for file in LIMITS:
            path = fetch_from(Snapshot(asked.repository, "model", commit, str(asked)), file, token)
        return _Located(path.parent, asked.repository, "hub", commit)
    except HubUnreachableError as error:
        return _last_good(asked, str(error), notice=True, cause=error)


def _check_listing(info: "ModelInfo | DatasetInfo", label: str) -> None:
    """CheckpointError where files are missing, pickles or of a size that is not read; before any is fetched."""
    sizes = {each.rfilename: each.size for each in info.siblings or ()}
    require_files({name for name in sizes if "/" not in name}, label)
    for name in LIMITS:
        size = sizes[name]
        check_size(f"{name} of {label}", size if isinstance(size, int) else 0, LIMITS[name])


def _cached(repository: str, commit: str) -> Path | None:
    """The folder of a commit whose files are all in the cache, and whole; makes no request."""
    from huggingface_hub import try_to_load_from_cache

    for name in LIMITS:
        path = try_to_load_from_cache(repository, name, revision=commit)
        if not isinstance(path, str) or not is_whole(Path(path)):
            return None
    return Path(path).parent  # type: ignore[arg-type]


def _last_good(asked: HubName, reason: str, *, notice: bool, cause: Exception | None = None) -> _Located:
    """The commit that was last loaded here in place of the one that cannot be had."""
    good = None if COMMIT.fullmatch(asked.revision) else good_commits().last(asked.repository, asked.revision)
    folder = None if good is None else _cached(asked.repository, good.commit)
    if good is None or folder is None:
        raise HubUnreachableError(
            f"{reason}, and no whole copy of {asked} is in the cache here; load it once while the Hub can be reached"
        ) from cause
    said = good.instead(reason, asked) if notice else ""
    return _Located(folder, asked.repository, "hub", good.commit, said)
