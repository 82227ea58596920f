"""The folder of a cohort: what lies where in it, what is done, and what a case has been through.

cohort_run.json        the model and the options that all results here are made with
cases/NAME             the results of a case, whole, with manifest.json
cases/NAME.partial     those that are being made, or were when something was ended
failed/NAME.json       why a case has no results
claims/NAME.lock       held by who works at a case; claims/NAME.json: what it has been through; gone when it is done
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, BinaryIO

from octseg.cohort.cases import Case, Look, content_of
from octseg.errors import HeldError, OctsegError
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.journal import JOURNAL_NAME
from octseg.export.locking import UNLOCKED, cannot_lock, open_held, take_away

RUN_NAME, MANIFEST_NAME = "cohort_run.json", "manifest.json"
CASES, FAILED, CLAIMS = "cases", "failed", "claims"
PARTIAL, OLD = ".partial", ".old"
MANIFEST_VERSION = 1
COMES_BACK = "bring its disk back, and the same command goes on"
WORDS = {
    "model": "another model",
    "octseg": "another version of octseg",
    "device": "another device",
    "backend": "another backend",
    "precision": "another precision",
    "flags": "other options",
}


@dataclass
class Past:
    """What a case has been through without being done.

    key: a sum of what it was made with. open: whether somebody began and did not say how it ended. crashes: of
    workers by its fault. lost: ends that left no trace, since there were `frames` done. last: how it ended last.
    """

    key: str = ""
    open: bool = False
    crashes: int = 0
    lost: int = 0
    frames: int = 0
    last: str = ""


class CohortFolder:
    """The folder of a cohort, in which all workers agree on one run.

    is_there: it is not made. A worker that is started while its disk is away would make another in its place.
    """

    def __init__(self, root: Path, *, is_there: bool = False) -> None:
        self.root = root
        self.run: dict[str, Any] = {}
        if is_there:
            if not (root / CLAIMS).is_dir():
                raise OctsegError(f"{root} is not there any more; {COMES_BACK}")
            return
        with told_in_one_sentence(f"the folder {root.name}"):
            for name in (CASES, FAILED, CLAIMS):
                (root / name).mkdir(parents=True, exist_ok=True)

    def agree(self, run: Mapping[str, Any]) -> None:
        """Make it the folder of a run, or see that it is; OctsegError where it is another's."""
        path = self.root / RUN_NAME
        mine = json.loads(json.dumps(run))
        with told_in_one_sentence(RUN_NAME), _waited_for(self.root / CLAIMS / "agreeing"):
            there = _json_at(path)
            if there is None:
                write_file(path, (json.dumps(mine, indent=1) + "\n").encode())
        if there is not None and there != mine:
            differ = [word for name, word in WORDS.items() if there.get(name) != mine.get(name)]
            raise OctsegError(
                f"{self.root} holds results of {' and '.join(differ) or 'another run'}, not to be mixed with these: "
                "choose another --out; `octseg cohort compare` tells two of them apart"
            )
        self.run = mine

    def agreed(self) -> dict[str, Any]:
        """The run that it is the folder of."""
        return _json_at(self.root / RUN_NAME) or {}

    def key(self, case: Case, look: Look) -> dict[str, Any]:
        """What the results of a case depend on."""
        return {"run": self.run, "asked": case.asked, "stat_sum": look.stat_sum}

    def results(self, case: Case) -> Path:
        """Of a case that is done."""
        return self.root / CASES / case.name

    def partial(self, case: Case) -> Path:
        """Of a case that is under way."""
        return self.root / CASES / f"{case.name}{PARTIAL}"

    def manifest(self, case: Case) -> dict[str, Any] | None:
        """Of a case that is done; None where none is."""
        return _json_at(self.results(case) / MANIFEST_NAME)

    def failure(self, case: Case) -> dict[str, Any] | None:
        """Why it has no results; None where nothing is known of it."""
        return _json_at(self.root / FAILED / f"{case.name}.json")

    def is_done(self, case: Case, look: Look) -> bool:
        """Whether its results are there, made of this input with these options."""
        return self._is_of(self.manifest(case), case, look)

    def has_failed(self, case: Case, look: Look) -> bool:
        """Whether it was tried with this input and these options, and cannot be done."""
        return self._is_of(self.failure(case), case, look)

    def is_made_with(self, record: Mapping[str, Any], case: Case) -> bool:
        """Whether a manifest is of this run and of what is asked for of the case."""
        return record.get("asked") == case.asked and record.get("run") == self.run

    def _is_of(self, record: Mapping[str, Any] | None, case: Case, look: Look) -> bool:
        if record is None or not self.is_made_with(record, case):
            return False
        told = record.get("inputs", {})
        if told.get("stat_sum") == look.stat_sum:
            return True
        try:  # copied, or on another machine: the same where its content is
            return bool(look.files) and {**told, "stat_sum": ""} == {**content_of(look.files), "stat_sum": ""}
        except OSError:
            return False

    def fail(self, case: Case, look: Look, reason: str, *, quarantined: bool = False) -> None:
        """Note why a case cannot be done; what there is of it goes."""
        record = {
            **self._about(case),
            "inputs": {"stat_sum": look.stat_sum, **_content(look)},
            "reason": reason,
            "quarantined": quarantined,
        }
        write_file(self.root / FAILED / f"{case.name}.json", (json.dumps(record, indent=1) + "\n").encode())
        with told_in_one_sentence(case.name):
            for path in (self.partial(case), self.results(case)):
                if path.exists():
                    rmtree(path)
        self._past_path(case).unlink(missing_ok=True)

    def write_manifest(self, case: Case, look: Look, failures: list[str]) -> None:
        """Into the partial folder of a case whose results are all there."""
        folder = self.partial(case)
        with told_in_one_sentence(MANIFEST_NAME):
            files = {
                path.relative_to(folder).as_posix(): content_of_file(path)
                for path in sorted(folder.rglob("*"))
                if path.is_file() and path.name != MANIFEST_NAME
            }
            record = {
                **self._about(case),
                "inputs": {"stat_sum": look.stat_sum, **content_of(look.files)},
                "failures": failures,
                "files": files,
            }
            write_file(folder / MANIFEST_NAME, (json.dumps(record, indent=1) + "\n").encode())

    def is_whole(self, case: Case, look: Look) -> bool:
        """Whether the partial folder lacks nothing but its name."""
        return self._is_of(_json_at(self.partial(case) / MANIFEST_NAME), case, look)

    def put_in_place(self, case: Case) -> None:
        """Rename the partial folder; older results of the case go when the new ones are there."""
        results = self.results(case)
        old = results.with_name(f"{case.name}{OLD}")
        with told_in_one_sentence(case.name):
            if results.exists():
                rmtree(old, ignore_errors=True)
                results.rename(old)
            self.partial(case).rename(results)
            rmtree(old, ignore_errors=True)
            (self.root / FAILED / f"{case.name}.json").unlink(missing_ok=True)
            self._past_path(case).unlink(missing_ok=True)

    def past(self, case: Case, look: Look) -> Past:
        """What it has been through with this input and these options; what is of others is cleared away."""
        key = hashlib.sha256(json.dumps(self.key(case, look), sort_keys=True).encode()).hexdigest()
        told = _json_at(self._past_path(case)) or {}
        past = Past(**told) if set(told) == set(asdict(Past())) else Past()
        if past.key != key:
            with told_in_one_sentence(case.name):
                if self.partial(case).exists():
                    rmtree(self.partial(case))
            past = Past(key=key)
        return past

    def note(self, case: Case, past: Past) -> None:
        """Keep what it has been through."""
        write_file(self._past_path(case), json.dumps(asdict(past)).encode())

    def begin_partial(self, case: Case) -> None:
        """Make the partial folder of a case, where it is to be one of the cohort's; it is not whole any more."""
        try:
            self.partial(case).mkdir(exist_ok=True)
            (self.partial(case) / MANIFEST_NAME).unlink(missing_ok=True)
        except FileNotFoundError as error:
            raise OctsegError(f"{self.root} is not there any more; {COMES_BACK}") from error
        except OSError as error:
            with told_in_one_sentence(case.name):
                raise error

    def frames_done(self, case: Case) -> int:
        """How many frames of a case that is under way are done."""
        try:
            return max(0, (self.partial(case) / JOURNAL_NAME).read_bytes().count(b"\n") - 1)
        except OSError:
            return 0

    def size_of_journal(self, case: Case) -> int:
        """Grows with each frame that is done; 0 before the first."""
        try:
            return (self.partial(case) / JOURNAL_NAME).stat().st_size
        except OSError:
            return 0

    def claim(self, case: Case) -> "Claim | None":
        """Take a case; None where somebody has it."""
        path = self.root / CLAIMS / f"{case.name}.lock"
        try:
            with told_in_one_sentence(path.name):
                file = _held(path, "working at it")
        except HeldError:
            return None
        return Claim(path, file)

    def _past_path(self, case: Case) -> Path:
        return self.root / CLAIMS / f"{case.name}.json"

    def _about(self, case: Case) -> dict[str, Any]:
        return {"manifest": MANIFEST_VERSION, "case": case.id, "run": self.run, "asked": case.asked}


