"""What a run has done, a line a frame, so that the same command goes on where it was ended.

The journal lies in the folder of the results for as long as the run is unfinished, and is locked by the run that works
there. Its first line says of what run it is; each other one that a frame's files are in place, and holds what the
tables need of it. No name, path or date is in it that measures.json has not.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from octseg.export.files import told_in_one_sentence
from octseg.export.locking import open_held, take_away

JOURNAL_NAME = "unfinished.jsonl"
Line: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[int, int]  # of a pullback: which input it is of, and which of those in that input
WORDS = {
    "inputs": "for other inputs, or these have changed",
    "content": "for other inputs, or these have changed",
    "flags": "with other flags",
    "model": "with another model",
    "octseg": "with another version of octseg",
    "device": "on another device",
    "backend": "with another backend",
    "precision": "in another precision",
}


class Journal:
    """The open journal of a folder: made when there is none, and held until it is closed.

    cannot_lock: why its disk cannot lock files, where it cannot. A line of a frame has the keys `of` (its pullback's),
    `files` (name -> bytes of each file of the frame), and what else is given.
    """

    def __init__(self, folder: Path) -> None:
        """Raises HeldError where another run holds the folder."""
        self._folder, self._path = folder, folder / JOURNAL_NAME
        self._places: dict[Key, list[tuple[int, int]]] = {}
        self._end = 0  # bytes that are whole
        with told_in_one_sentence(JOURNAL_NAME):
            self._file, self.cannot_lock = open_held(self._path, f"writing into {folder.name}")

    def begin(self, head: Mapping[str, Any]) -> tuple[str, Iterator[Line]]:
        """What is kept of an earlier run: the frames that are done, in order; or why nothing is, "" for none there was.

        The lines are to be read to their end before anything is added.
        """
        with told_in_one_sentence(JOURNAL_NAME), self._path.open("rb") as file:
            first = file.readline()
        earlier = _parsed(first)
        if earlier is None or earlier != json.loads(json.dumps(head)):
            self._cut(0)
            self._add({**head})
            return ("" if earlier is None else _other(earlier, head)), iter(())
        self._end = len(first)
        return "", self._kept()

    def add(self, line: Line) -> Line:
        """Add a frame whose files are in place; the line as it will be read again."""
        key = _key(line)
        self._places.setdefault(key, []).append((self._end, self._add(line)))
        return line

    def count(self, key: Key) -> int:
        """How many frames of a pullback are done."""
        return len(self._places.get(key, ()))

    def lines(self, key: Key) -> Iterator[Line]:
        """Of the frames of a pullback that are done, in order."""
        for place, size in self._places.get(key, ()):
            with told_in_one_sentence(JOURNAL_NAME), self._path.open("rb") as file:
                file.seek(place)
                content = file.read(size)
            yield json.loads(content)

    def close(self, *, finished: bool) -> None:
        """Let the folder go; a finished run leaves no journal."""
        if finished:
            take_away(self._path, self._file)
        self._file.close()

    def _kept(self) -> Iterator[Line]:
        """Lines until one is cut off, or a file of its frame is not there any more; what comes behind is cut off."""
        with told_in_one_sentence(JOURNAL_NAME), self._path.open("rb") as file:
            file.seek(self._end)
            for content in file:
                line = _parsed(content)
                if line is None or not self._in_place(line):
                    break
                self._places.setdefault(_key(line), []).append((self._end, len(content)))
                self._end += len(content)
                yield line
        self._cut(self._end)

    def _in_place(self, line: Line) -> bool:
        try:
            return all((self._folder / name).stat().st_size == size for name, size in line["files"].items())
        except OSError:
            return False

    def _add(self, line: Line) -> int:
        content = json.dumps(line, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        rest = memoryview(content)
        try:
            with told_in_one_sentence(JOURNAL_NAME):
                while rest:
                    rest = rest[self._file.write(rest) :]
        except BaseException:
            self._cut(self._end)
            raise
        self._end += len(content)
        return len(content)

    def _cut(self, size: int) -> None:
        with told_in_one_sentence(JOURNAL_NAME):
            self._file.truncate(size)
        self._end = size


def _parsed(content: bytes) -> Line | None:
    try:
        line = json.loads(content) if content.endswith(b"\n") else None
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _key(line: Line) -> Key:
    number, place = line["of"]
    return number, place


def _other(earlier: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """How an earlier run differs, such as "with other flags"."""
    differ = [word for name, word in WORDS.items() if earlier.get(name) != json.loads(json.dumps(head.get(name)))]
    return " and ".join(differ) or "by another version of octseg"
