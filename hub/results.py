"""Results in a dataset repository: where they go, who sees them, how they are taken back.

Every function that asks the Hub takes a token and uses no other: on a server that is the visitor's, never the host's.
The page shares through `offer`, `send`, `take_back` and `stored_token`.
"""

import re
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import GitCommitInfo, HfApi, get_token

from hub.cards.results import METADATA, card, with_rows, without_cases
from hub.cases import ID_DIGITS, Plan
from hub.client import CARD, How, Publication, Published, publish
from hub.errors import HubError, RaceError
from hub.plans import page_plan
from hub.repository import BRANCH, Content, Head, Repository, require_name
from octseg.pretrained import patiently

DEFAULT_NAME = "octseg-results"
SHARED = re.compile(rf"Share (result [0-9a-f]{{{ID_DIGITS}}}|\d+ results)( \(#\d+\))?")  # a commit; one merged has (#1)
PATH = re.compile(rf"\bcases/[0-9a-f]{{{ID_DIGITS}}}(?:/corrections[\w-]*\.jsonl|\b)")  # of a case, or a log in it
LOG = re.compile(rf"cases/[0-9a-f]{{{ID_DIGITS}}}/corrections[\w-]*\.jsonl")
COMMIT = re.compile(r"[0-9a-f]{7,40}")
A_TOKEN = re.compile(r"[!-~]+")
RACE_PAUSES_S = (0.2, 0.8, 2.0)


@dataclass(frozen=True)
class Place:
    """A repository as it is now; private is None where there is none yet."""

    repository: str
    private: bool | None

    def is_public(self, *, public: bool) -> bool:
        """Whether everybody sees what is sent there; a new one is as it is asked for."""
        return public if self.private is None else not self.private

    def sentence(self, *, public: bool) -> str:
        """What it is, as `ada/results, a new private dataset repository`."""
        new = "new " if self.private is None else ""
        seen = "public" if self.is_public(public=public) else "private"
        return f"{self.repository}, a {new}{seen} dataset repository"


@dataclass(frozen=True)
class Offer:
    """What would be sent of one frame, and where: shown before anything is sent.

    sizes: path in the repository -> bytes. private: whether only those see it who may see the repository.
    """

    repository: str
    sentence: str
    private: bool
    sizes: Mapping[str, int]


def offer(folder: Path, repository: str, token: str, *, public: bool, attribution: str) -> Offer:
    """What `send` would do with the frame whose files the page keeps in `folder`.

    repository: "" for the usual one under the user's own name.
    """
    with TemporaryDirectory() as root:
        sizes = page_plan(folder, attribution, Path(root)).sizes
    where = place(repository or f"{_user(token)}/{DEFAULT_NAME}", token)
    require_private_or_agreed(where, public=public)
    return Offer(where.repository, where.sentence(public=public), not where.is_public(public=public), sizes)


def send(folder: Path, repository: str, token: str, *, public: bool, attribution: str) -> Published:
    """Share the frame whose files the page keeps in `folder`."""
    with TemporaryDirectory() as root:
        planned = page_plan(folder, attribution, Path(root))
        return share([planned], place(repository, token), token, public=public)


def place(repository: str, token: str) -> Place:
    """The repository that results are to go to, as it is now.

    Raises HubError where it holds something other than results.
    """
    require_name(repository)
    head = Repository(HfApi(token=_required(token)), "dataset", repository).head()
    if head is None:
        return Place(repository, None)
    if METADATA not in head.hashes and not head.hashes.keys() <= {CARD, ".gitattributes"}:
        raise HubError(f"{repository} holds other things than results already; take a repository of its own for them")
    return Place(repository, head.private)


def require_private_or_agreed(where: Place, *, public: bool) -> None:
    """HubError where results would be seen by everybody, and that was not agreed to."""
    if where.private is False and not public:
        raise HubError(
            f"{where.repository} is public, so everybody could see what is sent there; "
            "agree to that, or take a private repository"
        )


def share(plans: Sequence[Plan], where: Place, token: str, *, public: bool, create_pr: bool = False) -> Published:
    """Put cases into a repository in one commit; where somebody else commits meanwhile, on top of theirs.

    public: whether it was agreed that everybody sees them; a new repository is private otherwise.
    """
    require_private_or_agreed(where, public=public)
    several = f"{len(plans)} results" if len(plans) > 1 else f"result {plans[0].name}"
    files = {name: content for each in plans for name, content in each.files.items()}
    logs = {name: files.pop(name) for each in plans for name in each.logs}
    publication = Publication(
        kind="dataset",
        repository=where.repository,
        files={CARD: card().encode(), **files},
        laid={
            METADATA: with_rows([row for each in plans for row in each.rows]),
            **{name: partial(_longer, name, content) for name, content in logs.items()},
        },
        owned=re.compile("|".join(map(_of_log, logs))) if logs else None,
        summary=f"Share {several}",
        description="\n".join(map(_described, plans)),
        how=How(private=not public, create_pr=create_pr),
    )
    return _published(publication, token)


