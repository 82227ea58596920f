"""What the loopback Hub keeps on disk: users, tokens, and per repo its blobs, commits and refs.

Below the root: `users.json`, `tokens.json`, `moved.json` and `repos/{models,datasets,spaces}/{namespace}/{name}/` with
`meta.json`, `refs.json` (full ref -> commit), `discussions.json`, `commits/{oid}.json` (each holds its whole tree),
`regular/{git sha1}`, `lfs/{sha256}` and `incoming/`, uploads that nobody has verified yet. Revisions may be a branch, a
tag, a full ref or a commit. Kinds are the words of the API: models, datasets, spaces.
"""

import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

Kind = Literal["models", "datasets", "spaces"]
KINDS: tuple[Kind, ...] = ("models", "datasets", "spaces")
PREFIX: dict[str, str] = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
MAIN = "refs/heads/main"
PIECE_BYTES = 1 << 20
# endings of the .gitattributes that a new repo gets; datasets track sound, pictures and video too
LFS_ENDINGS = """
    *.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx
    *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz
    *.wasm *.xz *.zip *.zst *tfevents*
"""
DATASET_ENDINGS = """
    *.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg *.webp *.mp4
    *.webm
"""


class HubError(Exception):
    """An answer of 4xx with the Hub's headers; `code` is what huggingface_hub chooses its exception by."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers


class Moved(Exception):  # noqa: N818 - an answer, not an error
    """The repo has another name now."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(new)
        self.old, self.new = old, new


@dataclass(frozen=True)
class User:
    """`orgs`: name of the organisation -> role of the user in it."""

    name: str
    orgs: dict[str, str]

    @property
    def email(self) -> str:
        return f"{self.name}@hub.test"


@dataclass(frozen=True)
class Token:
    """`scopes` is None for a token of the user's own settings, else those that the user gave to the app `client`.

    It works until `until`, in seconds of time.time, or for ever.
    """

    user: str
    role: str
    scopes: tuple[str, ...] | None = None
    client: str | None = None
    until: float | None = None


@dataclass(frozen=True)
class Entry:
    """A file of a commit: git sha1 of its blob (for LFS of the pointer), bytes of the file, sha256 where it is LFS."""

    oid: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Commit:
    oid: str
    parents: list[str]
    title: str
    message: str
    author: str
    date: str
    files: dict[str, Entry]


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def lfs_line(pattern: str) -> str:
    return f"{pattern.replace(' ', '[[:space:]]')} filter=lfs diff=lfs merge=lfs -text\n"


def write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.write_bytes(content)
    draft.replace(path)


def read_json(path: Path, default: Any) -> Any:
    return json.loads(path.read_bytes()) if path.is_file() else default


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value).encode())


