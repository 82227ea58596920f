"""Files of a frame's result, made when somebody asks for one; until then a few kB of it are kept.

A file's path is told at once. Who opens it at the page's address comes by `make`, which puts it there.
"""

import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from octseg.errors import ReadError
from octseg.export.bundle import frame_files, safe_stem, zip_bytes
from octseg.export.files import write_file
from octseg.export.pictures import mask_png, overlay_png
from octseg.export.planes import QUICK, pack, unpack
from octseg.export.png import rgb_png
from octseg.export.provenance import run_record
from octseg.export.tables import measures_csv
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.reading.private import is_private_now, mark_of
from octseg.result import FrameResult
from octseg.view.capture import imaged

REMEMBERED = 1000  # results, about 20 kB each; the files that were made stay for their time
GONE = "The server no longer has this frame; send it again."
SHARED = ("mask.png", "overlay.png", "measures.json")  # what is shared of a result, beside its own pixels
SHARED_FRAME = "frame.png"
NO_FRAME = np.zeros((0, 0, 3), np.uint8)


def tables(result: FrameResult) -> tuple[str, str]:
    """measures.csv and measures.json of one frame."""
    run = run_record(result.model, result.device, result.backend, result.precision)
    record = {**run, "frames": [result.to_record()]}
    return measures_csv(run, record["frames"]), json.dumps(record, allow_nan=False, indent=1)


MAKERS: Mapping[str, Callable[[FrameResult], bytes]] = {
    "octseg.zip": lambda result: zip_bytes([result], made=[frame_files(result)]),
    "mask.png": mask_png,
    "overlay.png": overlay_png,
    "measures.csv": lambda result: tables(result)[0].encode(),
    "measures.json": lambda result: tables(result)[1].encode(),
}


@dataclass(frozen=True)
class Held:
    """What a result's files are made of: the result without arrays, its masks a bit a pixel, and the frame's file.

    doubt: packed; None where it has none.
    """

    result: FrameResult
    masks: bytes
    shape: tuple[int, int]
    source: Path
    doubt: bytes | None

    def whole(self) -> FrameResult:
        """The result with its planes."""
        masks = unpack(self.masks, tuple(self.result.masks), self.shape)
        doubt = self.doubt
        if doubt is not None:
            plane = np.frombuffer(zlib.decompress(doubt), np.uint8).reshape(self.shape)
        frame = _frame_of(self.source)
        doubted = None if doubt is None else plane
        return replace(self.result, frame=frame, disc=imaged(frame), masks=masks, doubt=doubted)


class Later:
    """The files that were promised; asked from several threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[Path, Held] = OrderedDict()
        self._changing, self._making = threading.Lock(), threading.Lock()

    def promise(self, result: FrameResult, source: Path, folder: Path) -> dict[str, Path]:
        """Where each file of a result will be, called after the frame; source: the file that it was read from."""
        none: dict[str, NDArray[np.bool_]] = dict.fromkeys(result.masks, np.zeros((0, 0), bool))
        light = replace(result, frame=NO_FRAME, masks=none, probabilities={}, disc=None, rays=None, doubt=None)
        height, width = result.frame.shape[:2]
        doubt = None if result.doubt is None else zlib.compress(result.doubt.tobytes(), QUICK)
        held = Held(light, pack(result.masks), (height, width), source, doubt)
        with self._changing:
            self._held[folder] = held
            while len(self._held) > REMEMBERED:
                self._held.popitem(last=False)
        stem = safe_stem(result.name)
        return {name: folder / f"{stem}_{name}" for name in MAKERS}

    def held(self, folder: Path) -> Held | None:
        """What the files that are promised in a folder are made of; None where none are."""
        return self._held.get(folder)

    def make(self, path: Path) -> None:
        """Put a promised file in its place, unless it is there already; any other path is none of ours.

        Raises:
            ReadError: the frame is gone. OSError, OctsegError: there is no room.
        """
        held = self._held.get(path.parent)
        name = next((name for name in MAKERS if path.name.endswith(f"_{name}")), None)
        if held is None or name is None or path.name != f"{safe_stem(held.result.name)}_{name}":
            return
        with self._making:  # one at a time, and the second who asks finds it
            if not path.exists():
                write_file(path, MAKERS[name](held.whole()))

    def shareable(self, folder: Path) -> Path:
        """A folder with what is shared of the result of `folder`; of a private frame its pixels stay marked."""
        held = self._held.get(folder)
        if held is None:
            raise ReadError(GONE)
        result, shared = held.whole(), folder / "shared"
        shared.mkdir(mode=0o700, exist_ok=True)
        for name in SHARED:
            write_file(shared / name, MAKERS[name](result))
        mark = mark_of(private=is_private_now(held.source))
        write_file(shared / SHARED_FRAME, rgb_png(result.frame, mark))
        return shared


def _frame_of(source: Path) -> Frame:
    try:
        return next(iter(read_pullback(source)))
    except (ReadError, FileNotFoundError, StopIteration):
        raise ReadError(GONE) from None
