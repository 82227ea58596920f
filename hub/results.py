"""Results in a dataset repository: where they go, who sees them, how they are taken back.

Every function that asks the Hub takes a token and uses no other: on a server that is the visitor's, never the host's.
The page shares through `offer`, `send`, `take_back` and `stored_token`.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import GitCommitInfo, HfApi, get_token

from hub.cards.results import METADATA, card, with_row, without_row
from hub.cases import ID_DIGITS, Plan, plan
from hub.client import CARD, How, Publication, Published, publish
from hub.errors import HubError, RaceError
from hub.predicted import page_case
from hub.repository import BRANCH, Repository, require_name
from octseg.pretrained import patiently

DEFAULT_NAME = "octseg-results"
SHARED = re.compile(rf"Share (result [0-9a-f]{{{ID_DIGITS}}}|\d+ results)( \(#\d+\))?")  # a commit; one merged has (#1)
CASE = re.compile(rf"\bcases/([0-9a-f]{{{ID_DIGITS}}})\b")
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
    planned = plan(page_case(folder, attribution))
    where = place(repository or f"{_user(token)}/{DEFAULT_NAME}", token)
    require_private_or_agreed(where, public=public)
    return Offer(where.repository, where.sentence(public=public), not where.is_public(public=public), planned.sizes)


def send(folder: Path, repository: str, token: str, *, public: bool, attribution: str) -> Published:
    """Share the frame whose files the page keeps in `folder`."""
    planned = plan(page_case(folder, attribution))
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
    publication = Publication(
        kind="dataset",
        repository=where.repository,
        files={CARD: card().encode(), **{name: content for each in plans for name, content in each.files.items()}},
        laid={METADATA: _in_turn([with_row(each.row) for each in plans])},
        summary=f"Share {several}",
        description="\n".join(f"cases/{each.name}" for each in plans),
        how=How(private=not public, create_pr=create_pr),
    )
    return _published(publication, token)


def take_back(commit: str, repository: str, token: str) -> Published:
    """Take the cases that a commit shared out again, in a new commit. The repository's history still holds them.

    A case that was shared again after that commit stays.

    commit: its hash, or the link to it.
    """
    require_name(repository)
    commit = re.split(r"[?#]", commit.strip())[0].rstrip("/").rpartition("/")[2]
    if not COMMIT.fullmatch(commit):
        raise HubError(f"{commit} is no commit; give its hash, or the link that was shown when it was made")
    until = _history(repository, commit, token)
    shared = _cases(until[:1])
    if not shared:
        raise HubError(f"commit {commit[:7]} of {repository} shared no result, so there is nothing to take back")
    older = {each.commit_id for each in until}
    again = _cases([each for each in _history(repository, BRANCH, token) if each.commit_id not in older])
    cases = [case for case in shared if case not in again]
    if not cases:
        newer = next(iter(again[case] for case in shared))
        raise HubError(
            f"what commit {commit[:7]} of {repository} shared was shared again by commit {newer[:7]}; take that back"
        )
    publication = Publication(
        kind="dataset",
        repository=repository,
        files={},
        laid={METADATA: _in_turn([without_row(case) for case in cases])},
        owned=re.compile(rf"cases/({'|'.join(cases)})/.*"),
        summary=f"Take back {len(cases)} results" if len(cases) > 1 else f"Take back result {cases[0]}",
    )
    return _published(publication, token)


def _history(repository: str, revision: str, token: str) -> list[GitCommitInfo]:
    """A revision's commit and all before it, newest first."""
    api = HfApi(token=_required(token))
    ask = partial(api.list_repo_commits, repository, repo_type="dataset", revision=revision)
    return patiently(ask, f"{repository}@{revision}")


def _cases(commits: Sequence[GitCommitInfo]) -> dict[str, str]:
    """The cases that commits of ours shared, each with the newest commit that did."""
    ours = [each for each in commits if SHARED.fullmatch(each.title)]
    return {case: each.commit_id for each in reversed(ours) for case in CASE.findall(each.message)}


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


def _in_turn(steps: Sequence[Callable[[str | None], str]]) -> Callable[[str | None], str]:
    """All steps one after the other, each on what the one before it made."""

    def lay(standing: str | None) -> str:
        for step in steps:
            standing = step(standing)
        return standing or ""

    return lay
