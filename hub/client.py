"""One commit on the Hub: made once, on top of what was looked at, and read back afterwards.

The stock client does not ask again when a commit fails, and cannot tell a commit that failed from one whose answer was
lost. Here the branch is looked at: a commit that is there already is not made again.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors
from huggingface_hub.hf_api import RepoFile

from hub.cards.merging import merged
from hub.errors import HubError, RaceError
from octseg.errors import CheckpointError
from octseg.hub_cache import is_same
from octseg.pretrained import HUB_NAME, PAUSES_S, Token, hide_tokens, may_pass, patiently, told

Kind = Literal["model", "dataset", "space"]
CARD = "README.md"
BRANCH = "main"
BAD_REQUEST, CONFLICT, PRECONDITION_FAILED = 400, 409, 412
PATHS_AT_ONCE = 200
UPLOAD_FAILED = RuntimeError  # which the client raises for a file that could not be sent, or arrived damaged


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is to stand in a repository after one commit.

    files: path in the repository -> bytes, or a file on this machine. README.md among them is laid around the text
    that stands there already. owned: a file whose path matches it and is not among `files` is deleted.
    laid: path -> what makes its new text from the one that stands there, None where there is none; a file whose new
    text is empty is deleted.
    """

    kind: Kind
    repository: str
    files: Mapping[str, bytes | Path]
    summary: str
    description: str = ""
    owned: re.Pattern[str] | None = None
    laid: Mapping[str, Callable[[str | None], str]] = field(default_factory=dict)
    private: bool = False
    create_pr: bool = False
    tag: str | None = None
    create_arguments: Mapping[str, Any] = field(default_factory=dict)  # of the repository, such as a Space's sdk


@dataclass(frozen=True)
class Published:
    """Where it is now. changed: False where the repository held all of it already, and no commit was made."""

    commit: str
    url: str
    changed: bool
    pull_request: str | None = None


@dataclass(frozen=True)
class _Change:
    """What a commit does to the files of its parent."""

    sent: Mapping[str, bytes | Path]
    deleted: Sequence[str]


@dataclass(frozen=True)
class _Head:
    """A commit of the repository and the hash of each of its files: sha256, or git's sha1 of smaller ones."""

    commit: str
    hashes: Mapping[str, str]


def publish(publication: Publication, token: Token = None, say: Callable[[str], None] = lambda _: None) -> Published:
    """Bring a repository to what `publication` says, in one commit that is read back.

    say: told of each step, a sentence each.

    Raises:
        HubError: the Hub refuses, or holds other bytes afterwards than were sent.
        RaceError: somebody else committed meanwhile.
        HubUnreachableError: the Hub does not answer, even when asked again.
    """
    require_name(publication.repository)
    api = HfApi(token=token)
    head, made = _opened(api, publication, say)
    files = dict(publication.files)
    if CARD in files:
        files[CARD] = merged(_text(files[CARD]), None if made else _standing(api, publication, head, CARD)).encode()
    laid = {name: lay(_standing(api, publication, head, name)) for name, lay in publication.laid.items()}
    files.update({name: text.encode() for name, text in laid.items() if text})
    owned = publication.owned
    change = _Change(
        {name: content for name, content in files.items() if not is_same(content, head.hashes.get(name))},
        [
            name
            for name in head.hashes
            if name not in files and (name in laid or (owned is not None and owned.fullmatch(name)))
        ],
    )
    if not change.sent and not change.deleted:
        say("the repository holds all of it already; no commit is made")
        done = Published(head.commit, _commit_url(api, publication, head.commit), changed=False)
    else:
        say(f"{len(change.sent)} of {len(files)} files are new or changed, {len(change.deleted)} are deleted")
        done = _committed(api, publication, head, change)
        say("read back: every file that was sent has the hash that it has here")
    _tag(api, publication, done.commit)
    return done


def require_name(repository: str) -> None:
    """HubError where it is not org/name."""
    if not HUB_NAME.fullmatch(repository) or "@" in repository:
        raise HubError(f"{repository} is no name of a repository; give org/name")


def _text(content: bytes | Path) -> str:
    return (content if isinstance(content, bytes) else content.read_bytes()).decode()


def _opened(api: HfApi, publication: Publication, say: Callable[[str], None]) -> tuple[_Head, bool]:
    """The repository's head, and whether the repository was made here and now: a README in it is then the Hub's own."""
    try:
        return _head(api, publication, BRANCH), False
    except CheckpointError as error:
        if publication.create_pr or not _is_missing(error.__cause__):
            raise
    say(f"making the {'private' if publication.private else 'public'} {publication.kind} {publication.repository}")
    make = partial(
        api.create_repo,
        publication.repository,
        repo_type=publication.kind,
        private=publication.private,
        exist_ok=True,
        **publication.create_arguments,
    )
    patiently(make, publication.repository, doing="make")
    return _head(api, publication, BRANCH), True


def _is_missing(error: BaseException | None) -> bool:
    return isinstance(error, errors.RepositoryNotFoundError) and not isinstance(error, errors.GatedRepoError)


def _head(api: HfApi, publication: Publication, revision: str) -> _Head:
    ask = partial(
        api.repo_info, publication.repository, repo_type=publication.kind, revision=revision, files_metadata=True
    )
    info = patiently(ask, publication.repository)
    if publication.private and info.private is False:
        raise HubError(
            f"{publication.repository} is public already, so --private cannot hold; make it private in its settings, "
            "or take another name"
        )
    files = getattr(info, "siblings", None) or ()
    known = {each.rfilename: each.lfs.sha256 if each.lfs else each.blob_id for each in files}
    return _Head(str(info.sha), {name: digest for name, digest in known.items() if digest})


