"""Samples of more than 8 bits: what a file's range says of them, and one rule for the files of a folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from octseg.errors import ReadError
from octseg.reading import read_pullback
from octseg.reading.survey import FolderLevels
from tests.fakes.hostile.files import tiff

GREY = np.tile(np.arange(256, dtype=np.uint8), (256, 1))


def levels_of(samples: NDArray[Any]) -> tuple[NDArray[np.uint8], str]:
    """Grey levels (H, W) that a TIFF of the samples comes in with, and what is said of it."""
    pullback = read_pullback(tiff(samples), name="x.tif")
    (frame,) = pullback
    return frame[..., 0], " ".join(pullback.warnings)


def off(levels: NDArray[np.uint8], expected: NDArray[Any] = GREY) -> float:
    return float(np.abs(levels.astype(float) - expected).max())


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0, 6000, "levels from 0 to 6000: spread"),
        (30000, 36000, "levels from 30000 to 36000: spread"),
        (15, 569, "levels from 15 to 569: spread"),
        (200, 2600, "levels from 200 to 2600: spread"),
        (0, 1023, "levels up to 1023: taken as 10-bit"),
        (0, 16383, "levels up to 16383: taken as 14-bit"),
        (0, 32767, "levels from 0 to 32767: spread"),
        (0, 65535, ""),
    ],
)
def test_whole_numbers_of_any_range_show_what_8_bits_would(low: int, high: int, said: str) -> None:
    levels, told = levels_of(np.rint(low + GREY * ((high - low) / 255)).astype(np.uint16))
    assert off(levels) <= 1
    assert said in told
    assert bool(told) == bool(said)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0, 0.02), (0.0, 255.0), (0.0, 9.5), (-60.0, -20.0), (3e4, 3.1e4)]
)
def test_real_numbers_of_any_range_show_what_8_bits_would(low: float, high: float) -> None:
    levels, told = levels_of((low + GREY * ((high - low) / 255)).astype(np.float32))
    assert off(levels) <= 1
    assert "real numbers from" in told


@pytest.mark.parametrize("hot", [4200, 65535])
def test_a_few_hot_pixels_do_not_make_the_rest_dark(hot: int) -> None:
    samples = np.rint(GREY * (4095 / 255)).astype(np.uint16)
    samples[100, [3, 50]] = hot
    levels, told = levels_of(samples)
    elsewhere = samples < hot
    assert off(levels[elsewhere], GREY[elsewhere]) <= 1
    assert levels[100, 3] == 255
    assert "taken as 12-bit" in told


def series(folder: Path, frames: list[NDArray[Any]]) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"frame_{number}.tif" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        tifffile.imwrite(path, frame)
    return paths


@pytest.mark.parametrize(("reach", "bits"), [(4095, 12), (255, 8)])
def test_a_label_in_one_level_far_above_does_not_make_the_rest_dark(reach: int, bits: int) -> None:
    samples = np.rint(GREY * (reach / 255)).astype(np.uint16)
    samples[:20, :100] = 65535
    expected = GREY.copy()
    expected[:20, :100] = 255
    levels, told = levels_of(samples)
    assert off(levels, expected) <= 1
    assert f"taken as {bits}-bit" in told


def test_black_and_white_of_16_bits_stay_so() -> None:
    samples = np.where(GREY < 4, 65535, 0).astype(np.uint16)
    assert off(levels_of(samples)[0], np.where(GREY < 4, 255, 0)) == 0


def test_the_frames_of_a_folder_share_one_rule(tmp_path: Path) -> None:
    """One of them alone would be taken as 12 bits, the other spread."""
    dim, bright = (GREY.astype(np.uint16) * 15, GREY.astype(np.uint16) * 20)
    paths = series(tmp_path / "series", [dim, bright])
    folders = FolderLevels(paths)
    first, second = (next(iter(read_pullback(path, levels=folders.of(path))))[..., 0] for path in paths)
    assert off(second) <= 1
    assert off(first, GREY * 0.75) <= 1
    alone = FolderLevels(paths[:1])
    assert off(next(iter(read_pullback(paths[0], levels=alone.of(paths[0]))))[..., 0], GREY * (255 * 15 / 4095)) <= 1


def test_folders_are_sources_of_their_own(tmp_path: Path) -> None:
    paths = [
        *series(tmp_path / "a", [GREY.astype(np.uint16) * 16]),
        *series(tmp_path / "b", [GREY.astype(np.uint16) * 257]),
    ]
    folders = FolderLevels(paths)
    for path in paths:
        assert off(next(iter(read_pullback(path, levels=folders.of(path))))[..., 0]) <= 1


def test_files_of_a_folder_on_several_scales_are_made_levels_apart_with_a_word(tmp_path: Path) -> None:
    wide = GREY.astype(np.uint16)
    frames = [wide * 257, wide * 16, wide * 10 + 30000, wide * 2]
    paths = series(tmp_path / "series", frames)
    folders = FolderLevels(paths)
    for path in paths:
        pullback = read_pullback(path, levels=folders.of(path))
        assert off(next(iter(pullback))[..., 0]) <= 1
        assert "stored on 4 scales" in " ".join(pullback.warnings)


def test_an_empty_frame_of_a_series_stays_dark(tmp_path: Path) -> None:
    paths = series(tmp_path / "series", [GREY.astype(np.uint16) * 257, np.zeros((64, 64), np.uint16)])
    folders = FolderLevels(paths)
    dark = read_pullback(paths[1], levels=folders.of(paths[1]))
    assert next(iter(dark)).max() == 0
    assert dark.warnings == ()


def test_files_of_8_bits_keep_their_levels_beside_deep_ones(tmp_path: Path) -> None:
    paths = series(tmp_path / "series", [GREY, GREY.astype(np.uint16) * 257])
    folders = FolderLevels(paths)
    assert off(next(iter(read_pullback(paths[0], levels=folders.of(paths[0]))))[..., 0]) == 0


def test_what_cannot_be_read_is_passed_over_in_the_survey(tmp_path: Path) -> None:
    paths = series(tmp_path / "series", [GREY.astype(np.uint16) * 257, GREY.astype(np.uint16)])
    paths[1].write_bytes(paths[1].read_bytes()[:300])
    folders = FolderLevels([*paths, tmp_path / "series" / "absent.tif"])
    assert off(next(iter(read_pullback(paths[0], levels=folders.of(paths[0]))))[..., 0]) <= 1
    with pytest.raises(ReadError, match=r"frame_1\.tif is incomplete"):
        read_pullback(paths[1], levels=folders.of(paths[1]))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (GREY.astype(np.float64) / 255, "of 64-bit real numbers, which this version does not read"),
        (GREY.astype(np.float16) / np.float16(255), "of 16-bit real numbers, which this version does not read"),
        ((GREY // 2).astype(np.int8), "of 8-bit signed whole numbers, which this version does not read"),
        (GREY.astype(np.uint32) * np.uint32(16843009), "holds whole numbers of more than 16 bits"),
        (GREY.astype(np.int32) - 40000, "holds whole numbers of more than 16 bits"),
        (GREY.astype(np.int16) - 1, "holds negative levels, down to -1; save it with levels from 0 up"),
    ],
)
def test_numbers_that_are_not_read_are_called_what_they_are(samples: NDArray[Any], said: str) -> None:
    with pytest.raises(ReadError, match=said):
        levels_of(samples)
