"""Frames and masks in the record's layout, drawn for the tests of train.prepare, and the command run on them.

Masks hold one (H, W) bool plane for each class of octseg/classes.py, frames are (H, W, 3) uint8.
"""

import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from octseg.classes import CLASS_NAMES
from octseg.phantom import Phantom, random_spec, render
from train import prepare
from train.dataset import Data, training_frames
from train.preparing.names import FrameName
from train.preparing.sources import Item, StoredFile

SIDE_PX = 128
CC_BY = ("--license", "cc-by-4.0", "--title", "Drawn discs", "--creators", "Doe, J.; Roe, R.")
FIRST = FrameName("001", "1", 1)
Masks = dict[str, NDArray[np.bool_]]


def disc(seed: int, height: int = SIDE_PX, width: int = SIDE_PX, radius_px: float = 58.0) -> NDArray[np.uint8]:
    """A disc of noise on black about the middle: quick to make, and no two seeds alike."""
    row, col = np.mgrid[:height, :width]
    inside = np.hypot(row - (height - 1) / 2, col - (width - 1) / 2) < radius_px
    grey = np.random.default_rng(seed).integers(30, 220, (height, width), dtype=np.uint8) * inside
    return np.stack([grey] * 3, axis=-1)


def box(top: int, left: int, height: int, width: int, shape: tuple[int, int] = (SIDE_PX, SIDE_PX)) -> NDArray[np.bool_]:
    """(H, W), True in a box."""
    plane = np.zeros(shape, bool)
    plane[top : top + height, left : left + width] = True
    return plane


def planes_of(masks: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.uint8]:
    """(H, W, 4) of 0 and 255, empty where `masks` lacks a class."""
    empty = np.zeros_like(next(iter(masks.values())))
    return np.stack([masks.get(name, empty) for name in CLASS_NAMES], axis=-1).astype(np.uint8) * 255


def encoded(samples: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, kind, **options)
    return stream.getvalue()


def png(samples: NDArray[np.uint8], texts: Mapping[str, str] | None = None) -> bytes:
    info = PngInfo()
    for key, text in (texts or {}).items():
        info.add_text(key, text)
    return encoded(samples, "PNG", pnginfo=info, compress_level=1)


def record_mask(masks: Mapping[str, NDArray[np.bool_]]) -> bytes:
    """The TIFF of four planes that the record has."""
    return encoded(planes_of(masks), "TIFF", compression="tiff_lzw")


def write_frame(part: Path, name: str, frame: NDArray[np.uint8], masks: Masks) -> None:
    """Frame and mask into `part`/img and `part`/mask."""
    for kind, ending, content in (("img", "png", png(frame)), ("mask", "tiff", record_mask(masks))):
        (part / kind).mkdir(parents=True, exist_ok=True)
        (part / kind / f"{name}.{ending}").write_bytes(content)


def discs_fold(root: Path, studies: Iterable[str] = ("001", "002", "003", "004"), per_study: int = 2) -> Path:
    """A fold of drawn discs; the first frame of each study bears lipid and cap, 20 x 20 px and 4 x 20 px, others none.

    The last study lies in test/, as some do in the record.
    """
    studies = tuple(studies)
    for study in studies:
        part = root / ("test" if study == studies[-1] else "train")
        for number in range(1, per_study + 1):
            masks = {"lumen": box(60, 60, 10, 10)}
            if number == 1:
                masks |= {"fibrous_cap": box(26, 40, 4, 20), "lipid_core": box(30, 40, 20, 20)}
            write_frame(part, f"{study}_1_{number:03d}", disc(1000 * int(study) + number), masks)
    return root


@lru_cache(maxsize=32)
def phantom(seed: int, ruler: bool = True) -> Phantom:
    """750 px wide, so that tests know what scaling does to it."""
    return render(random_spec(seed, size_px=750, ruler=ruler))


def phantoms_fold(root: Path, rulers: Mapping[str, bool], per_study: int = 1) -> Path:
    """A fold of phantoms; `rulers` is study -> whether the ruler is drawn in its frames."""
    for place, (study, ruler) in enumerate(rulers.items()):
        for number in range(1, per_study + 1):
            made = phantom(place * per_study + number, ruler)
            write_frame(root / "train", f"{study}_1_{number:03d}", made.frame, made.masks)
    return root


def stored(path: str, content: bytes, stamp: str = "0") -> StoredFile:
    return StoredFile(path, stamp, lambda: content, lambda: content)


def item(image: bytes, mask: bytes, name: FrameName = FIRST) -> Item:
    return Item(name, stored(f"img/{name.stem}.png", image), stored(f"mask/{name.stem}.tiff", mask))


def prepare_folder(data: Path, out: Path, *flags: str) -> int:
    """`python -m train.prepare --source folder --data DATA --out OUT --size 64 ...`; the exit status."""
    size = () if "--size" in flags else ("--size", "64")
    return prepare.main(["--source", "folder", "--data", str(data), "--out", str(out), *size, *flags])


def contents(folder: Path) -> dict[str, bytes]:
    """Path from the folder -> bytes, of all files in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def fingerprints(data: Data) -> list[list[Any]]:
    """All that a training makes of each frame, in order: names, a sum of the arrays, where the disc lies."""
    return [
        [
            *(frame.name, frame.study, sha256(frame.grey.tobytes() + frame.planes.tobytes()).hexdigest()),
            *(list(frame.centre), frame.reach_px, sorted(frame.has)),
        ]
        for frame in training_frames(data)
    ]
