"""One commit on the Hub: made once, on top of what was looked at, and read back afterwards.

The stock client does not ask again when a commit fails, and cannot tell a commit that failed from one whose answer was
lost. Here the branch is looked at: a commit that is there already is not made again.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

from hub.cards.merging import merged
from hub.errors import HubError, RaceError
from hub.repository import BRANCH, Content, Head, Repository, require_name, require_tag_name
from octseg.errors import CheckpointError
from octseg.pretrained import PAUSES_S, Kind, Token, hide_tokens, may_pass, status_of, told
from octseg.pretrained.cache import is_same

CARD = "README.md"
BAD_REQUEST, CONFLICT, PRECONDITION_FAILED = 400, 409, 412
UPLOAD_FAILED = RuntimeError  # which the client raises for a file that could not be sent, or arrived damaged


@dataclass(frozen=True, kw_only=True)
class How:
    """How a repository is written to.

    private: nothing is sent where others could see it, and a new repository is private. create_pr: by a pull request
    instead of to main. tag: a name for the commit.
    """

    private: bool = False
    create_pr: bool = False
    tag: str | None = None


TO_MAIN = How()
PRIVATELY = How(private=True)


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
    files: Mapping[str, Content]
    summary: str
    description: str = ""
    owned: re.Pattern[str] | None = None
    laid: Mapping[str, Callable[[str | None], str]] = field(default_factory=dict)
    how: How = TO_MAIN
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

    parent: Head
    sent: Mapping[str, Content]
    deleted: Sequence[str]

    def is_in(self, head: Head) -> bool:
        """Whether a later commit holds all of it."""
        arrived = all(is_same(content, head.hashes.get(name)) for name, content in self.sent.items())
        return head.commit != self.parent.commit and arrived and not set(self.deleted) & head.hashes.keys()


def publish(publication: Publication, token: Token = None, say: Callable[[str], None] = lambda _: None) -> Published:
    """Bring a repository to what `publication` says, in one commit that is read back.

    say: told of each step, a sentence each.

    Raises:
        HubError: the Hub refuses, or holds other bytes afterwards than were sent.
        RaceError: somebody else committed meanwhile.
        HubUnreachableError: the Hub does not answer, even when asked again.
    """
    require_name(publication.repository)
    if publication.how.tag is not None:
        require_tag_name(publication.how.tag)
    if publication.how.create_pr and publication.how.tag is not None:
        raise HubError("a pull request is not tagged: leave out --tag, and tag the commit when it has been merged")
    if token is None and get_token() is None:
        raise HubError("nobody is signed in here: run `hf auth login`, or set HF_TOKEN to a token that may write")
    repository = Repository(HfApi(token=token), publication.kind, publication.repository)
    change = _change(publication, repository, *_opened(repository, publication, say))
    if not change.sent and not change.deleted:
        say("the repository holds all of it already; no commit is made")
        done = Published(change.parent.commit, repository.url(change.parent.commit), changed=False)
    else:
        say(f"{len(change.sent)} files are new or changed, {len(change.deleted)} are deleted")
        if publication.how.tag is not None:
            repository.require_tag_free(publication.how.tag)
        opened = _landed(repository, publication, change) if publication.how.create_pr else None  # by an earlier run
        commit, pull_request = opened or _committed(repository, publication, change)
        repository.require_arrived(commit, change.sent)
        if publication.how.private:
            public = f"was made public meanwhile, so all can see commit {commit[:7]}; make it private in its settings"
            _require_private(publication, repository.head(), public)
        say("read back: every file that was sent has the hash that it has here")
        done = Published(commit, repository.url(commit), changed=True, pull_request=pull_request)
    if publication.how.tag is not None:
        repository.tag(publication.how.tag, done.commit)
        say(f"the tag {publication.how.tag} names commit {done.commit[:7]}")
    return done


def _opened(repository: Repository, publication: Publication, say: Callable[[str], None]) -> tuple[Head, bool]:
    """The repository's head, and whether the repository was made here and now: a README in it is then the Hub's own."""
    head = repository.head()
    if head is not None:
        cannot = "is public already, so --private cannot hold"
        _require_private(
            publication, head, f"{cannot}; say --public if all may see what is sent, make it private in its settings"
        )
        if head.private and not publication.how.private:
            say("the repository is private and stays so: make it public in its settings if all may see it")
        return head, False
    if publication.how.create_pr:
        raise HubError(f"there is no {repository.kind} {repository.name} on the Hub to open a pull request in")
    head = repository.make(private=publication.how.private, **publication.create_arguments)
    say(f"made the {'private' if head.private else 'public'} {repository.kind} {repository.name}")
    _require_private(publication, head, "was made, and is public although it was to be private; nothing was sent there")
    return head, True


def _require_private(publication: Publication, head: Head | None, why: str) -> None:
    if publication.how.private and (head is None or not head.private):
        raise HubError(f"{publication.repository} {why}, or take another name")


def _change(publication: Publication, repository: Repository, head: Head, made: bool) -> _Change:
    """What differs from what stands there."""
    files = dict(publication.files)
    if CARD in files:
        files[CARD] = merged(_text(files[CARD]), None if made else repository.text(head, CARD)).encode()
    laid = {name: lay(repository.text(head, name)) for name, lay in publication.laid.items()}
    files.update({name: text.encode() for name, text in laid.items() if text})
    owned = publication.owned
    return _Change(
        head,
        {name: content for name, content in files.items() if not is_same(content, head.hashes.get(name))},
        [
            name
            for name in head.hashes
            if name not in files and (name in laid or (owned is not None and owned.fullmatch(name)))
        ],
    )


def _text(content: Content) -> str:
    return (content if isinstance(content, bytes) else content.read_bytes()).decode()


def _committed(
    repository: Repository, publication: Publication, change: _Change, pauses_s: Sequence[float] = PAUSES_S
) -> tuple[str, str | None]:
    """Commit and pull request, made anew where it did not take effect."""
    try:
        return _commit_once(repository, publication, change)
    except Exception as error:  # whatever was raised, the commit may stand already
        hide_tokens(error)
        landed = _landed(repository, publication, change)
        if landed is not None:
            return landed
        if not pauses_s or not (may_pass(error) or isinstance(error, UPLOAD_FAILED)):
            refused = _refused(error, repository)
            if refused is error:  # a bug, which is not its own cause
                raise
            raise refused from error
    time.sleep(pauses_s[0])
    return _committed(repository, publication, change, pauses_s[1:])


def _commit_once(repository: Repository, publication: Publication, change: _Change) -> tuple[str, str | None]:
    """Commit and pull request that the Hub answers with."""
    done = repository.api.create_commit(
        repository.name,
        [
            *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in change.sent.items()),
            *(CommitOperationDelete(path_in_repo=name) for name in change.deleted),
        ],
        commit_message=publication.summary,
        commit_description=publication.description,
        repo_type=repository.kind,
        parent_commit=change.parent.commit,
        create_pr=publication.how.create_pr,
    )
    return done.oid, done.pr_url


def _landed(repository: Repository, publication: Publication, change: _Change) -> tuple[str, str | None] | None:
    """Commit and pull request of a commit that took effect although its answer was lost."""
    try:
        for revision, pull_request in _where_it_could_be(repository, publication):
            head = repository.head(revision)
            if head is not None and change.is_in(head):
                return head.commit, pull_request
    except CheckpointError:
        return None
    return None


def _where_it_could_be(repository: Repository, publication: Publication) -> Iterator[tuple[str, str | None]]:
    if publication.how.create_pr:
        yield from repository.open_pull_requests(publication.summary)
    else:
        yield BRANCH, None


def _refused(error: Exception, repository: Repository) -> Exception:
    status = status_of(error)
    if status in (CONFLICT, PRECONDITION_FAILED) and "/commit/" in str(error.response.url):  # type: ignore[attr-defined]
        return RaceError(
            f"somebody else changed {repository.name} meanwhile; nothing was written over: look at it, and run the "
            "command again"
        )
    if isinstance(error, ValueError) and not isinstance(error, JSONDecodeError) and status in (None, BAD_REQUEST):
        said = " ".join(str(getattr(error, "server_message", None) or error).split())
        return HubError(f"the Hub does not take what is sent to {repository.name}: {said}")
    if isinstance(error, UPLOAD_FAILED):
        refused = status_of(error.__cause__)
        if refused is not None and not may_pass(error.__cause__):
            return HubError(
                f"the storage of {repository.name} refuses a file (status {refused}): look at its quota and rights"
            )
        return HubError(
            f"a file did not arrive whole at {repository.name}, and nothing was committed; run the command again: it "
            "sends only what is missing"
        )
    return told(error, repository.name, doing="write to")
