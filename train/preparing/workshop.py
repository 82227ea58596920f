"""Frames processed one by one into a folder beside the dataset, so that a run that is cut off goes on where it was.

The folder `<dataset>.partial` holds a lock, and for each frame its two PNG files and a JSON file that is written last.
What another version of the program, other options or a changed source left there is made anew.
"""

import base64
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from octseg.dataset.publishing import PROVENANCE_FILE
from octseg.errors import DatasetError, ReadError
from octseg.export.files import sha256_of, told_in_one_sentence, write_file
from octseg.export.locking import locked
from train.preparing.duplicates import N_VALUES, Descriptor
from train.preparing.names import FrameName
from train.preparing.processing import Processing, process
from train.preparing.sources import Item

FRAMES_FOLDER = "frames"


@dataclass(frozen=True)
class Made:
    """A processed frame on disk, or why there is none."""

    item: Item
    row: dict[str, Any]
    sha256: tuple[str, str]
    source_md5: tuple[str, str]
    descriptor: Descriptor
    reason: str | None = None
    layer: dict[str, Any] | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workshop:
    """The partial folder of one dataset, held by one process at a time."""

    folder: Path

    @property
    def frames(self) -> Path:
        """Where processed frames lie."""
        return self.folder / FRAMES_FOLDER

    def paths(self, name: FrameName) -> tuple[Path, Path, Path]:
        """Frame, mask and JSON of one frame."""
        return tuple(self.frames / f"{name.stem}{ending}" for ending in (".image.png", ".mask.png", ".json"))  # type: ignore[return-value]

    def make(
        self, items: Sequence[Item], processing: Processing, version: str, workers: int, done: Callable[[], object]
    ) -> list[Made]:
        """All frames in order, those from an earlier run taken over; `done` is called after each."""
        with told_in_one_sentence(f"the folder {self.folder.name}"):
            self.frames.mkdir(parents=True, exist_ok=True)
        plan = json.dumps([asdict(processing), version], sort_keys=True)
        pool = ThreadPoolExecutor(workers)
        made = []
        try:
            for one in pool.map(lambda item: self._make(item, processing, plan), items):
                made.append(one)
                done()
        finally:
            pool.shutdown(cancel_futures=True)
        return made

    def _make(self, item: Item, processing: Processing, plan: str) -> Made:
        image_path, mask_path, note_path = self.paths(item.name)
        stamp = f"{item.stamp} {plan}"
        if (earlier := self._earlier(item, stamp)) is not None:
            return earlier
        try:
            made = process(item, processing)
        except (ReadError, DatasetError) as error:
            return Made(item, {}, ("", ""), ("", ""), np.zeros(0, np.int8), str(error))
        write_file(image_path, made.image)
        write_file(mask_path, made.mask)
        note = {
            "stamp": stamp,
            "row": made.row,
            "sha256": [sha256_of(image_path), sha256_of(mask_path)],
            "source_md5": made.source_md5,
            "layer": made.layer,
            "remarks": made.remarks,
            "descriptor": base64.b64encode(made.descriptor.tobytes()).decode(),
        }
        write_file(note_path, json.dumps(note).encode())
        return _from_note(item, note)

    def _earlier(self, item: Item, stamp: str) -> Made | None:
        """What an earlier run made of the same sources by the same plan, where it is whole."""
        image_path, mask_path, note_path = self.paths(item.name)
        try:
            note = json.loads(note_path.read_bytes())
            if note["stamp"] != stamp or note["sha256"] != [sha256_of(image_path), sha256_of(mask_path)]:
                return None
            return _from_note(item, note)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _from_note(item: Item, note: dict[str, Any]) -> Made:
    descriptor = np.frombuffer(base64.b64decode(note["descriptor"]), np.int8)
    if len(descriptor) != N_VALUES:
        raise ValueError("an earlier version described the frame in another way")
    image_sha, mask_sha = note["sha256"]
    image_md5, mask_md5 = note["source_md5"]
    sources = (image_md5, mask_md5)
    layer, remarks = note["layer"], tuple(note["remarks"])
    return Made(item, note["row"], (image_sha, mask_sha), sources, descriptor, layer=layer, remarks=remarks)


def folder_of(out: Path) -> Path:
    """Where `out` is made."""
    return out.with_name(f"{out.name}.partial")


@contextmanager
def workshop_of(out: Path) -> Iterator[Workshop]:
    """The workshop beside `out`, for this process alone; left as it is where the run ends before the dataset is there.

    Raises HeldError where another process works in it.
    """
    folder = folder_of(out)
    with locked(folder, f"making {out.name}"):
        yield Workshop(folder)
        if out.exists():
            shutil.rmtree(folder, ignore_errors=True)


def clear_left_over(out: Path) -> None:
    """Remove the workshop of a finished dataset, as a run that was killed at its very end leaves it."""
    if folder_of(out).exists() and (out / PROVENANCE_FILE).exists():
        with workshop_of(out):
            pass
