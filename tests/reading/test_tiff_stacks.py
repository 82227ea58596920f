"""TIFF stacks come in whole, however they were written, and one that ends early gives what it has."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from octseg.errors import ReadError
from octseg.pullback import Pullback
from octseg.reading import Limits, read_pullback
from tests.fakes.hostile.files import raw_tiff
from tests.fakes.pullbacks import frames, numbers_of

COUNT = 9
RGB = np.stack(frames(COUNT))  # (9, H, W, 3)
GREY = np.ascontiguousarray(RGB[..., 1])


def written(stack: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, stack, **options)
    return file.getvalue()


def by_path(folder: Path, data: bytes) -> Pullback:
    path = folder / "run.tif"
    path.write_bytes(data)
    return read_pullback(path)


WAYS: dict[str, dict[str, Any]] = {
    "little": {},
    "big": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "big-endian BigTIFF": {"bigtiff": True, "byteorder": ">"},
    "deflated": {"compression": "zlib"},
    "LZW, predicted": {"compression": "lzw", "predictor": True},
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (64, 64)},
    "ImageJ": {"imagej": True},
    "OME": {"ome": True, "metadata": {"axes": "TYXS"}},
    "OME, BigTIFF": {"ome": True, "bigtiff": True, "metadata": {"axes": "ZYXS"}},
    "one page for all": {"contiguous": True, "metadata": {}},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stack_of_colour_comes_in_whole_in_any_layout(tmp_path: Path, way: str) -> None:
    pullback = by_path(tmp_path, written(RGB, photometric="rgb", **WAYS[way]))
    assert np.array_equal(np.stack(list(pullback)), RGB)
    assert (pullback.frame_count, pullback.warnings, pullback.late_warnings) == (COUNT, (), [])


@pytest.mark.parametrize("way", ["big-endian BigTIFF", "ImageJ", "deflated"])
def test_a_stack_of_grey_of_sixteen_bits_comes_in_whole(tmp_path: Path, way: str) -> None:
    options = {**WAYS[way], "photometric": "minisblack"}
    pullback = by_path(tmp_path, written(GREY.astype(np.uint16) * 257, **options))
    assert np.array_equal(np.stack(list(pullback))[..., 0], GREY)


def one_page_imagej(stack: Any, said: int | None = None, order: str = ">") -> bytes:
    """As ImageJ writes a large stack: one page, and all frames one behind the other."""
    count, height, width = stack.shape[:3]
    samples = 3 if stack.ndim == 4 else 1
    text = f"ImageJ=1.54f\nimages={said or count}\nslices={said or count}\nunit=inch\nloop=false\n\0".encode()
    pixels = stack.astype(stack.dtype.newbyteorder(order)).tobytes()
    bits = stack.dtype.itemsize * 8
    entries = [
        (256, 4, 1, struct.pack(order + "I", width)),
        (257, 4, 1, struct.pack(order + "I", height)),
        (258, 3, 1, struct.pack(order + "HH", bits, 0)),
        (262, 3, 1, struct.pack(order + "HH", 2 if samples == 3 else 1, 0)),
        (270, 2, len(text), struct.pack(order + "I", 200)),
        (273, 4, 1, struct.pack(order + "I", 200 + len(text))),
        (277, 3, 1, struct.pack(order + "HH", samples, 0)),
        (278, 3, 1, struct.pack(order + "HH", height, 0)),
        (279, 4, 1, struct.pack(order + "I", height * width * samples * bits // 8)),
    ]
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, len(entries))
    head += b"".join(struct.pack(order + "HHI", tag, kind, n) + value for tag, kind, n, value in entries) + bytes(4)
    return head.ljust(200, b"\0") + text + pixels


@pytest.mark.parametrize("order", "<>")
def test_frames_that_imagej_keeps_behind_one_page_are_all_read(tmp_path: Path, order: str) -> None:
    assert numbers_of(by_path(tmp_path, one_page_imagej(RGB, order=order))) == list(range(1, COUNT + 1))
    wide = GREY.astype(np.uint16) * 257
    assert np.array_equal(np.stack(list(by_path(tmp_path, one_page_imagej(wide, order=order))))[..., 0], GREY)


def test_a_range_begins_at_its_first_frame(tmp_path: Path) -> None:
    for data in (written(RGB, photometric="rgb", compression="zlib"), one_page_imagej(RGB)):
        assert numbers_of(by_path(tmp_path, data).frames(4, 7)) == [5, 6, 7]
        assert numbers_of(by_path(tmp_path, data).frames(7)) == [8, 9]


@pytest.mark.parametrize("way", ["little", "BigTIFF", "ImageJ", "OME", "deflated", "one page for all", "by ImageJ"])
@pytest.mark.parametrize("part", [0.35, 0.6, 0.95])
def test_a_stack_that_ends_early_gives_its_whole_frames_and_says_so(tmp_path: Path, way: str, part: float) -> None:
    data = one_page_imagej(RGB) if way == "by ImageJ" else written(RGB, photometric="rgb", **WAYS[way])
    pullback = by_path(tmp_path, data[: int(part * len(data))])
    there = numbers_of(pullback)
    assert there == list(range(1, len(there) + 1))
    assert COUNT * part - 2 <= len(there) <= COUNT * part
    assert pullback.frame_count == len(there)
    assert len(pullback.late_warnings) == 1
    assert "run.tif ends early" in pullback.late_warnings[0]


def test_a_count_that_no_pixels_follow_is_said(tmp_path: Path) -> None:
    pullback = by_path(tmp_path, one_page_imagej(RGB, said=10_000))
    assert numbers_of(pullback) == list(range(1, COUNT + 1))
    assert "of 10000 frames 9 are there" in pullback.late_warnings[0]
    with pytest.raises(ReadError, match="says it holds 500 frames and ends before the second"):
        by_path(tmp_path, one_page_imagej(RGB[:1], said=500))


def test_a_damaged_page_is_black_and_no_number_moves(tmp_path: Path) -> None:
    data = bytearray(written(RGB, photometric="rgb", compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        place = file.pages[3].aspage().dataoffsets[0]
    data[place : place + 40] = bytes(40)
    pullback = by_path(tmp_path, bytes(data))
    assert numbers_of(pullback) == [1, 2, 3, 0, 5, 6, 7, 8, 9]
    assert numbers_of(pullback)[3] == 0  # it can be gone through again, and is said once
    assert [said[:22] for said in pullback.late_warnings] == ["frame 4 is left black:"]


def test_three_channels_in_pages_of_their_own_are_one_frame_of_colour(tmp_path: Path) -> None:
    planes = np.ascontiguousarray(RGB.transpose(0, 3, 1, 2))
    for options in ({"imagej": True, "metadata": {"axes": "TCYX"}}, {"ome": True, "metadata": {"axes": "TCYX"}}):
        pullback = by_path(tmp_path, written(planes, photometric="minisblack", **options))
        assert np.array_equal(np.stack(list(pullback)), RGB)
    as_channels = written(GREY[:, None], photometric="minisblack", imagej=True)  # what tifffile calls a stack of frames
    assert numbers_of(by_path(tmp_path, as_channels)) == list(range(1, COUNT + 1))
    two = written(planes[:, :2], photometric="minisblack", ome=True, metadata={"axes": "TCYX"})
    with pytest.raises(ReadError, match="keeps 2 channels of each frame in pages of their own"):
        by_path(tmp_path, two)


def test_levels_beyond_those_of_the_pages_looked_at_are_said(tmp_path: Path) -> None:
    stack = np.full((200, 64, 64), 1000, np.uint16)
    stack[:, :32] = 0
    stack[3, 40:50] = 60_000
    pullback = by_path(tmp_path, written(stack, photometric="minisblack"))
    assert len(list(pullback)) == 200
    assert [said[:7] for said in pullback.late_warnings] == ["frame 4"]


def test_planes_that_may_be_frames_are_said_or_refused(tmp_path: Path) -> None:
    pullback = by_path(tmp_path, written(GREY[:3]))
    assert pullback.frame_count == 1
    assert "if they are 3 grey frames, save them as pages" in pullback.warnings[0]
    with pytest.raises(ReadError, match="keeps 4 planes as one picture: if they are 4 frames, save them as pages"):
        by_path(tmp_path, written(GREY[:4]))
    planar = np.ascontiguousarray(RGB.transpose(0, 3, 1, 2))
    assert by_path(tmp_path, written(planar, photometric="rgb", planarconfig="separate")).warnings == ()


def test_resolution_tags_are_no_scale(tmp_path: Path) -> None:
    for unit in (1, 2, 3):
        options: dict[str, Any] = {"resolution": (100.2, 100.2), "resolutionunit": unit}
        assert by_path(tmp_path, written(RGB, photometric="rgb", **options)).pixel_spacing_mm is None


def test_pages_that_are_too_many_are_refused_from_the_header() -> None:
    data = written(np.zeros((60, 32, 32), np.uint8), photometric="minisblack")
    with pytest.raises(ReadError, match=r"x has 60 frames; at most 50 are read \(OCTSEG_MAX_FRAMES\)"):
        read_pullback(data, name="x", limits=Limits(max_frames=50))


def test_one_page_of_a_file_that_lies_about_its_bytes_takes_no_more_than_its_pixels(tmp_path: Path) -> None:
    pixels = bytes(3_000_000)
    strips = {273: ("I", (8,) * 40), 279: ("I", (len(pixels),) * 40), 278: ("I", (2,)), 259: ("H", (8,))}
    with pytest.raises(ReadError, match="its pixels take more bytes than they can"):
        by_path(tmp_path, raw_tiff(strips, pixels))


def test_the_number_of_frames_tells_their_distance_and_a_warning_says_so() -> None:
    pullback = read_pullback(written(np.zeros((540, 32, 32), np.uint8), photometric="minisblack"), name="x.tif")
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (0.1, "frame_count")
    assert "0.1 mm between frames is taken from their number, 540" in pullback.warnings[0]


def test_the_number_of_frames_of_a_stack_that_ends_early_tells_nothing() -> None:
    cut = one_page_imagej(np.zeros((375, 32, 32), np.uint8), said=540)
    pullback = read_pullback(cut, name="x.tif")
    assert (pullback.frame_count, pullback.frame_spacing_mm) == (375, None)
    assert "of 540 frames 375 are there" in pullback.late_warnings[0]
