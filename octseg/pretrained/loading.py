"""from_pretrained: the bundled checkpoint, a folder or a repository of the Hub -> a Segmenter ready to work.

A Hub name is resolved to one commit, of which every file is taken and held against its hash. Where the Hub does not
answer, the last commit that was loaded here serves in its place. Nothing but this module speaks to the Hub.
"""

import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

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
from octseg.pretrained.cache import COMMIT, GoodCommits, clear_left_over, is_same, is_whole, told_hash
from octseg.result import ModelIdentity, ModelSource
from octseg.segmenter import Segmenter

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, ModelInfo

BUNDLED = Path(__file__).parent.parent / "weights"
BUNDLED_NAME = "octseg-bundled"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")
MAIN = "main"
LIMITS = {CONFIG_FILE: MAX_CONFIG_BYTES, WEIGHTS_FILE: MAX_WEIGHTS_BYTES}
PAUSES_S = (0.5, 1.5)  # between attempts
PATIENCE_S = 15.0  # after which a failed attempt was the last
INFO_TIMEOUT_S = 10.0
OFFLINE = "HF_HUB_OFFLINE forbids to ask the Hub"
NO_HUB = (KeyError, TypeError, AttributeError, IndexError, ValueError)  # of the client, for an answer of another shape
REQUEST_TIMEOUT, TOO_MANY_REQUESTS = 408, 429
REFUSED = {
    402: "the Hub asks for a paid plan to {doing} {what}; use an account that has one",
    401: "the Hub does not take the token that was sent for {what}; sign in with `hf auth login`",
    403: "the token that was sent may not {doing} {what}; use one that may, or ask its owner for access",
}

Kind = Literal["model", "dataset", "space"]
TOKEN_SHAPE = re.compile(r"(?<![\w.])hf_[\w.-]{4,}|(?<=Bearer )[^\s'\"]+")
Token = str | bool | None  # a token; None for the one that is stored on this machine, False for none at all
Result = TypeVar("Result")


def is_repository(name: str) -> bool:
    """Whether it is org/name, without a revision."""
    return bool(HUB_NAME.fullmatch(name)) and "@" not in name


class HubWarning(UserWarning):
    """The Hub could not give what was asked for, and something else is used."""


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


@dataclass(frozen=True)
class _Located:
    """Where a checkpoint lies, and what is to be said of where it came from."""

    folder: Path
    label: str
    source: ModelSource
    commit: str | None = None
    notice: str = ""


def from_pretrained(
    name: str | Path | None = None, *, device: str = "auto", backend: str = "auto", token: Token = None
) -> Segmenter:
    """Load a model: the bundled one without a name, a checkpoint folder, or a repository of the Hub.

    With HF_HUB_OFFLINE set, or a commit for a revision that was loaded before, no request is made.

    Args:
        name: None, a folder that holds config.json and model.safetensors, or "org/name[@branch, tag or commit]".
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        backend: "auto" (OpenVINO on the CPU where it is installed), "openvino" or "torch".
        token: for private and gated repositories; None takes HF_TOKEN or that of `hf auth login`, False none.

    Raises:
        CheckpointError: there is no such checkpoint, or it is not to be trusted.
        HubUnreachableError: the Hub does not answer, and no good commit of the repository was loaded here before.
        ConfigError: the device or backend is not there.

    Warns:
        HubWarning: the Hub does not answer, and the commit that was last loaded here is used.
    """
    segmenter = load(name, device=device, backend=backend, token=token)
    if segmenter.notice:
        warnings.warn(segmenter.notice, HubWarning, stacklevel=2)
    return segmenter


def load(
    name: str | Path | None = None, *, device: str = "auto", backend: str = "auto", token: Token = None
) -> Segmenter:
    """As from_pretrained, for callers who tell the notice themselves: nothing is warned of."""
    try:
        located = _located(name, token)
        checkpoint = load_checkpoint(located.folder, located.label)
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
    return Segmenter(checkpoint, identity, device=device, backend=backend, notice=located.notice)


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
    return _Located(folder, folder.resolve().name, "folder")


def _from_hub(asked: HubName, token: Token) -> _Located:
    """One commit of a repository, in the Hub's cache and whole."""
    from huggingface_hub import constants

    if COMMIT.fullmatch(asked.revision) and (folder := _cached(asked.repository, asked.revision)):
        return _Located(folder, asked.repository, "hub", asked.revision)
    if constants.HF_HUB_OFFLINE:
        return _last_good(asked, OFFLINE, notice=False)
    try:
        info = patiently(partial(_info, asked, "model", token), str(asked))
        _check_listing(info, str(asked))
        commit = str(info.sha)
        for file in LIMITS:
            path = fetch_from(Snapshot(asked.repository, "model", commit, str(asked)), file, token)
        return _Located(path.parent, asked.repository, "hub", commit)
    except HubUnreachableError as error:
        return _last_good(asked, str(error), notice=True, cause=error)


