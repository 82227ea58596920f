"""What this program made of frames is known as such, whatever was done to the file, and no frame is taken for it."""

import io
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import PALETTE
from octseg.drawing.own import kind_by_pixels, kind_of_content
from octseg.drawing.palette import indexed_image
from octseg.errors import OwnResultError
from octseg.export.pictures import mask_png, overlay_png
from octseg.phantom import make_phantom
from octseg.reading import read_pullback
from octseg.reading.own import own_kind
from octseg.result import FrameResult
from tests.fakes.results import withdrawn_result

Resaved = Callable[[Image.Image], bytes]


@pytest.fixture(scope="module")
def result() -> FrameResult:
    """A phantom outlined as it is."""
    phantom = make_phantom(3)
    return replace(withdrawn_result(), withdrawn=None, frame=phantom.frame, masks=phantom.masks)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def squeezed(content: bytes) -> bytes:
    """As optipng makes a PNG smaller: its pixels deflated anew in one piece, all other chunks as they are."""
    chunks, place = [], 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += length + 12
    pixels = zlib.compress(zlib.decompress(b"".join(held for kind, held in chunks if kind == b"IDAT")), 9)
    kept = [each for each in chunks if each[0] not in (b"IDAT", b"IEND")]
    return content[:8] + b"".join(map(chunk, [*kept, (b"IDAT", pixels), (b"IEND", b"")]))


def chunk(kind_and_content: tuple[bytes, bytes]) -> bytes:
    kind, content = kind_and_content
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def texts_last(content: bytes) -> bytes:
    """The text chunks behind the pixels, where some tools write them."""
    chunks, place = [], 8
    while place < len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        chunks.append(content[place:end])
        place = end
    texts = [each for each in chunks if each[4:8] in (b"tEXt", b"iTXt")]
    return content[:8] + b"".join([*(each for each in chunks[:-1] if each not in texts), *texts, chunks[-1]])


@pytest.mark.parametrize("changed", [bytes, squeezed, texts_last], ids=["copied", "made smaller", "texts last"])
def test_a_result_says_so_in_its_file(result: FrameResult, changed: Callable[[bytes], bytes]) -> None:
    for kind, content in (("mask", mask_png(result)), ("overlay", overlay_png(result))):
        assert own_kind(io.BytesIO(changed(content))) == kind
        with pytest.raises(
            OwnResultError, match=r"^scan.png is an? (mask|overlay) .*, not a frame; give the frame itsel"
        ):
            read_pullback(changed(content), name="scan.png")


@pytest.mark.parametrize(
    "resaved",
    [
        lambda picture: encoded(picture, "PNG"),
        lambda picture: encoded(picture, "PNG", optimize=True),
        lambda picture: encoded(picture.remap_palette([3, 0, 2, 1, 4]) if picture.mode == "P" else picture, "PNG"),
    ],
    ids=["saved", "saved small", "palette sorted"],
)
def test_a_mask_is_told_by_its_palette_where_the_text_is_gone(result: FrameResult, resaved: Resaved) -> None:
    assert own_kind(io.BytesIO(resaved(result.palette_mask()))) == "mask"


RESAVED: dict[str, Resaved] = {
    "PNG in colours": lambda picture: encoded(picture.convert("RGB"), "PNG"),
    "PNG with alpha": lambda picture: encoded(picture.convert("RGBA"), "PNG"),
    "BMP": lambda picture: encoded(picture.convert("RGB"), "BMP"),
    "TIFF": lambda picture: encoded(picture.convert("RGB"), "TIFF", compression="tiff_lzw"),
    "WebP": lambda picture: encoded(picture.convert("RGB"), "WEBP", lossless=True),
    "OpenCV": lambda picture: cv2.imencode(".png", np.asarray(picture.convert("RGB"))[..., ::-1])[1].tobytes(),
}
LOSSY: dict[str, Resaved] = {
    "JPEG 95": lambda picture: encoded(picture.convert("RGB"), "JPEG", quality=95),
    "JPEG 60": lambda picture: encoded(picture.convert("RGB"), "JPEG", quality=60),
    "WebP 80": lambda picture: encoded(picture.convert("RGB"), "WEBP", quality=80),
}
GREY: dict[str, Resaved] = {"grey": lambda picture: encoded(picture.convert("L"), "PNG")}


@pytest.mark.parametrize("name", [*RESAVED, *LOSSY, *GREY])
def test_a_mask_and_an_overlay_are_known_after_another_tool_wrote_them_anew(result: FrameResult, name: str) -> None:
    resaved = (RESAVED | LOSSY | GREY)[name]
    assert kind_of_content(resaved(result.palette_mask())) == "mask"
    assert kind_of_content(resaved(opened(overlay_png(result)))) == "overlay"
    assert kind_of_content(resaved(opened(overlay_png(replace(result, withdrawn="No lumen."))))) == "overlay"


@pytest.mark.parametrize("name", RESAVED)
def test_an_overlay_without_words_is_known_where_each_pixel_was_kept(result: FrameResult, name: str) -> None:
    assert kind_of_content(RESAVED[name](result.overlay())) == "overlay"
    small = replace(result, frame=result.frame[:40, :40], masks={"lumen": np.ones((40, 40), bool)})
    assert kind_of_content(RESAVED[name](small.overlay())) == "overlay"


def test_the_mark_of_an_overlay_cannot_be_seen(result: FrameResult) -> None:
    drawn = np.asarray(replace(result, masks={}).overlay(scale_bar=False)).astype(int)
    assert np.abs(drawn - result.frame).max() == 1


def drawn() -> list[NDArray[np.uint8]]:
    """Pictures of few colours, some of them those of masks, that no mask is."""
    white, lumen = np.full((64, 64, 3), 255, np.uint8), np.full((64, 64, 3), tuple(PALETTE[3:6]), np.uint8)
    halves = np.where(np.arange(64)[:, None, None] < 32, 0, white)
    return [white, lumen, np.zeros_like(white), halves.astype(np.uint8), np.full_like(white, 87)]


def test_no_frame_is_taken_for_a_result() -> None:
    frames = [make_phantom(seed).frame for seed in (0, 1, 2, 13)]
    greys = [np.repeat(frame.mean(axis=2).astype(np.uint8)[..., None], 3, axis=2) for frame in frames]
    swapped = [frame[..., ::-1] for frame in frames]
    assert {kind_by_pixels(np.ascontiguousarray(each)) for each in [*frames, *greys, *swapped, *drawn()]} == {None}


def test_no_real_frame_is_taken_for_a_result(real_frames: Path) -> None:
    paths = sorted(real_frames.glob("*/img/*.png"))[::20]
    assert {kind_of_content(path.read_bytes()) for path in paths} == {None}


def test_a_palette_of_black_and_white_is_not_a_masks() -> None:
    picture = indexed_image(np.zeros((64, 64), np.uint8))
    picture.putpalette(bytes((0, 0, 0, 255, 255, 255)))
    assert own_kind(io.BytesIO(encoded(picture, "PNG"))) is None
