"""Whole runs on frames that their files ask to be turned, in each format that can say so."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from octseg.reading import read_pullback
from tests.fakes.dataset import lines_of
from tests.fakes.prepared import CC_BY, phantom, prepare_folder

SEED = 3
SHOWN = np.s_[::2, 20:-40:2]  # no square, so that four of the ways give it another shape; half as large, so quicker
STORED = {  # how an upright picture is stored, for a viewer to undo
    1: lambda picture: picture,
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: lambda picture: picture.swapaxes(0, 1),
    6: np.rot90,
    7: lambda picture: np.rot90(picture, 2).swapaxes(0, 1),
    8: lambda picture: np.rot90(picture, -1),
}
OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}


def file_of(upright: np.ndarray, kind: str, orientation: int) -> bytes:
    """A picture stored turned, with the tag that says so."""
    picture, file = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright))), io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    tag: dict[str, Any] = {"tiffinfo": {274: orientation}} if kind == "TIFF" else {"exif": exif}
    picture.save(file, kind, **tag, **OPTIONS[kind])
    return file.getvalue()


def fold(root: Path, frame: Callable[[np.ndarray, int], bytes], mask: Callable[[np.ndarray, int], bytes]) -> Path:
    """One phantom eight times, each of another study; labels 1 lumen and 3 lipid core."""
    made = phantom(SEED)
    labels = made.masks["lumen"] * np.uint8(1) + made.masks["lipid_core"] * np.uint8(3)
    for folder in ("img", "mask"):
        (root / folder).mkdir(parents=True)
    for orientation in STORED:
        name = f"{orientation:03d}_1_001"
        (root / "img" / name).write_bytes(frame(made.frame[SHOWN], orientation))
        (root / "mask" / f"{name}.png").write_bytes(mask(labels[SHOWN], orientation))
    for path in (root / "img").iterdir():
        path.rename(path.with_name(f"{path.name}{ending_of(path.read_bytes())}"))
    return root


def ending_of(content: bytes) -> str:
    kind = Image.open(io.BytesIO(content)).format
    return {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}[str(kind)]


def lipid(data: Path, out: Path) -> list[np.ndarray]:
    """The masks of the dataset that a run makes, in the order of studies."""
    labels = ("--class-map", "1=lumen,3=lipid_core", "--split", "none", "--size", "256")
    assert prepare_folder(data, out, *CC_BY, *labels) == 0
    rows = [row for _, row in sorted(lines_of(out).items())]
    return [np.asarray(Image.open(out / "train" / row["mask_file_name"])) > 0 for row in rows]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)))


@pytest.fixture(scope="module")
def upright(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    home = tmp_path_factory.mktemp("upright")

    def as_it_is(picture: np.ndarray, _orientation: int) -> bytes:
        return file_of(picture, "PNG", 1)

    return lipid(fold(home / "fold", as_it_is, as_it_is), home / "dataset")[0]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "masks"), [*((kind, "turned and tagged") for kind in OPTIONS), ("JPEG", "upright")])
def test_a_dataset_of_turned_frames_is_that_of_upright_ones(
    tmp_path: Path, upright: np.ndarray, kind: str, masks: str
) -> None:
    def mask(labels: np.ndarray, orientation: int) -> bytes:
        return file_of(labels, "PNG", orientation if masks == "turned and tagged" else 1)

    data = fold(tmp_path / "fold", lambda frame, orientation: file_of(frame, kind, orientation), mask)
    made = lipid(data, tmp_path / "dataset")
    assert len(made) == 8
    assert np.count_nonzero(upright) > 100
    assert min(dice(each, upright) for each in made) > 0.97


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_turned_frame_is_read_upright(kind: str) -> None:
    frame = phantom(SEED).frame[SHOWN]
    for orientation in STORED:
        (read,) = read_pullback(file_of(frame, kind, orientation))
        assert np.array_equal(read, frame)
