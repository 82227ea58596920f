"""What becomes of each fault on the way from and to the Hub: `python -m tests.benchmarks.report_hub_faults`.

The stock client and ours meet the same fault of the loopback Hub, each in a process and a cache of its own. Prints a
Markdown table for each direction, and how many requests a cold, a warm and a pinned load make.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octseg.pretrained import BUNDLED, from_pretrained
from tests.fakes.hub.client import environment
from tests.fakes.hub.process import in_client
from tests.fakes.hub.server import HubServer

NAME = "lab/net"
FILES = {name: (BUNDLED / name).read_bytes() for name in ("config.json", "model.safetensors", "README.md")}
CHANGED = FILES | {"config.json": FILES["config.json"] + b"\n"}
STORAGE = r"GET /(?!api|lab/).*"
FILES_HEAD = r"HEAD /lab/net/resolve/.*"
WEIGHTS_SHA256 = hashlib.sha256(FILES["model.safetensors"]).hexdigest()


@dataclass(frozen=True)
class Case:
    """A fault: `before` brings the Hub and the cache at `home` to it."""

    event: str
    before: Callable[[HubServer, Path, Callable[[], object]], None]


def stock_download() -> str:
    from huggingface_hub import hf_hub_download

    paths = [hf_hub_download(NAME, name) for name in ("config.json", "model.safetensors")]
    if hashlib.sha256(Path(paths[1]).read_bytes()).hexdigest() != WEIGHTS_SHA256:
        return "WRONG BYTES, without a word"
    return "right" if len({Path(path).parent for path in paths}) == 1 else "FILES OF TWO COMMITS"


def our_download() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = from_pretrained(NAME, backend="torch")
    return "right, the last good commit, with a warning" if model.notice else "right"


def stock_upload() -> str:
    from huggingface_hub import HfApi

    HfApi().upload_folder(repo_id=NAME, folder_path=os.environ["FOLDER"], commit_message="Publish")
    return "done"


def our_upload() -> str:
    from hub.model import push_model

    return "done" if push_model(Path(os.environ["FOLDER"]), NAME).changed else "done, no commit"


def fails(match: str, kind: Any, **how: Any) -> Callable[[HubServer, Path, Callable[[], object]], None]:
    return lambda hub, _home, _first: (hub.fail(match, kind, **how), None)[1]


def down(hub: HubServer, _home: Path, first: Callable[[], object]) -> None:
    first()
    hub.stop()


def cached_then_refused(hub: HubServer, _home: Path, first: Callable[[], object]) -> None:
    first()
    hub.fail(FILES_HEAD, "status", times=99)


def half_moved(hub: HubServer, _home: Path, first: Callable[[], object]) -> None:
    """The first commit is whole in the cache; of the second only config.json comes before storage goes down."""
    first()
    weights = FILES["model.safetensors"][:-2] + b"\0\0"
    hub.put_commit("model", NAME, CHANGED | {"model.safetensors": weights}, lfs=("model.safetensors",))
    hub.fail(r"(HEAD|GET) /lab/net/resolve/.*model.safetensors", "status", times=99)


def moved_by_a_miss(hub: HubServer, home: Path, first: Callable[[], object]) -> None:
    """The first commit is whole in the cache; of the second only a file is looked for that it lacks."""
    first()
    hub.put_commit("model", NAME, CHANGED, lfs=("model.safetensors",))
    in_client(hub, home, look_for_what_is_missing)
    hub.stop()


def look_for_what_is_missing() -> None:
    from huggingface_hub import errors, hf_hub_download

    with suppress(errors.EntryNotFoundError):
        hf_hub_download(NAME, "missing.json")


def killed(hub: HubServer, home: Path, _first: Callable[[], object]) -> None:
    """kill -9 as the weights arrive, two hours ago."""
    waiting = hub.fail(STORAGE, "delay", seconds=60.0)
    code = f"from huggingface_hub import hf_hub_download; hf_hub_download({NAME!r}, 'model.safetensors')"
    home.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", code], env=environment(hub, home)) as client:
        while not waiting.met:
            time.sleep(0.05)
        client.kill()
    hub.clear_faults()
    for part in home.rglob("*.incomplete"):
        os.utime(part, (0, time.time() - 2 * 3600))


def damaged(_hub: HubServer, home: Path, first: Callable[[], object]) -> None:
    first()
    blob = next(home.rglob("snapshots/*/model.safetensors")).resolve()
    content = bytearray(blob.read_bytes())
    content[1_000_000] ^= 1
    blob.write_bytes(content)


DOWNLOADS = (
    Case("nothing", lambda *_: None),
    Case("body cut off, twice", fails(STORAGE, "cut", times=2)),
    Case("one byte flipped on the way", fails(STORAGE, "flip")),
    Case("one byte flipped in the cache", damaged),
    Case("storage answers 503 once", fails(STORAGE, "status")),
    Case("429 with Retry-After", fails(r"(HEAD|GET) /(api/models/)?lab/net", "status", code=429, retry_after="1")),
    Case("the Hub is down, the model is in the cache", down),
    Case("a new commit arrives in part, then storage fails", half_moved),
    Case("of a new commit a missing file was looked for, then the Hub is down", moved_by_a_miss),
    Case("the Hub answers 503 for each file, nothing is in the cache", fails(FILES_HEAD, "status", times=99)),
    Case("the Hub answers 503 for each file, the model is in the cache", cached_then_refused),
    Case("kill -9 as the weights arrived before", killed),
)
UPLOADS = (
    Case("nothing", lambda *_: None),
    Case("the same again", lambda _hub, _home, first: (first(), None)[1]),
    Case("storage answers 503 once", fails(r"PUT /", "status")),
    Case("one byte flipped on the way", fails(r"PUT /", "flip")),
    Case("preupload dropped", fails(r"POST /api/models/lab/net/preupload", "drop")),
    Case("the commit answers 503 once", fails(r"POST /api/models/lab/net/commit", "status")),
    Case("the commit is made, its answer lost", fails(r"POST /api/models/lab/net/commit", "drop", after=True)),
    Case("a README is there, written by hand", lambda hub, _home, _first: by_hand(hub)),
)


def by_hand(hub: HubServer) -> None:
    hub.put_commit("model", NAME, {"README.md": b"---\nlicense: mit\n---\nAsk Ada.\n"})


def outcome(case: Case, act: Callable[[], str], *, upload: bool) -> str:
    """What `act` comes to in a new cache, on a new Hub."""
    with tempfile.TemporaryDirectory() as folder, HubServer(Path(folder) / "hub") as hub:
        home = Path(folder) / "home"
        token = hub.add_user("ada", orgs=("lab",))
        hub.create_repo("model", NAME)
        if not upload:
            hub.put_commit("model", NAME, FILES, lfs=("model.safetensors",))
        run = shutil.copytree(BUNDLED, Path(folder) / "run")
        call = lambda: in_client(hub, home, act, token=token, FOLDER=str(run))  # noqa: E731
        case.before(hub, home, call)
        began = time.monotonic()
        try:
            said = call()
        except Exception as error:
            said = f"error: {type(error).__name__}"
        seconds = time.monotonic() - began
        if "kill" in case.event:
            said += f", {len(list(home.rglob('*.incomplete')))} part(s) left over"
        if upload and not said.startswith("error"):
            said += f", {_commits(hub)} commit(s)"
            if "hand" in case.event:
                said += ", text kept" if b"Ask Ada" in hub.files("model", NAME)["README.md"] else ", TEXT LOST"
        return f"{said} ({seconds:.0f} s)"


def _commits(hub: HubServer) -> int:
    return sum(title.startswith("Publish") for title in hub.commits("model", NAME))


def loads() -> list[str]:
    with tempfile.TemporaryDirectory() as folder, HubServer(Path(folder) / "hub") as hub:
        hub.add_user("ada", orgs=("lab",))
        hub.create_repo("model", NAME)
        commit = hub.put_commit("model", NAME, FILES, lfs=("model.safetensors",))
        lines = []
        for label, name in (("cold", NAME), ("warm", NAME), ("pinned, warm", f"{NAME}@{commit}")):
            hub.clear_requests()
            in_client(hub, Path(folder) / "home", load, name)
            lines.append(f"| {label} | {len(hub.requests)} |")
        return lines


def load(name: str) -> None:
    from_pretrained(name, backend="torch")


def main() -> None:
    for title, cases, stock, ours in (
        ("download", DOWNLOADS, stock_download, our_download),
        ("upload", UPLOADS, stock_upload, our_upload),
    ):
        print(f"| {title}: what happens | stock client | octseg |\n| --- | --- | --- |", flush=True)
        for case in cases:
            told = [outcome(case, act, upload=title == "upload") for act in (stock, ours)]
            print(f"| {case.event} | {' | '.join(told)} |", flush=True)
        print()
    print("\n".join(["| load | requests |", "| --- | --- |", *loads()]))


if __name__ == "__main__":
    main()