def _info(asked: HubName, kind: Kind, token: Token) -> "ModelInfo | DatasetInfo":
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    ask = api.model_info if kind == "model" else api.dataset_info
    return ask(asked.repository, revision=asked.revision, files_metadata=True, timeout=INFO_TIMEOUT_S)


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


def good_commits() -> GoodCommits:
    """Notes of the commits that were last found good here."""
    from huggingface_hub import constants

    return GoodCommits(Path(constants.HF_HOME) / "octseg" / "good_commits")


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
    label = str(asked) if kind == "model" else f"{kind}s/{asked}"  # as in the addresses of the Hub
    info = patiently(partial(_info, asked, kind, token), label)
    files = {each.rfilename: told_hash(each) for each in info.siblings or ()}
    return Snapshot(asked.repository, kind, str(info.sha), label, files)


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


def patiently(ask: Callable[[], Result], label: str, file: str = "", doing: str = "read") -> Result:
    """What `ask` gives, asked again where the Hub falters; each way of failing in one sentence."""
    began = time.monotonic()
    for pause in PAUSES_S:
        try:
            return ask()
        except Exception as error:
            if not may_pass(error) or time.monotonic() - began > PATIENCE_S:
                raise told(error, label, file, doing) from error
        time.sleep(pause)
    try:
        return ask()
    except Exception as error:
        raise told(error, label, file, doing) from error


def status_of(error: BaseException | None) -> int | None:
    """The status of the answer; None where there was none."""
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def may_pass(error: BaseException | None) -> bool:
    """Whether the same request may succeed a moment later: no answer, too many requests, or a fault of the server."""
    from huggingface_hub import errors

    status = status_of(error)
    if status is not None:
        return status >= 500 or status in (REQUEST_TIMEOUT, TOO_MANY_REQUESTS)
    if type(error) is OSError and error.errno is None:
        return True  # the client's word for a file that did not arrive whole
    no_answer = (errors.HTTPError, ConnectionError, TimeoutError)  # type: ignore[attr-defined]
    return isinstance(error, no_answer)


def hide_tokens(error: BaseException | None) -> None:
    """Take tokens out of the words of an error and of what led to it: a server may repeat what was sent to it."""
    while error is not None:
        error.args = tuple(TOKEN_SHAPE.sub("hf_...", each) if isinstance(each, str) else each for each in error.args)
        if isinstance(said := getattr(error, "server_message", None), str):
            setattr(error, "server_message", TOKEN_SHAPE.sub("hf_...", said))  # noqa: B010 - of some errors alone
        error = error.__cause__ or error.__context__


def _of_status(status: int, what: str, doing: str, *, passing: bool) -> CheckpointError:
    if passing:
        return HubUnreachableError(f"the Hub answers with an error of its own ({status}) for {what}")
    if status in REFUSED:
        return CheckpointError(REFUSED[status].format(what=what, doing=doing))
    return CheckpointError(f"the Hub refuses {what} (status {status}); check the name and try again later")


def told(error: Exception, label: str, file: str = "", doing: str = "read") -> Exception:
    """An error of the client as ours, in one sentence; one that is a bug as it is. Neither repeats a token."""
    from huggingface_hub import constants, errors

    hide_tokens(error)
    repository, _, revision = label.partition("@")
    what = f"{file} of {label}" if file else label
    sentences: tuple[tuple[type[Exception], str], ...] = (
        (
            errors.GatedRepoError,
            f"{label} is open to some only; ask for access on its page and sign in with `hf auth login`",
        ),
        (
            errors.RepositoryNotFoundError,
            f"there is no repository {repository} on the Hub, or it is private: check the name, or sign in with "
            "`hf auth login`",
        ),
        (
            errors.RevisionNotFoundError,
            f"{repository} has no revision {revision or MAIN}; give one of its branches, tags or commits",
        ),
        (errors.RemoteEntryNotFoundError, f"{label} has no file {file}"),
        (errors.HFValidationError, f"{label} is no name that the Hub knows; give org/name or org/name@revision"),
    )
    for kind, sentence in sentences:
        if isinstance(error, kind):
            return CheckpointError(sentence)
    status = status_of(error)
    if isinstance(error, errors.LocalEntryNotFoundError):
        if isinstance(error.__cause__, Exception) and status_of(error.__cause__) is not None:
            return told(error.__cause__, label, file, doing)
        why = OFFLINE if constants.HF_HUB_OFFLINE else "the Hub does not answer"
        return HubUnreachableError(f"{why}, and {what} is not in its cache here")
    if status is not None:
        return _of_status(status, what, doing, passing=may_pass(error))
    if may_pass(error):
        return HubUnreachableError(f"the Hub does not answer for {what}")
    if isinstance(error, NO_HUB):
        return HubUnreachableError(f"something that is not the Hub answers for {what}")
    if isinstance(error, OSError):
        return CheckpointError(
            f"{what} could not be stored in the Hub's cache: {(error.strerror or 'unknown cause').lower()}"
        )
    return error