def _standing(api: HfApi, publication: Publication, head: _Head, name: str) -> str | None:
    """A text file as it is on the Hub, None where there is none; no copy of it stays on this machine."""
    if name not in head.hashes:
        return None
    for _ in range(3):
        with TemporaryDirectory() as cache:
            fetch = partial(
                api.hf_hub_download,
                publication.repository,
                name,
                repo_type=publication.kind,
                revision=head.commit,
                cache_dir=cache,
            )
            path = Path(patiently(fetch, publication.repository, name))
            if is_same(path, head.hashes[name]):
                return path.read_text(encoding="utf-8")
    raise HubError(f"{name} of {publication.repository} arrived damaged, and is not written over; try again later")


def _committed(api: HfApi, publication: Publication, head: _Head, change: _Change) -> Published:
    """The commit, made anew where it did not take effect."""
    pauses = iter(PAUSES_S)
    while True:
        try:
            commit, pull_request = _commit_once(api, publication, head, change)
            break
        except Exception as error:
            hide_tokens(error)
            landed = _landed(api, publication, head, change)
            if landed is not None:
                commit, pull_request = landed
                break
            if _status(error) in (CONFLICT, PRECONDITION_FAILED):
                raise RaceError(
                    f"somebody else changed {publication.repository} meanwhile; nothing was written over: look at it, "
                    "and run the command again"
                ) from error
            pause = next(pauses, None)
            if pause is None or not (may_pass(error) or isinstance(error, UPLOAD_FAILED)):
                raise _refused(error, publication) from error
            time.sleep(pause)
    _check_arrived(api, publication, commit, change)
    return Published(commit, _commit_url(api, publication, commit), changed=True, pull_request=pull_request)


def _commit_once(api: HfApi, publication: Publication, head: _Head, change: _Change) -> tuple[str, str | None]:
    """Commit and pull request that the Hub answers with."""
    done = api.create_commit(
        publication.repository,
        [
            *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in change.sent.items()),
            *(CommitOperationDelete(path_in_repo=name) for name in change.deleted),
        ],
        commit_message=publication.summary,
        commit_description=publication.description,
        repo_type=publication.kind,
        parent_commit=head.commit,
        create_pr=publication.create_pr,
    )
    return done.oid, done.pr_url


def _landed(api: HfApi, publication: Publication, head: _Head, change: _Change) -> tuple[str, str | None] | None:
    """Commit and pull request of a commit that took effect although its answer was lost."""
    try:
        for revision, pull_request in _where_it_could_be(api, publication):
            now = _head(api, publication, revision)
            if now.commit != head.commit and _holds(now, change):
                return now.commit, pull_request
    except CheckpointError:
        return None
    return None


def _where_it_could_be(api: HfApi, publication: Publication) -> Iterator[tuple[str, str | None]]:
    if not publication.create_pr:
        yield BRANCH, None
        return
    opened = patiently(
        lambda: list(
            api.get_repo_discussions(
                publication.repository,
                repo_type=publication.kind,
                discussion_type="pull_request",
                discussion_status="open",
            )
        ),
        publication.repository,
    )
    for each in opened:
        if each.title == publication.summary:
            yield f"refs/pr/{each.num}", each.url


def _holds(head: _Head, change: _Change) -> bool:
    return all(is_same(content, head.hashes.get(name)) for name, content in change.sent.items()) and not any(
        name in head.hashes for name in change.deleted
    )


def _check_arrived(api: HfApi, publication: Publication, commit: str, change: _Change) -> None:
    """Read back the hash of every file that was sent."""
    names = list(change.sent)
    found: dict[str, str] = {}
    for start in range(0, len(names), PATHS_AT_ONCE):
        ask = partial(
            api.get_paths_info,
            publication.repository,
            names[start : start + PATHS_AT_ONCE],
            repo_type=publication.kind,
            revision=commit,
        )
        for each in patiently(ask, publication.repository):
            if isinstance(each, RepoFile):
                found[each.path] = each.lfs.sha256 if each.lfs else each.blob_id
    wrong = [name for name, content in change.sent.items() if not is_same(content, found.get(name))]
    if wrong:
        raise HubError(
            f"{wrong[0]} of {publication.repository} is not what was sent (commit {commit[:7]}); run the command again"
        )


def _tag(api: HfApi, publication: Publication, commit: str) -> None:
    """Name the commit, unless the tag names it already."""
    if publication.tag is None:
        return
    repository, tag = publication.repository, publication.tag
    make = partial(api.create_tag, repository, tag=tag, revision=commit, repo_type=publication.kind, exist_ok=True)
    patiently(make, repository, doing="write to")
    refs = patiently(partial(api.list_repo_refs, repository, repo_type=publication.kind), repository)
    target = next((each.target_commit for each in refs.tags if each.name == tag), None)
    if target != commit:
        raise HubError(
            f"the tag {tag} of {repository} names another commit already ({str(target)[:7]}), and tags are not moved; "
            f"the files are in {commit[:7]}: run the command again with another --tag"
        )


def _refused(error: Exception, publication: Publication) -> Exception:
    if isinstance(error, ValueError) and _status(error) in (None, BAD_REQUEST):
        said = " ".join(str(getattr(error, "server_message", None) or error).split())
        return HubError(f"the Hub does not take what is sent to {publication.repository}: {said}")
    if isinstance(error, UPLOAD_FAILED):
        return HubError(
            f"a file did not arrive whole at {publication.repository}, and nothing was committed; run the command "
            "again, which sends only what is missing"
        )
    return told(error, publication.repository, doing="write to")


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _commit_url(api: HfApi, publication: Publication, commit: str) -> str:
    prefix = "" if publication.kind == "model" else f"{publication.kind}s/"
    return f"{api.endpoint}/{prefix}{publication.repository}/commit/{commit}"
