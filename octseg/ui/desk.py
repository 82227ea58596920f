"""The server's one model and the folder for what visitors get. Holds nothing of any visitor between two calls."""

import json
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from octseg.dataset.publishing import HEAD_BYTES, is_marked_private, mark_of
from octseg.drawing.screen import encode_jpeg, sized_for_screen
from octseg.errors import OctsegError, ReadError
from octseg.export.bundle import frame_files, safe_stem, zip_bytes
from octseg.export.png import rgb_png
from octseg.export.provenance import run_record
from octseg.export.tables import measures_csv
from octseg.reading import read_pullback
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from octseg.ui.examples import EXAMPLES, FOLDER
from octseg.ui.limits import ServerLimits
from octseg.view.grey import sepia_to_grey

FILE_LABELS = {  # file to download: what its button says
    "octseg.zip": "Download all (ZIP)",
    "mask.png": "Mask",
    "overlay.png": "Overlay",
    "measures.csv": "CSV",
    "measures.json": "JSON",
}
SHARED = ("mask.png", "overlay.png", "measures.json")  # those of them that are shared


class Segment(Protocol):
    """What segments for a desk; all that goes in and out can go to another process."""

    def __call__(
        self, path: str, pixel_spacing_mm: float | None, /, *, preset: str | None, uncertainty: bool
    ) -> FrameResult:
        """Outline and measure the frame at a path, with intervals where they are asked for."""


class BusyError(OctsegError):
    """Too many frames are waiting for the model."""


@dataclass(frozen=True)
class Screen:
    """The two pictures that the browser lays the outlines on, as files."""

    frame: Path
    grey: Path


class Desk:
    """Segments frames one at a time and lays out files for their visitor.

    segment: the segmenter's own, or that on a borrowed GPU.
    folder: where visitors' files go; each call gets a folder of its own there that nobody can guess.
    """

    def __init__(
        self, segmenter: Segmenter, limits: ServerLimits, folder: Path, segment: Segment | None = None
    ) -> None:
        self.limits, self.folder = limits, folder
        self._in_use: tuple[Segmenter, Segment] = (segmenter, segment or segmenter.segment)
        self._turns = threading.BoundedSemaphore(limits.model_runs)

    @property
    def segmenter(self) -> Segmenter:
        """The model that frames are segmented with from now on."""
        return self._in_use[0]

    def use(self, segmenter: Segmenter) -> None:
        """Segment with another model from now on, on this machine itself."""
        self._in_use = (segmenter, segmenter.segment)

    def segment(
        self, file: Path, pixel_spacing_mm: float | None, preset: str | None, *, uncertainty: bool = False
    ) -> FrameResult:
        """One file, which must hold one frame, to its result, with a scale of the visitor's where one is given.

        Raises:
            OctsegError: what the visitor can mend, or BusyError when no turn came up in time.
        """
        _check_one_frame(file)
        with self._turn():
            _, segment = self._in_use
            return segment(str(file), pixel_spacing_mm, preset=preset, uncertainty=uncertainty)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self.limits.model_wait_seconds):
            raise BusyError("the server is busy with other frames; try again in a minute")
        try:
            yield
        finally:
            self._turns.release()

    def example(self, name: str) -> Path:
        """A copy of an example, as if the visitor had sent it."""
        known = {example.file for example in EXAMPLES}
        if name not in known:
            raise ReadError("there is no such example; choose one of those shown")
        return Path(shutil.copy(FOLDER / name, self._new_folder() / name))

    def screen(self, result: FrameResult) -> Screen:
        """Write the frame for the screen, in colour and in grey."""
        folder = self._new_folder()
        screen = Screen(folder / "frame.jpg", folder / "grey.jpg")
        screen.frame.write_bytes(encode_jpeg(sized_for_screen(result.frame)))
        grey = cv2.cvtColor(sized_for_screen(sepia_to_grey(result.frame)), cv2.COLOR_GRAY2RGB)
        screen.grey.write_bytes(encode_jpeg(np.asarray(grey, np.uint8)))
        return screen

    def record(self, result: FrameResult) -> dict[str, Any]:
        """What measures.json holds."""
        return {
            **run_record(result.model, result.device, result.backend, result.precision),
            "frames": [result.to_record()],
        }

    def files(self, result: FrameResult) -> dict[str, Path]:
        """Write what can be downloaded, each file called after the frame: each name in FILE_LABELS to its file."""
        record, made = self.record(result), frame_files(result)
        contents = {
            "octseg.zip": zip_bytes([result], made=[made]),
            "mask.png": made.mask,
            "overlay.png": made.overlay,
            "measures.csv": measures_csv(record, record["frames"]).encode(),
            "measures.json": json.dumps(record, allow_nan=False, indent=1).encode(),
        }
        folder, stem = self._new_folder(), safe_stem(result.name)
        files = {name: folder / f"{stem}_{name}" for name in contents}
        for name, content in contents.items():
            files[name].write_bytes(content)
        return files

    def for_sharing(self, result: FrameResult, file: Path, files: dict[str, Path]) -> Path:
        """A folder with `files` by the names of their kinds, and the frame's own pixels; a private one stays marked."""
        with file.open("rb") as content:
            private = is_marked_private(content.read(HEAD_BYTES))
        folder = self._new_folder()
        for name in SHARED:
            (folder / name).symlink_to(files[name])
        (folder / "frame.png").write_bytes(rgb_png(result.frame, mark_of(private=private)))
        return folder

    def _new_folder(self) -> Path:
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder


def _check_one_frame(file: Path) -> None:
    """ReadError where a file holds more; what it holds is not kept while it is segmented."""
    pullback = read_pullback(file)
    if len(pullback) != 1:
        raise ReadError(
            f"{pullback.name} holds {len(pullback)} frames and this page takes one: save one frame as a picture, "
            "or run `octseg predict` on the whole pullback"
        )
