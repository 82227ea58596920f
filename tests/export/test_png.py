import io

import cv2
import numpy as np
import pytest
from PIL import Image

from octseg.export.png import grey_png, indexed_png, rgb_png

TEXTS = {"Software": "octseg", "Scale": "9.96 µm per pixel"}


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (257, 3), (600, 40)])
def test_a_picture_written_as_png_reads_back_pixel_by_pixel_in_pillow_and_opencv(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)

    content = rgb_png(picture, TEXTS)

    with Image.open(io.BytesIO(content)) as opened:
        np.testing.assert_array_equal(np.asarray(opened), picture)
        assert opened.mode == "RGB"
    seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(seen[..., ::-1], picture)


def test_texts_stand_before_the_pixels_in_any_alphabet() -> None:
    with Image.open(io.BytesIO(rgb_png(np.zeros((4, 4, 3), np.uint8), TEXTS))) as opened:
        assert dict(opened.text) == TEXTS  # read without the pixels


def test_a_picture_that_is_a_view_of_another_is_written_as_it_looks() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (300, 50, 3), np.uint8)

    with Image.open(io.BytesIO(rgb_png(picture[::-2, 5:], {}))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), picture[::-2, 5:])


def test_grey_is_written_pixel_by_pixel() -> None:
    grey = np.random.default_rng(4).integers(0, 256, (300, 41), np.uint8)

    with Image.open(io.BytesIO(grey_png(grey, TEXTS))) as opened:
        assert (opened.mode, dict(opened.text)) == ("L", TEXTS)
        np.testing.assert_array_equal(np.asarray(opened), grey)


def test_indices_are_written_with_their_palette() -> None:
    indices = np.random.default_rng(3).integers(0, 3, (300, 41), np.uint8)

    with Image.open(io.BytesIO(indexed_png(indices, bytes([0, 0, 0, 255, 0, 0, 0, 9, 200]), TEXTS))) as opened:
        assert opened.mode == "P"
        assert dict(opened.text) == TEXTS
        np.testing.assert_array_equal(np.asarray(opened), indices)
        assert opened.convert("RGB").getpixel((0, 0)) == [(0, 0, 0), (255, 0, 0), (0, 9, 200)][indices[0, 0]]


def test_a_picture_has_the_same_bytes_wherever_in_memory_it_is_packed() -> None:
    """ISA-L's compressor takes its own address for a part of what it packs (findings/deflate_by_address.sh)."""
    first = {}
    held = []
    for _ in range(200):
        held.append(np.empty(66_000, np.uint8))  # moves what is allocated next
        for level in range(256):
            written = grey_png(np.full((1, 999), level, np.uint8), {})
            assert first.setdefault(level, written) == written