class Repo:
    """One repo on disk. `kind` and `name` ("namespace/name") are where it lies."""

    def __init__(self, folder: Path, kind: Kind, name: str, lock: threading.RLock) -> None:
        self.folder, self.kind, self.name, self.lock = folder, kind, name, lock

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def web(self) -> str:
        """Its path on the site, without a slash at the front."""
        return PREFIX[self.kind] + self.name

    @property
    def meta(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.folder / "meta.json", {})
        return found

    def change(self, **values: Any) -> None:
        with self.lock:
            write_json(self.folder / "meta.json", self.meta | values)

    @property
    def refs(self) -> dict[str, str]:
        found: dict[str, str] = read_json(self.folder / "refs.json", {})
        return found

    def set_ref(self, ref: str, oid: str | None) -> None:
        """Point `ref` at a commit, or delete it with None."""
        with self.lock:
            refs = self.refs | ({ref: oid} if oid else {})
            if oid is None:
                refs.pop(ref, None)
            write_json(self.folder / "refs.json", refs)

    def branch(self, revision: str) -> str | None:
        """The full ref that commits to `revision` go to; None where it is no branch and no pull request."""
        refs = self.refs
        names = (revision, f"refs/heads/{revision}")
        return next((name for name in names if name in refs and not name.startswith("refs/tags/")), None)

    def resolve(self, revision: str) -> str:
        """Revision to commit. Raises HubError RevisionNotFound."""
        refs = self.refs
        for name in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if name in refs:
                return refs[name]
        if len(revision) >= 7 and all(digit in "0123456789abcdef" for digit in revision):
            found = list((self.folder / "commits").glob(f"{revision}*.json"))
            if len(found) == 1:
                return found[0].stem
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def commit(self, oid: str) -> Commit:
        told = read_json(self.folder / "commits" / f"{oid}.json", None)
        return Commit(**told | {"files": {path: Entry(**entry) for path, entry in told["files"].items()}})

    def history(self, oid: str) -> list[Commit]:
        """Newest first, along the first parent."""
        commits = [self.commit(oid)]
        while commits[-1].parents:
            commits.append(self.commit(commits[-1].parents[0]))
        return commits

    def ancestors(self, oid: str) -> list[str]:
        """`oid` and all commits below it, nearest first."""
        seen = [oid]
        for each in seen:
            seen.extend(parent for parent in self.commit(each).parents if parent not in seen)
        return seen

    def add(self, files: dict[str, Entry], parents: list[str], title: str, message: str, author: str) -> str:
        """Write a commit, to which no ref points yet."""
        commit = Commit("", parents, title, message, author, now(), dict(sorted(files.items())))
        oid = hashlib.sha1(json.dumps([asdict(commit), secrets.token_hex(8)]).encode()).hexdigest()
        write_json(self.folder / "commits" / f"{oid}.json", asdict(commit) | {"oid": oid})
        return oid

    @property
    def discussions(self) -> list[dict[str, Any]]:
        """In the order of their numbers, which start at 1."""
        found: list[dict[str, Any]] = read_json(self.folder / "discussions.json", [])
        return found

    def discussion(self, number: int) -> dict[str, Any]:
        talks = self.discussions
        if not 0 < number <= len(talks):
            raise HubError(404, f"Discussion {number} does not exist")
        return talks[number - 1]

    def keep_discussion(self, talk: dict[str, Any]) -> None:
        with self.lock:
            talks = self.discussions
            talks[talk["num"] - 1 : talk["num"]] = [talk]
            write_json(self.folder / "discussions.json", talks)

    def lfs_file(self, sha256: str) -> Path:
        return self.folder / "lfs" / sha256

    def file(self, entry: Entry) -> Path:
        return self.folder / "regular" / entry.oid if entry.sha256 is None else self.lfs_file(entry.sha256)

    def put(self, content: bytes) -> Entry:
        """Keep a regular file."""
        entry = Entry(git_sha1(content), len(content))
        if not self.file(entry).is_file():
            write_atomically(self.file(entry), content)
        return entry

    def lfs_entry(self, sha256: str) -> Entry:
        """The LFS object as a file of a commit. Raises HubError where it was never uploaded."""
        path = self.lfs_file(sha256)
        if not path.is_file():
            raise HubError(400, f"LFS object {sha256} does not exist: upload it before the commit")
        size = path.stat().st_size
        return Entry(git_sha1(lfs_pointer(sha256, size)), size, sha256)

    def take(self, draft: Path, sha256: str, size: int | None = None) -> None:
        """Move an upload among the LFS objects. Raises HubError where its bytes are others than said."""
        found = sha256_of(draft)
        if found != sha256 or size not in (None, draft.stat().st_size):
            draft.unlink()
            raise HubError(422, f"The upload has sha256 {found}, which is not {sha256}: object refused")
        self.lfs_file(sha256).parent.mkdir(exist_ok=True)
        draft.replace(self.lfs_file(sha256))

    def put_lfs(self, content: bytes) -> Entry:
        sha256 = hashlib.sha256(content).hexdigest()
        write_atomically(self.lfs_file(sha256), content)
        return self.lfs_entry(sha256)

    def read(self, entry: Entry) -> bytes:
        return self.file(entry).read_bytes()

    def text(self, commit: Commit, path: str) -> str:
        """A regular file of a commit, "" where it is not there."""
        entry = commit.files.get(path)
        return "" if entry is None else self.read(entry).decode(errors="replace")

    def tracked(self, files: dict[str, Entry], path: str) -> bool:
        """Whether .gitattributes of `files` sends `path` to LFS."""
        entry = files.get(".gitattributes")
        for line in "" if entry is None else self.read(entry).decode(errors="replace").splitlines():
            pattern, *attributes = line.replace("[[:space:]]", " ").rsplit(" ", 4)
            against = path if "/" in pattern else path.rpartition("/")[2]
            if "filter=lfs" in attributes and fnmatchcase(against, pattern.lstrip("/")):
                return True
        return False

    def track(self, files: dict[str, Entry], paths: Iterable[str]) -> None:
        """Add to .gitattributes those of `paths` that no line of it covers yet, as the Hub does."""
        lines = "".join(lfs_line(path) for path in paths if not self.tracked(files, path))
        if lines:
            entry = files.get(".gitattributes")
            files[".gitattributes"] = self.put((b"" if entry is None else self.read(entry)) + lines.encode())


