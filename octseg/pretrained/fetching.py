"""A repository of the Hub at one commit, and its files: each held against its hash, and fetched again where damaged.

What is found good is noted, so that it can serve where the Hub does not answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from octseg.errors import CheckpointError, HubUnreachableError
from octseg.pretrained.cache import GoodCommits, clear_left_over, is_same, is_whole, told_hash
from octseg.pretrained.faults import MAIN, OFFLINE, patiently

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, ModelInfo

HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")
INFO_TIMEOUT_S = 10.0

Kind = Literal["model", "dataset", "space"]
Token = str | bool | None  # a token; None for the one that is stored on this machine, False for none at all


def is_repository(name: str) -> bool:
    """Whether it is org/name, without a revision."""
    return bool(HUB_NAME.fullmatch(name)) and "@" not in name


@dataclass(frozen=True)
class HubName:
    """`org/name` or `org/name@revision`; str() gives what was asked for."""

    repository: str
    revision: str

    @classmethod
    def parse(cls, name: str) -> "HubName":
        """The parts of a name that HUB_NAME matches."""
        repository, _, revision = name.partition("@")
        return cls(repository, revision or MAIN)

    def __str__(self) -> str:
        return self.repository if self.revision == MAIN else f"{self.repository}@{self.revision}"


@dataclass(frozen=True)
class Snapshot:
    """A repository at one revision.

    label: what sentences call it. files: path -> sha256 or git's sha1, None where only the cache knows of it.
    """

    repository: str
    kind: Kind
    revision: str
    label: str
    files: Mapping[str, str | None] = field(default_factory=dict)


def good_commits() -> GoodCommits:
    """Notes of the commits that were last found good here."""
    from huggingface_hub import constants

    return GoodCommits(Path(constants.HF_HOME) / "octseg" / "good_commits")


def ask_about(asked: HubName, kind: Kind, token: Token) -> "ModelInfo | DatasetInfo":
    """What the Hub tells of a repository at a revision: its commit, and its files with sizes and hashes.

    `HfApi.resolve_revision` (of huggingface_hub 2.4) would not do: it tells of no file, waits without an end for a Hub
    that is silent, and does not say when its commit is one of the cache's, which may lack files or be old.
    """
    return patiently(partial(_info, asked, kind, token), _label(asked, kind))


def _info(asked: HubName, kind: Kind, token: Token) -> "ModelInfo | DatasetInfo":
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    ask = api.model_info if kind == "model" else api.dataset_info
    return ask(asked.repository, revision=asked.revision, files_metadata=True, timeout=INFO_TIMEOUT_S)


def _label(asked: HubName, kind: Kind) -> str:
    """A name as in the addresses of the Hub."""
    return str(asked) if kind == "model" else f"{kind}s/{asked}"


def fetch_file(repository: str, name: str, revision: str | None = None, token: Token = None) -> Path:
    """One file of a Hub repository, in the Hub's cache, its bytes held against the hash that it goes by there.

    Raises CheckpointError in one sentence where it cannot be had.
    """
    asked = HubName(repository, revision or MAIN)
    return fetch_from(Snapshot(repository, "model", asked.revision, str(asked)), name, token)


def find_snapshot(asked: HubName, kind: Kind, token: Token = None) -> Snapshot:
    """The repository at the commit that a name means now.

    Raises CheckpointError where there is none, HubUnreachableError where the Hub does not answer.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise HubUnreachableError(OFFLINE)
    info = ask_about(asked, kind, token)
    files = {each.rfilename: told_hash(each) for each in info.siblings or ()}
    return Snapshot(asked.repository, kind, str(info.sha), _label(asked, kind), files)


def cached_snapshot(asked: HubName, kind: Kind, commit: str, holding: str) -> Snapshot | None:
    """What the Hub's cache has of a commit, if it has the file `holding`; makes no request."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(asked.repository, holding, revision=commit, repo_type=kind)
    if not isinstance(path, str):
        return None
    folder = Path(path.removesuffix(holding))
    names = sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
    return Snapshot(asked.repository, kind, commit, f"{asked} in the cache here", dict.fromkeys(names))


def fetch_from(found: Snapshot, name: str, token: Token = None, cache: Path | None = None) -> Path:
    """One file of it, in the Hub's cache or in the folder `cache`; fetched again where it is damaged.

    Raises CheckpointError in one sentence where it cannot be had.
    """
    known = found.files.get(name)
    for again in (False, True, True):
        path = patiently(partial(_downloaded, found, name, token, cache, again=again), found.label, name)
        if is_whole(path) if known is None else is_same(path, known):
            clear_left_over(path)
            return path
    raise CheckpointError(f"{name} of {found.label} arrived damaged twice; try again later")


def _downloaded(found: Snapshot, name: str, token: Token, cache: Path | None, *, again: bool) -> Path:
    import huggingface_hub

    return Path(
        huggingface_hub.hf_hub_download(
            found.repository,
            name,
            repo_type=found.kind,
            revision=found.revision,
            cache_dir=cache,
            token=token,
            force_download=again,
        )
    )
