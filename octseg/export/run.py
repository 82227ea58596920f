"""A run's results in a folder, written frame by frame: memory does not grow with the number of frames."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from octseg.export.files import partial_path, told_in_one_sentence, write_file
from octseg.export.journal import Journal, Key, Line
from octseg.export.locking import cannot_lock
from octseg.export.ordered import Ordered
from octseg.export.pictures import DOUBT_ENDING, doubt_png, mask_png, overlay_png
from octseg.export.planes import Masks, pack, unpack
from octseg.export.provenance import run_record
from octseg.export.tables import csv_line, csv_row, csv_under, json_entry, json_head, json_tail
from octseg.measurement.pullback import FrameAlong
from octseg.measurement.records import json_value
from octseg.pullback import LARGE_PIXELS

if TYPE_CHECKING:
    from octseg.result import FrameResult, ModelIdentity

CSV_NAME, JSON_NAME = "measures.csv", "measures.json"
PLANES_FOLDER = "unfinished_masks"
FRAMES_ENDING = "_frames"  # of folders with the pictures of frames
THREADS, WAITING = 2, 4  # that draw and write frames, and frames that may be under way
JOURNAL_VERSION = 1
_LEFT_HALF_WRITTEN = re.compile(
    rf"\.({re.escape(CSV_NAME)}|{re.escape(JSON_NAME)}|.*_(mask|overlay|doubt)\.png|.*_pullback\.json"
    r"|.*_coco\.json|.*\.geojson|.*\.nii\.gz|.*_seg\.dcm|.*_overlay\.mp4|.*_report\.html|results.*\.zip)\.\d+\.part"
)
_LEFT_OF_FRAMES = re.compile(r"\..*\.(png|json)\.\d+\.part")


class RunWriter:
    """Writes frames as they come, in threads beside the caller's; puts measures.csv and measures.json in place at last.

    However the run ends, by an error, a full disk or Ctrl-C, both tables are put in place with all frames done until
    then, and are whole. Where no frame was done, older tables are left as they are. What is done is noted in a journal,
    by which the next run with the same model, inputs and flags goes on; a run that ends well leaves none.

    files: names of what was written of frames. at_last: called when all is in place, before the run counts as ended, if
    any frame was done. frame_count: of those that are done. resumed_count: of those that an earlier run had done.
    notes: what there is to say of how this run begins, a sentence each. is_unfinished: whether there is something to go
    on with, once closed.
    """

    def __init__(
        self,
        folder: Path,
        model: "ModelIdentity",
        device: str,
        backend: str,
        *,
        precision: str = "f32",
        overlays: bool = True,
        planes: Sequence[str] = (),
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        """planes: the classes whose masks are kept until the run ends, for `masks`.

        asked: `inputs`, `content` and `flags`, plain values that tell this run from others in the same folder.
        """
        self.folder = folder
        self.overlays, self._planes = overlays, planes
        self.frame_count = self.resumed_count = 0
        self.files: list[str] = []
        self.at_last: Callable[[], object] | None = None
        self.notes: list[str] = []
        self.is_unfinished = False
        self.run = run_record(model, device, backend, precision)
        self._head = {"journal": JOURNAL_VERSION, **self.run, **(asked or {})}
        self._late: list[dict[str, Any]] = []
        self._columns: list[str] = []

    def __enter__(self) -> Self:
        """Raises HeldError where another run works in the folder."""
        with told_in_one_sentence(f"the folder {self.folder.name}"):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(self.folder)
        try:
            self._csv, self._json = _Table(self.folder / CSV_NAME), _Table(self.folder / JSON_NAME)
            try:
                self._begin()
            except BaseException:
                self._discard()
                raise
        except BaseException:
            self._journal.close(finished=False)
            raise
        self._writing = Ordered(self._add, threads=THREADS, waiting=WAITING)
        return self

    def write(
        self,
        result: "FrameResult",
        stem: str,
        extra: dict[str, Any] | None = None,
        *,
        of: Key = (0, 0),
        late: Sequence[str] = (),
    ) -> None:
        """Have one frame's files written under `stem` and its line in the tables, with `extra` beside its record.

        of: the pullback that it is of. late: what was met of that since its last frame, as `Pullback.late_warnings`.
        Raises what went wrong with an earlier frame.
        """
        kept = replace(result, probabilities={})
        self._writing.give(lambda: self._written(kept, stem, {"of": of, "late": list(late)}, extra or {}))
        if result.frame.shape[0] * result.frame.shape[1] > LARGE_PIXELS:
            self._writing.wait()

    def done(self, of: Key) -> int:
        """How many frames of a pullback are done."""
        return self._journal.count(of)

    def lines(self, pullbacks: Iterable[Key]) -> Iterator[Line]:
        """Of the frames of pullbacks, once all are done: `record`, `late`, `along` of each."""
        self._writing.wait()
        for of in pullbacks:
            yield from self._journal.lines(of)

    def masks(self, stem: str, shape: tuple[int, int]) -> Masks:
        """Of a frame that is done, (H, W) each."""
        name = _planes_name(stem)
        with told_in_one_sentence(name):
            return unpack((self.folder / name).read_bytes(), self._planes, shape)

    def add_late_warnings(self, file: str, folder: str, warnings: Sequence[str]) -> None:
        """What was met while a pullback was read, for the end of measures.json."""
        if warnings:
            self._late.append(json_value({"file": file, "folder": folder, "warnings": list(warnings)}))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        failed = True
        try:
            if error is None:
                self._writing.wait()
                failed = False
        finally:
            self._writing.close()
            try:
                self._put_in_place()
                if self.at_last is not None and self.frame_count and not failed:
                    self.at_last()
            except BaseException:
                failed = True
                raise
            finally:
                self._discard()
                self.is_unfinished = failed and self.frame_count > 0
                if not self.is_unfinished:
                    rmtree(self.folder / PLANES_FOLDER, ignore_errors=True)
                self._journal.close(finished=not self.is_unfinished)

    def _begin(self) -> None:
        if self._journal.cannot_lock is not None:
            self.notes.append(f"{cannot_lock(self.folder, self._journal.cannot_lock)}; see to it that there is none")
        other, lines = self._journal.begin(self._head)
        for line in lines:
            self._enter(line)
        self.resumed_count = self.frame_count
        if not self.resumed_count:
            rmtree(self.folder / PLANES_FOLDER, ignore_errors=True)
        if self._planes:
            with told_in_one_sentence(PLANES_FOLDER):
                (self.folder / PLANES_FOLDER).mkdir(exist_ok=True)
        if other:
            self.notes.append(f"the unfinished run in {self.folder.name} was {other}: this one starts anew")
        elif self.resumed_count:
            self.notes.append(f"going on after frame {self.resumed_count} of the run that was ended")
        self._clear()

    def _clear(self) -> None:
        """Take away what a run that was killed has left half written, for this one holds the folder."""
        for path in self.folder.iterdir():
            if _LEFT_HALF_WRITTEN.fullmatch(path.name) and path not in (self._csv.partial, self._json.partial):
                path.unlink(missing_ok=True)
        for path in self.folder.glob(f"*{FRAMES_ENDING}/.*.part"):
            if _LEFT_OF_FRAMES.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _written(self, result: "FrameResult", stem: str, line: Line, extra: dict[str, Any]) -> Line:
        """Write the pictures of a frame; its line of the journal."""
        pictures = {f"{stem}_mask.png": mask_png(result)}
        if self.overlays:
            pictures[f"{stem}_overlay.png"] = overlay_png(result)
        if (doubt := doubt_png(result)) is not None:
            pictures[f"{stem}{DOUBT_ENDING}"] = doubt
        if self._planes:
            pictures[_planes_name(stem)] = pack({name: result.masks[name] for name in self._planes})
        for name, content in pictures.items():
            write_file(self.folder / name, content)
        files = {name: len(content) for name, content in pictures.items()}
        record = {**result.to_record(), **json_value(extra)}
        return {**line, "files": files, "record": record, "along": FrameAlong.of(result).to_record()}

    def _add(self, line: Line) -> None:
        self._journal.add(line)
        self._enter(line)

    def _enter(self, line: Line) -> None:
        """A frame's line in both tables."""
        record, first = line["record"], self.frame_count == 0
        row = csv_row(self.run, record)
        if first:
            self._columns = list(row)
        self._csv.write((csv_line(self._columns) if first else "") + csv_under(self._columns, row))
        self._json.write((json_head(self.run) if first else "") + json_entry(record, first=first))
        self._csv.keep()
        self._json.keep()
        self.files += [name for name in line["files"] if not name.startswith(PLANES_FOLDER)]
        self.frame_count += 1

    def _put_in_place(self) -> None:
        if self.frame_count:
            self._csv.put_in_place("")
            self._json.put_in_place(json_tail(self._late))

    def _discard(self) -> None:
        self._csv.discard()
        self._json.discard()


def _planes_name(stem: str) -> str:
    """Of the file with a frame's masks, in the folder of the run."""
    return f"{PLANES_FOLDER}/{stem}"


class _Table:
    """A text file that grows under another name; what was not kept is cut off again before it is put in place."""

    def __init__(self, path: Path) -> None:
        self._path, self.partial = path, partial_path(path)
        self._kept = 0  # bytes
        with told_in_one_sentence(path.name):
            self._file = self.partial.open("wb", buffering=0)

    def write(self, text: str) -> None:
        content = memoryview(text.encode())
        with told_in_one_sentence(self._path.name):
            while content:
                content = content[self._file.write(content) :]

    def keep(self) -> None:
        self._kept = self._file.tell()

    def put_in_place(self, tail: str) -> None:
        with told_in_one_sentence(self._path.name):
            self._file.truncate(self._kept)
            self._file.seek(self._kept)
        self.write(tail)
        with told_in_one_sentence(self._path.name):
            self._file.close()
            self.partial.replace(self._path)

    def discard(self) -> None:
        self._file.close()
        self.partial.unlink(missing_ok=True)
