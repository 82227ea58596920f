"""The server's one model and the folder for what visitors get. Holds nothing of any visitor between two calls."""

import secrets
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from octseg.drawing.doubt import inked_png
from octseg.drawing.screen import encode_jpeg, sized_for_screen
from octseg.errors import ReadError
from octseg.export.provenance import run_record
from octseg.pullback import Pullback
from octseg.reading import read_pullback
from octseg.reading.archive import is_made_by_page
from octseg.reading.content import content_at
from octseg.reading.formats import HEAD_BYTES as KIND_BYTES
from octseg.reading.formats import container_of, picture_format
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from octseg.ui.examples import EXAMPLES, FOLDER
from octseg.ui.gpu import Lent
from octseg.ui.later import Later
from octseg.ui.limits import ServerLimits
from octseg.ui.model_turns import ModelTurns
from octseg.ui.review.kept import Reviews
from octseg.ui.run import Given, PullbackRun, Runs
from octseg.view.grey import sepia_to_grey
from octseg.view.scale import check_entered

FILE_LABELS = {  # file to download: what its button says
    "octseg.zip": "Download all (ZIP)",
    "mask.png": "Mask",
    "overlay.png": "Overlay",
    "measures.csv": "CSV",
    "measures.json": "JSON",
}


ONE_FRAME = ("PNG", "JPEG", "BMP")  # formats that hold no more, so that they need not be read twice


class ManyFramesError(ReadError):
    """A file that holds more than the one frame that was asked for: those that it holds."""

    def __init__(self, pullback: Pullback) -> None:
        super().__init__(
            f"{pullback.name} holds {len(pullback)} frames and this takes one: save one frame as a picture, call "
            "/segment_pullback, or run `octseg predict` on the whole pullback"
        )
        self.pullback = pullback


@dataclass(frozen=True)
class Screen:
    """The two pictures that the browser lays the outlines on, as files, and the layer of doubt where there is one."""

    frame: Path
    grey: Path
    doubt: Path | None = None


class Desk:
    """Segments frames one at a time and lays out files for their visitor.

    gpu: the segmenter's work on a GPU that is lent for it; None where it works here.
    folder: where visitors' files go; each call gets a folder of its own there that nobody can guess.
    """

    def __init__(self, segmenter: Segmenter, limits: ServerLimits, folder: Path, gpu: Lent | None = None) -> None:
        self.limits, self.folder = limits, folder
        self._in_use: tuple[Segmenter, Lent | None] = (segmenter, gpu)
        self._turns = ModelTurns(limits.model_runs)
        self.runs, self.later = Runs(limits), Later()
        self.reviews = Reviews(self.runs, self.later, folder)

    @property
    def segmenter(self) -> Segmenter:
        """The model that frames are segmented with from now on."""
        return self._in_use[0]

    def use(self, segmenter: Segmenter) -> None:
        """Segment with another model from now on, on this machine itself."""
        self._in_use = (segmenter, None)

    @property
    def borrows_gpu(self) -> bool:
        """Whether a GPU is lent to it, out of its visitors' quota."""
        return self._in_use[1] is not None

    def seconds_a_call(self) -> float:
        """What a single frame takes of late, with as many at once as there may be."""
        return self._turns.seconds / self._turns.at_once

    def segment(
        self, file: Path, pixel_spacing_mm: float | None, preset: str | None, *, uncertainty: bool = False
    ) -> FrameResult:
        """One file, which must hold one frame, to its result, with a scale of the visitor's where one is given.

        Raises:
            OctsegError: what the visitor can mend, or BusyError when no turn came up in time.
        """
        _check_one_frame(file)
        segmenter, gpu = self._in_use
        segment = segmenter.segment if gpu is None else gpu.segment
        with self._turns.single(self.limits.model_wait_seconds):
            return segment(str(file), pixel_spacing_mm, preset=preset, uncertainty=uncertainty)

    def pullback(self, pullback: Pullback, file: Path, given: Given) -> PullbackRun:
        """A run of the frames that a file holds, not yet begun.

        Raises:
            OctsegError: a scale that no frame has; BusyError where too many wait already.
        """
        if given.spacing_mm is not None:
            check_entered(given.spacing_mm)
        self.runs.line.check_room()
        given = replace(given, kind=kind_of_run(file))
        segmenter, gpu = self._in_use
        stretches = None if gpu is None else partial(gpu.stretches, str(file), count=len(pullback))
        run = PullbackRun(pullback, given, file, self._new_folder(), segmenter, self._turns, self.runs, stretches)
        self.runs.add(run)
        return run

    def example(self, name: str) -> Path:
        """A copy of an example, as if the visitor had sent it."""
        known = {example.file for example in EXAMPLES}
        if name not in known:
            raise ReadError("there is no such example; choose one of those shown")
        return Path(shutil.copy(FOLDER / name, self._new_folder() / name))

    def screen(self, result: FrameResult) -> Screen:
        """Write the frame for the screen, in colour and in grey."""
        folder = self._new_folder()
        screen = Screen(
            folder / "frame.jpg", folder / "grey.jpg", None if result.doubt is None else folder / "doubt.png"
        )
        if screen.doubt is not None and result.doubt is not None:
            screen.doubt.write_bytes(inked_png(result.doubt))
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

    def files(self, result: FrameResult, source: Path) -> dict[str, Path]:
        """Where each name in FILE_LABELS will be, called after the frame; it is made when it is asked for."""
        return self.later.promise(result, source, self._new_folder())

    def _new_folder(self) -> Path:
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder


def _check_one_frame(file: Path) -> None:
    """ManyFramesError where a file holds more; what it holds is not kept while it is segmented."""
    with file.open("rb") as content:
        head = content.read(KIND_BYTES)
    if picture_format(head) in ONE_FRAME:
        return
    pullback = read_pullback(file)
    if len(pullback) != 1:
        raise ManyFramesError(pullback)


def kind_of_run(file: Path) -> str:
    """What a file of several frames is, by its content."""
    content = content_at(file, file.name)
    head = content.part(0, KIND_BYTES)
    kind = container_of(head)
    zipped = "several files as one run" if is_made_by_page(content) else "ZIP file of frames"
    told = {"DICOM": "DICOM pullback", "ZIP": zipped, "GIF": "GIF", "video": "video"}
    return told[kind] if kind is not None else f"{picture_format(head)} of several pages"