@dataclass
class HubState:
    """All repos, users and tokens below `root`. Whoever reads and then writes holds `lock` meanwhile."""

    root: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    job_stage: str = "RUNNING"

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)

    def add_user(self, name: str, orgs: dict[str, str]) -> User:
        with self.lock:
            users = read_json(self.root / "users.json", {})
            users[name] = orgs
            write_json(self.root / "users.json", users)
        return User(name, orgs)

    def user(self, name: str) -> User | None:
        orgs = read_json(self.root / "users.json", {}).get(name)
        return None if orgs is None else User(name, orgs)

    def add_token(self, token: Token) -> str:
        text = f"hf_{'oauth_' if token.client else ''}{secrets.token_hex(17)}"
        with self.lock:
            tokens = read_json(self.root / "tokens.json", {})
            tokens[text] = asdict(token)
            write_json(self.root / "tokens.json", tokens)
        return text

    def revoke(self, text: str) -> None:
        with self.lock:
            tokens = read_json(self.root / "tokens.json", {})
            tokens.pop(text, None)
            write_json(self.root / "tokens.json", tokens)

    def token(self, text: str) -> Token | None:
        told = read_json(self.root / "tokens.json", {}).get(text)
        return None if told is None else Token(**told | {"scopes": told["scopes"] and tuple(told["scopes"])})

    def _repo(self, kind: Kind, name: str) -> Repo:
        return Repo(self.root / "repos" / kind / name, kind, name, self.lock)

    def find(self, kind: Kind, name: str) -> Repo | None:
        repo = self._repo(kind, name)
        return repo if (repo.folder / "meta.json").is_file() else None

    def repo(self, kind: Kind, name: str) -> Repo:
        found = self.find(kind, name)
        if found is None:
            raise LookupError(f"the hub has no {kind} {name}")
        return found

    def moved(self, kind: Kind, name: str) -> str | None:
        found: str | None = read_json(self.root / "moved.json", {}).get(f"{kind}/{name}")
        return found

    def repos(self, kind: Kind) -> list[Repo]:
        found = sorted((self.root / "repos" / kind).glob("*/*/meta.json"))
        return [self._repo(kind, "/".join(path.parts[-3:-1])) for path in found]

    def create(self, kind: Kind, name: str, author: str, **meta: Any) -> Repo:
        """A new repo with the first commit that the Hub makes: .gitattributes, and the card of a Space."""
        repo = self._repo(kind, name)
        with self.lock:
            defaults = {"visibility": "public", "gated": False, "granted": [], "created": now(), "author": author}
            write_json(repo.folder / "meta.json", defaults | meta)
            endings = (LFS_ENDINGS + (DATASET_ENDINGS if kind == "datasets" else "")).split()
            files = {".gitattributes": repo.put("".join(map(lfs_line, endings)).encode())}
            if kind == "spaces":
                title, sdk = name.partition("/")[2], meta.get("sdk") or "static"
                files["README.md"] = repo.put(f"---\ntitle: {title}\nsdk: {sdk}\npinned: false\n---\n".encode())
            repo.set_ref(MAIN, repo.add(files, [], "initial commit", "", author))
        return repo

    def delete(self, repo: Repo) -> None:
        with self.lock:
            shutil.rmtree(repo.folder)

    def move(self, repo: Repo, name: str) -> None:
        with self.lock:
            target = self._repo(repo.kind, name)
            target.folder.parent.mkdir(parents=True, exist_ok=True)
            os.replace(repo.folder, target.folder)  # noqa: PTH105 - of a folder
            moved = read_json(self.root / "moved.json", {}) | {f"{repo.kind}/{repo.name}": name}
            write_json(self.root / "moved.json", moved)