def take_back(commit: str, repository: str, token: str) -> Published:
    """Take the cases that a commit shared out again, in a new commit. The repository's history still holds them.

    A case that was shared again after that commit stays, and so do logs of others in it.

    commit: its hash, or the link to it.
    """
    require_name(repository)
    commit = re.split(r"[?#]", commit.strip())[0].rstrip("/").rpartition("/")[2]
    if not COMMIT.fullmatch(commit):
        raise HubError(f"{commit} is no commit; give its hash, or the link that was shown when it was made")
    until = _history(repository, commit, token)
    shared = _shared(until[:1])
    if not shared:
        raise HubError(f"commit {commit[:7]} of {repository} shared no result, so there is nothing to take back")
    older = {each.commit_id for each in until}
    again = _shared([each for each in _history(repository, BRANCH, token) if each.commit_id not in older])
    cases, logs = _alone(shared.keys() - again.keys(), Repository(HfApi(token=token), "dataset", repository).head())
    if not cases and not logs:
        newer = next(iter(again[path] for path in shared if path in again))
        raise HubError(
            f"what commit {commit[:7]} of {repository} shared was shared again by commit {newer[:7]}; take that back"
        )
    taken = sorted({path.split("/")[1] for path in (*cases, *logs)})
    publication = Publication(
        kind="dataset",
        repository=repository,
        files={},
        laid={METADATA: without_cases([path.split("/")[1] for path in cases])} if cases else {},
        owned=re.compile("|".join([*(rf"{case}/.*" for case in cases), *map(_of_log, logs)])),
        summary=f"Take back {len(taken)} results" if len(taken) > 1 else f"Take back result {taken[0]}",
    )
    return _published(publication, token)


def _alone(shared: Set[str], head: Head | None) -> tuple[list[str], list[str]]:
    """Of what is to be taken back, the cases that go whole, and the logs of those that hold logs of others as well."""
    standing = [] if head is None else [name for name in head.hashes if LOG.fullmatch(name)]
    others = {name.rpartition("/")[0] for name in standing if name not in shared}
    cases = sorted(path for path in shared if not LOG.fullmatch(path) and path not in others)
    logs = sorted(path for path in shared if LOG.fullmatch(path) and path.rpartition("/")[0] not in cases)
    return cases, logs


def _history(repository: str, revision: str, token: str) -> list[GitCommitInfo]:
    """A revision's commit and all before it, newest first."""
    api = HfApi(token=_required(token))
    ask = partial(api.list_repo_commits, repository, repo_type="dataset", revision=revision)
    return patiently(ask, f"{repository}@{revision}")


def _shared(commits: Sequence[GitCommitInfo]) -> dict[str, str]:
    """The cases, and the logs in them, that commits of ours shared, each with the newest commit that did."""
    ours = [each for each in commits if SHARED.fullmatch(each.title)]
    return {path: each.commit_id for each in reversed(ours) for path in PATH.findall(each.message)}


def stored_token() -> str | None:
    """The token of this machine's owner: that of HF_TOKEN or `hf auth login`."""
    return get_token()


def _published(publication: Publication, token: str, pauses_s: Sequence[float] = RACE_PAUSES_S) -> Published:
    """Publish; where somebody else commits meanwhile, again on top of that, for lines of a table do not conflict."""
    try:
        return publish(publication, _required(token))
    except RaceError:
        if not pauses_s:
            raise
    time.sleep(pauses_s[0])
    return _published(publication, token, pauses_s[1:])


def _user(token: str) -> str:
    """Whose token it is."""
    api = HfApi(token=_required(token))
    answer: Any = patiently(api.whoami, "your account")
    name = answer.get("name") if isinstance(answer, dict) else None
    if not isinstance(name, str) or not name:
        raise HubError("the Hub does not say whose token it is; give the repository's whole name, org/name")
    return name


def _required(token: str) -> str:
    """The token as it is; without one the client would take that of the machine."""
    if not A_TOKEN.fullmatch(token):
        raise HubError("what was given as a token is none; copy it anew from the settings of your account")
    return token


def _described(plan: Plan) -> str:
    """A case's lines in the message of its commit, by which it can be taken back."""
    return "\n".join([f"cases/{plan.name}", *plan.logs])


def _longer(name: str, content: Content, standing: str | None) -> str:
    """A log as it is to stand there: nothing that was shared of it is ever changed, lines are added to it."""
    ours = (content if isinstance(content, bytes) else content.read_bytes()).decode()
    if standing is None or ours.startswith(standing):
        return ours
    if standing.startswith(ours):
        raise HubError(f"the {name} on the Hub has strokes that are not in the log here: share the log that has them")
    raise HubError(
        f"the {name} on the Hub is another log, and logs are never changed: call the reader otherwise, as in "
        "--corrected AB=R2, or take back what was shared"
    )


def _of_log(path: str) -> str:
    """A pattern of a log and of what it comes to, which is deleted where it is not shared any more."""
    folder = path.replace("/corrections", "/corrected").removesuffix(".jsonl")
    return f"{re.escape(path)}|{re.escape(folder)}/.*"