@dataclass
class Claim:
    """A case that is held, until it is released or this process ends, however it does."""

    path: Path
    file: BinaryIO

    def release(self) -> None:
        """Let others have it."""
        take_away(self.path, self.file)


def _waited_for(path: Path) -> BinaryIO:
    """Held as soon as it can be, of what is held for an instant."""
    while True:
        with suppress(HeldError):
            return _held(path, "beginning")
        time.sleep(0.05)


def _held(path: Path, what: str) -> BinaryIO:
    """A file that this process alone has; OctsegError where its disk cannot tell, unless that is answered for."""
    file, cause = open_held(path, what)
    if cause is not None and os.environ.get(UNLOCKED) != "1":
        file.close()
        raise OctsegError(
            f"{cannot_lock(path.parent.parent, cause)}; choose an --out on another disk, or set {UNLOCKED}=1 and see "
            "to it yourself that there is one `octseg cohort` alone"
        )
    return file


def _content(look: Look) -> dict[str, Any]:
    """Of an input that may not be readable."""
    try:
        return content_of(look.files)
    except OSError:
        return {}


def content_of_file(path: Path) -> dict[str, Any]:
    """Bytes and hash of one file."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _json_at(path: Path) -> dict[str, Any] | None:
    """What a file holds; None where there is none, or none that is whole."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return None
    except OSError as error:
        if error.errno is None:
            raise
        with told_in_one_sentence(path.name):
            raise
    return content if isinstance(content, dict) else None
