"""A run's results in a folder, written frame by frame: memory does not grow with the number of frames."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from octseg.export.files import partial_path, told_in_one_sentence, write_file
from octseg.export.pictures import mask_png, overlay_png
from octseg.export.provenance import run_record
from octseg.export.tables import JSON_TAIL, csv_line, csv_row, json_entry, json_head

if TYPE_CHECKING:
    from octseg.result import FrameResult, ModelIdentity

CSV_NAME, JSON_NAME = "measures.csv", "measures.json"


class RunWriter:
    """Writes `<stem>_mask.png` and `<stem>_overlay.png` at once, measures.csv and measures.json when closed.

    However the run ends, by an error, a full disk or Ctrl-C, both tables are put in place with all frames done until
    then, and are whole. Where no frame was done, older tables are left as they are.
    """

    def __init__(
        self, folder: Path, model: "ModelIdentity", device: str, backend: str, *, overlays: bool = True
    ) -> None:
        self.folder = folder
        self.overlays = overlays
        self.frame_count = 0
        self._run = run_record(model, device, backend)

    def __enter__(self) -> Self:
        with told_in_one_sentence(f"the folder {self.folder.name}"):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._csv, self._json = _Table(self.folder / CSV_NAME), _Table(self.folder / JSON_NAME)
        return self

    def write(self, result: "FrameResult", stem: str, extra: dict[str, Any] | None = None) -> None:
        """Write one frame's files under `stem` and its line in the tables, with `extra` keys beside its record's."""
        write_file(self.folder / f"{stem}_mask.png", mask_png(result))
        if self.overlays:
            write_file(self.folder / f"{stem}_overlay.png", overlay_png(result))
        record = {**result.to_record(), **(extra or {})}
        row, first = csv_row(self._run, record), self.frame_count == 0
        self._csv.write((csv_line(row) if first else "") + csv_line(row.values()))
        self._json.write((json_head(self._run) if first else "") + json_entry(record, first=first))
        self._csv.keep()
        self._json.keep()
        self.frame_count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self.frame_count:
                self._csv.put_in_place("")
                self._json.put_in_place(JSON_TAIL)
        finally:
            self._csv.discard()
            self._json.discard()


class _Table:
    """A text file that grows under another name; what was not kept is cut off again before it is put in place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = 0  # bytes
        with told_in_one_sentence(path.name):
            self._file = partial_path(path).open("wb", buffering=0)

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
            partial_path(self._path).replace(self._path)

    def discard(self) -> None:
        self._file.close()
        partial_path(self._path).unlink(missing_ok=True)
