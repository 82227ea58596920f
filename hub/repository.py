"""One repository of the Hub as publishing needs it: what it holds, its texts, its tags, what arrived."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi, errors
from huggingface_hub.hf_api import RepoFile

from hub.errors import HubError
from octseg.errors import CheckpointError
from octseg.pretrained import Kind, Snapshot, fetch_from, is_repository, patiently
from octseg.pretrained.cache import is_same, told_hash

Content = bytes | Path
BRANCH = "main"
PATHS_AT_ONCE = 200
TAG = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Head:
    """A commit of the repository and the hash of each of its files: sha256, or git's sha1 of smaller ones."""

    commit: str
    hashes: Mapping[str, str]
    private: bool


@dataclass(frozen=True)
class Repository:
    """A repository by its kind and name; `api` holds whose token is used."""

    api: HfApi
    kind: Kind
    name: str

    def head(self, revision: str = BRANCH) -> Head | None:
        """What stands at a revision; None where there is no such repository, or none that the token may see."""
        ask = partial(self.api.repo_info, self.name, repo_type=self.kind, revision=revision, files_metadata=True)
        try:
            info = patiently(ask, self.name)
        except CheckpointError as error:
            missing = isinstance(error.__cause__, errors.RepositoryNotFoundError)
            if missing and not isinstance(error.__cause__, errors.GatedRepoError):
                return None
            raise
        hashes = {}
        for each in getattr(info, "siblings", None) or ():
            digest = told_hash(each)
            if digest is None:
                raise HubError(f"the Hub tells no hash of {each.rfilename} in {self.name}, so nothing is changed there")
            hashes[each.rfilename] = digest
        return Head(str(info.sha), hashes, info.private is True)

    def make(self, *, private: bool, **arguments: Any) -> Head:
        """The first commit of a new repository, or the head of one that somebody made meanwhile."""
        make = partial(
            self.api.create_repo, self.name, repo_type=self.kind, private=private, exist_ok=True, **arguments
        )
        patiently(make, self.name, doing="make")
        head = self.head()
        if head is None:
            raise HubError(f"{self.name} was made, but the Hub does not show it; run the command again in a minute")
        return head

    def text(self, head: Head, name: str) -> str | None:
        """A text file as it is on the Hub, None where there is none; no copy of it stays on this machine."""
        if name not in head.hashes:
            return None
        standing = Snapshot(self.name, self.kind, head.commit, self.name, head.hashes)
        with TemporaryDirectory() as cache:
            path = fetch_from(standing, name, self.api.token, Path(cache))
            return _utf8(path, f"{name} of {self.name}")

    def require_arrived(self, commit: str, sent: Mapping[str, Content]) -> None:
        """HubError where a file of the commit has another hash than what was sent."""
        names = list(sent)
        found: dict[str, str] = {}
        for start in range(0, len(names), PATHS_AT_ONCE):
            some = names[start : start + PATHS_AT_ONCE]
            ask = partial(self.api.get_paths_info, self.name, some, repo_type=self.kind, revision=commit)
            for each in patiently(ask, self.name):
                if isinstance(each, RepoFile):
                    found[each.path] = told_hash(each) or ""
        if left_out := sorted(sent.keys() - found.keys()):
            raise HubError(
                f"{left_out[0]} was left out of commit {commit[:7]}: look for a .gitignore in {self.name} that names it"
            )
        wrong = [name for name, content in sent.items() if not is_same(content, found.get(name))]
        if wrong:
            raise HubError(
                f"{wrong[0]} of {self.name} is not what was sent (commit {commit[:7]}); run the command again"
            )

    def open_pull_requests(self, title: str) -> Iterator[tuple[str, str]]:
        """Revision and address of each with that title."""
        ask = partial(
            self.api.get_repo_discussions,
            self.name,
            repo_type=self.kind,
            discussion_type="pull_request",
            discussion_status="open",
        )
        for each in patiently(lambda: list(ask()), self.name):
            if each.title == title:
                yield f"refs/pr/{each.num}", each.url

    def tagged(self, tag: str) -> str | None:
        """The commit that a tag names; None where there is no such tag."""
        refs = patiently(partial(self.api.list_repo_refs, self.name, repo_type=self.kind), self.name)
        return next((each.target_commit for each in refs.tags if each.name == tag), None)

    def tag(self, tag: str, commit: str) -> None:
        """Name a commit. A tag that names another is not moved: HubError."""
        make = partial(self.api.create_tag, self.name, tag=tag, revision=commit, repo_type=self.kind, exist_ok=True)
        patiently(make, self.name, doing="write to")
        self.require_tag_free(tag, commit)

    def require_tag_free(self, tag: str, commit: str | None = None) -> None:
        """HubError where a tag is there and names another commit than `commit`."""
        target = self.tagged(tag)
        if target not in (None, commit):
            raise HubError(
                f"the tag {tag} of {self.name} names another commit already ({str(target)[:7]}), and tags are not "
                "moved; run the command again with another --tag"
            )

    def url(self, commit: str) -> str:
        """The page of a commit."""
        prefix = "" if self.kind == "model" else f"{self.kind}s/"
        return f"{self.api.endpoint}/{prefix}{self.name}/commit/{commit}"


def _utf8(path: Path, label: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise HubError(f"{label} is no text in UTF-8, so it is not touched; mend it") from None


def require_tag_name(tag: str) -> None:
    """HubError for what cannot name a commit, or would be taken for the branch."""
    if not TAG.fullmatch(tag) or tag == BRANCH or tag.endswith(".lock") or ".." in tag:
        raise HubError(f"{tag!r} is no name for a tag; give one such as v1.0")


def require_name(repository: str) -> None:
    """HubError where it is not org/name."""
    if not is_repository(repository):
        raise HubError(f"{repository} is no name of a repository; give org/name")
