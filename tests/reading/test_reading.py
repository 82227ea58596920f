"""Pictures of every kind come in with the grey levels that were stored, or not at all."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from octseg.drawing.palette import palette_image
from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading import Limits, read_frame_array, read_pullback
from tests.fakes.hostile.files import saved, tiff

HEIGHT, WIDTH = 48, 64
GREY = np.tile(np.linspace(0, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))
GREY[:8] = 0  # so that up is told from down
GREY_FRAME = np.repeat(GREY[:, :, None], 3, axis=2)
COLOUR = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 40)], axis=2)


def png(samples: NDArray[Any], colour_type: int, depth: int, extra: bytes = b"") -> bytes:
    """A PNG written by hand: (H, W) or (H, W, C) samples of 8 or 16 bits; `extra` chunks before the pixels."""
    big_endian = samples.astype(">u2" if depth == 16 else "u1")
    rows = b"".join(b"\x00" + row.tobytes() for row in big_endian)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour_type, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pixels + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def read(data: bytes) -> tuple[Frame, Pullback]:
    pullback = read_pullback(data, name="x.bin")
    (frame,) = pullback
    return frame, pullback


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_grey_and_rgb_come_in_as_stored(kind: str) -> None:
    assert np.array_equal(read(saved(Image.fromarray(GREY), kind))[0], GREY_FRAME)
    frame, pullback = read(saved(Image.fromarray(COLOUR), kind))
    assert np.array_equal(frame, COLOUR)
    assert pullback.warnings == ()


def test_lossless_webp_comes_in_as_stored() -> None:
    assert np.array_equal(read(saved(Image.fromarray(COLOUR), "WEBP", lossless=True))[0], COLOUR)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_jpeg_comes_in_close_to_what_was_stored(options: dict[str, Any]) -> None:
    frame, _ = read(saved(Image.fromarray(GREY_FRAME), "JPEG", quality=95, **options))
    assert np.abs(frame.astype(int) - GREY_FRAME).mean() < 2


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_every_common_tiff_compression_is_read(compression: str | None) -> None:
    options = {} if compression is None else {"compression": compression}
    assert np.array_equal(read(saved(Image.fromarray(COLOUR), "TIFF", **options))[0], COLOUR)


@pytest.mark.parametrize("layout", [{"tile": (16, 16)}, {"rowsperstrip": 5}, {"bigtiff": True}, {"byteorder": ">"}])
def test_tiff_tiles_strips_bigtiff_and_byte_order_do_not_matter(layout: dict[str, Any]) -> None:
    assert np.array_equal(read(tiff(COLOUR, photometric="rgb", **layout))[0], COLOUR)


def test_sixteen_bits_that_use_their_range_are_divided_without_a_word() -> None:
    levels = GREY.astype(np.uint16) * 257
    for data in (png(levels, 0, 16), tiff(levels), tiff(levels, byteorder=">")):
        frame, pullback = read(data)
        assert np.array_equal(frame, GREY_FRAME)
        assert pullback.warnings == ()


def test_twelve_bits_in_sixteen_are_recognised_and_said() -> None:
    levels = np.rint(GREY * (4095 / 255)).astype(np.uint16)
    for data in (png(levels, 0, 16), tiff(levels)):
        frame, pullback = read(data)
        assert np.array_equal(frame, GREY_FRAME)
        assert pullback.warnings == ("the file has more than 8 bits and levels up to 4095: taken as 12-bit",)


def test_eight_bits_in_sixteen_are_recognised_and_said() -> None:
    frame, pullback = read(tiff(GREY.astype(np.uint16)))
    assert np.array_equal(frame, GREY_FRAME)
    assert "taken as 8-bit" in pullback.warnings[0]


def test_a_dark_frame_that_declares_its_bits_stays_dark() -> None:
    dark = np.rint(GREY * (4095 / 255)).astype(np.uint16)
    frame, pullback = read(png(dark, 0, 16, chunk(b"sBIT", b"\x0c")))
    assert frame.max() == 16
    assert pullback.warnings == ()
    assert np.array_equal(read(tiff(dark, extratags=[(281, "H", 1, 4095, True)]))[0], GREY_FRAME)


def test_colours_of_sixteen_bits_keep_all_of_them_before_rounding() -> None:
    levels = COLOUR.astype(np.uint16) * 257
    levels[0, 0] = (200, 300, 65535)  # 0.8, 1.2 and 255 of 255
    for data in (png(levels, 2, 16), tiff(levels, photometric="rgb"), tiff(levels, photometric="rgb", byteorder=">")):
        frame, _ = read(data)
        assert np.array_equal(frame[1:], COLOUR[1:])
        assert frame[0, 0].tolist() == [1, 1, 255]


def test_minus_white_tiffs_are_turned_the_right_way_at_any_depth() -> None:
    for samples in (255 - GREY, 65535 - GREY.astype(np.uint16) * 257):
        assert np.array_equal(read(tiff(samples, photometric="miniswhite"))[0], GREY_FRAME)
    bits = tiff(GREY < 128, photometric="miniswhite")
    assert np.array_equal(read(bits)[0][..., 0], np.where(GREY < 128, 0, 255))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (GREY / np.float32(255), "taken as 0 to 1"),
        (GREY.astype(np.float32), "taken as 0 to 255"),
        (GREY.astype(np.float64) * 20 - 1000, "from -1000 to 4100: spread over black to white"),
    ],
)
def test_real_numbers_are_scaled_by_a_rule_that_is_said(samples: NDArray[Any], said: str) -> None:
    frame, pullback = read(tiff(samples.astype(np.float32)))
    assert np.abs(frame.astype(int) - GREY_FRAME).max() <= 1
    assert said in pullback.warnings[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused(bad: float) -> None:
    samples = GREY / np.float32(255)
    samples[5, 5] = bad
    with pytest.raises(ReadError, match=r"x\.bin holds values that are not finite"):
        read(tiff(samples))


def test_negative_and_oversized_whole_numbers_are_refused() -> None:
    with pytest.raises(ReadError, match="negative levels, down to -300"):
        read(tiff(GREY.astype(np.int16) - 300))
    with pytest.raises(ReadError, match="more than 16 bits"):
        read(tiff(GREY.astype(np.uint32) * 100_000))


def test_palettes_one_bit_and_cmyk_show_what_they_show_elsewhere() -> None:
    assert np.abs(read(saved(Image.fromarray(GREY).convert("P"), "PNG"))[0].astype(int) - GREY_FRAME).max() == 0
    assert np.array_equal(read(saved(Image.fromarray(GREY >= 128), "PNG"))[0], np.where(GREY_FRAME >= 128, 255, 0))
    cmyk = Image.fromarray(COLOUR).convert("CMYK")
    frame, pullback = read(saved(cmyk, "TIFF"))
    assert np.array_equal(frame, COLOUR)
    assert "CMYK" in pullback.warnings[0]


def test_opaque_alpha_is_dropped_and_transparent_pixels_become_black_with_a_word() -> None:
    alpha = np.full_like(GREY, 255)
    frame, pullback = read(saved(Image.fromarray(np.dstack([COLOUR, alpha])), "PNG"))
    assert np.array_equal(frame, COLOUR)
    assert pullback.warnings == ()
    alpha[:, :10] = 0
    for kind in ("PNG", "TIFF"):
        frame, pullback = read(saved(Image.fromarray(np.dstack([COLOUR, alpha])), kind))
        assert frame[:, :10].max() == 0
        assert np.array_equal(frame[:, 10:], COLOUR[:, 10:])
        assert "transparent" in pullback.warnings[0]


def test_a_single_clear_level_or_colour_becomes_black_with_a_word() -> None:
    level = int(GREY[20, 20])
    for data in (
        png(GREY, 0, 8, chunk(b"tRNS", struct.pack(">H", level))),
        png(GREY_FRAME, 2, 8, chunk(b"tRNS", struct.pack(">3H", level, level, level))),
    ):
        frame, pullback = read(data)
        assert np.array_equal(frame, GREY_FRAME * (level != GREY_FRAME))
        assert "transparent" in pullback.warnings[0]


def test_sixteen_bit_alpha_is_understood() -> None:
    alpha = np.full(GREY.shape, 65535, dtype=np.uint16)
    grey16 = GREY.astype(np.uint16) * 257
    assert np.array_equal(read(png(np.dstack([grey16, alpha]), 4, 16))[0], GREY_FRAME)
    assert np.array_equal(read(png(np.dstack([COLOUR.astype(np.uint16) * 257, alpha]), 6, 16))[0], COLOUR)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_once(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    data = saved(Image.fromarray(GREY_FRAME), kind, exif=exif, **options)
    turned = {
        1: GREY,
        2: GREY[:, ::-1],
        3: GREY[::-1, ::-1],
        4: GREY[::-1],
        5: GREY.T,
        6: np.rot90(GREY, -1),
        7: GREY[::-1, ::-1].T,
        8: np.rot90(GREY),
    }[orientation]
    frame, _ = read(data)
    assert frame.shape[:2] == turned.shape
    assert np.abs(frame[..., 0].astype(int) - turned).mean() < 2


def test_a_tiff_of_pages_is_a_pullback_that_streams() -> None:
    frames = np.stack([np.roll(GREY, shift, axis=1) for shift in range(5)])
    pullback = read_pullback(tiff(frames, photometric="minisblack"), name="IMG001.tif")
    assert (pullback.name, len(pullback)) == ("IMG001", 5)
    for _ in range(2):  # it can be gone through again
        assert np.array_equal(np.stack(list(pullback))[..., 0], frames)


def test_all_pages_of_a_deep_tiff_share_one_rule() -> None:
    frames = np.stack([GREY.astype(np.uint16), GREY.astype(np.uint16) * 257])
    first, second = read_pullback(tiff(frames, photometric="minisblack"), name="x")
    assert first.max() == 1
    assert second.max() == 255


def test_thumbnails_beside_a_frame_are_passed_over() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GREY)
        writer.write(GREY[::2, ::2], subfiletype=1)
    assert np.array_equal(read(file.getvalue())[0], GREY_FRAME)


def test_frames_of_several_sizes_are_refused() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GREY)
        writer.write(GREY[:40])
    with pytest.raises(ReadError, match="mixes frames of 48 x 64 and 40 x 64 pixels"):
        read(file.getvalue())


def test_a_file_of_masks_is_no_frame() -> None:
    with pytest.raises(ReadError, match="a file of masks is no frame"):
        read(tiff(np.dstack([GREY] * 4), photometric="rgb", extrasamples=["unspecified"]))


def test_content_decides_and_not_the_names_ending(tmp_path: Path) -> None:
    path = tmp_path / "frame.tif"
    path.write_bytes(saved(Image.fromarray(GREY), "PNG"))
    assert np.array_equal(next(iter(read_pullback(path))), GREY_FRAME)


def test_a_pullback_is_named_by_its_file_without_folder_or_ending(tmp_path: Path) -> None:
    path = tmp_path / "IMG001.png"
    path.write_bytes(saved(Image.fromarray(GREY), "PNG"))
    assert read_pullback(path).name == "IMG001"
    assert read_pullback(path.read_bytes()).name == "frame"
    assert read_pullback(path.read_bytes(), name="C:\\patients\\Jane\\a.b.png").name == "a.b"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04" + b"\x00" * 100, "a ZIP archive"),
        (b"\x00\x00\x00\x18ftypisom" + b"\x00" * 100, "an MP4 or QuickTime video"),
        (b"RIFF\x00\x00\x00\x00AVI " + b"\x00" * 100, "an AVI video"),
        (b"<html><body>Not found</body></html>", "text, not a picture"),
        (b"\x07\x01\x02" * 50, "of an unknown format"),
    ],
)
def test_other_kinds_are_named_and_refused(data: bytes, kind: str) -> None:
    with pytest.raises(ReadError, match=f"x.bin is {kind}; this version reads PNG, JPEG, TIFF, WebP and BMP"):
        read(data)


def test_a_mask_that_this_program_wrote_is_no_frame() -> None:
    mask = palette_image({"lumen": GREY > 100})
    with pytest.raises(ReadError, match=r"x\.bin is a mask .* give the frame itself"):
        read(saved(mask, "PNG"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short_is_refused_in_a_sentence(kind: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    with pytest.raises(ReadError, match=r"x\.bin (is incomplete|is a damaged|is empty)"):
        read(data[: int(len(data) * part)])


def test_a_png_whose_pixel_stream_ends_early_is_refused() -> None:
    rows = b"".join(b"\x00" + row.tobytes() for row in GREY[:20])
    whole = png(GREY, 0, 8)
    short = whole.replace(
        whole[whole.index(b"IDAT") - 4 : whole.index(b"IEND") - 4], chunk(b"IDAT", zlib.compress(rows))
    )
    with pytest.raises(ReadError, match="damaged or incomplete"):
        read(short)


@pytest.mark.parametrize(
    ("size", "limit"),
    [((20, 100), "at least 32"), ((9000, 40), "at most 8192"), ((8000, 8000), "at most 25 million"), ((40, 800), "16")],
)
def test_sizes_beyond_the_limits_are_refused_from_the_header(size: tuple[int, int], limit: str) -> None:
    header = struct.pack(">IIBBBBB", size[1], size[0], 8, 0, 0, 0, 0)
    claimed = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"no pixels") + chunk(b"IEND", b"")
    with pytest.raises(ReadError, match=rf"x\.bin is {size[0]} x {size[1]} pixels; .*{limit}"):
        read(claimed)


def test_an_operator_can_change_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Image.fromarray(GREY), "PNG")
    monkeypatch.setenv("OCTSEG_MAX_PIXELS", "1000")
    with pytest.raises(ReadError, match=r"at most 0\.001 million are read \(OCTSEG_MAX_PIXELS\)"):
        read(data)
    assert len(read_pullback(data, limits=Limits())) == 1


def test_a_file_beyond_the_byte_limit_is_refused() -> None:
    with pytest.raises(ReadError, match="at most 0 MB are read"):
        read_pullback(saved(Image.fromarray(GREY), "BMP"), limits=Limits(max_file_bytes=100))


def test_errors_name_the_file_and_never_its_folder(tmp_path: Path) -> None:
    secret = tmp_path / "Jane Doe 1950"
    secret.mkdir()
    (secret / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (secret / "empty.png").touch()
    for path, said in (
        (secret / "x.png", "x.png is incomplete"),
        (secret / "empty.png", "empty.png is empty"),
        (secret / "none.png", "there is no file none.png"),
        (secret, "is a folder"),
    ):
        with pytest.raises(ReadError, match=said) as caught:
            read_pullback(path)
        assert str(tmp_path) not in str(caught.value)


def test_a_hostile_name_cannot_break_the_line() -> None:
    with pytest.raises(ReadError) as caught:
        read_pullback(b"", name="a\n\x1b[31m\u202egnp.exe" + "x" * 500)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


def test_an_array_or_a_pillow_picture_given_in_python_is_a_frame() -> None:
    assert np.array_equal(read_frame_array(GREY), GREY_FRAME)
    assert np.array_equal(read_frame_array(COLOUR[:, ::-1]), COLOUR[:, ::-1])
    assert np.array_equal(read_frame_array(Image.fromarray(COLOUR)), COLOUR)
    assert read_frame_array(COLOUR[::-1]).flags.c_contiguous


@pytest.mark.parametrize("array", [GREY / 255, GREY[None, None], np.dstack([GREY] * 4), GREY.astype(np.uint16)])
def test_an_array_of_another_shape_or_type_is_refused_with_its_shape(array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"got shape \(.*\) (float64|uint8|uint16)"):
        read_frame_array(array)


def test_a_deep_pillow_picture_is_refused_with_its_mode() -> None:
    with pytest.raises(ReadError, match="mode I;16"):
        read_frame_array(Image.fromarray(GREY.astype(np.uint16) * 257))


def test_real_frames_come_in_as_opencv_reads_them(real_frames: Path) -> None:
    path = sorted((real_frames / "test" / "img").glob("*.png"))[0]
    assert np.array_equal(next(iter(read_pullback(path))), cv2.imread(str(path))[:, :, ::-1])
