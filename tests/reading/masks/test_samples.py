"""Mask files of many tools: which pixels each of them outlines, or the sentence that names what is wrong."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.errors import ReadError
from tests.fakes.prepared import box, encoded, planes_of, png
from train.preparing.masks import MaskRule, read_mask

SHAPE = (128, 96)
DRAWN = box(20, 30, 17, 11, SHAPE)
OBJECT = DRAWN.astype(np.uint8) * 255
FOUR = {name: box(10 + 20 * place, 10, 10, 10 + place, SHAPE) for place, name in enumerate(CLASS_NAMES)}
IMAGEJ = "ImageJ=1.54f\nmin=0.0\nmax=255.0\n"


def tiff(samples: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


def palette_png(values: np.ndarray, colours: list[int]) -> bytes:
    picture = Image.fromarray(values)
    picture.putpalette(colours)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def painted(*colour: int) -> np.ndarray:
    """(H, W, n): `colour` where something is drawn, else 0, alpha opaque everywhere if there is any."""
    samples = np.zeros((*SHAPE, len(colour)), np.uint8)
    samples[DRAWN] = colour
    if len(colour) in (2, 4):
        samples[..., -1] = 255
    return samples


INVERTED_RAMP = [255 - level for level in range(256) for _ in range(3)]
TWO_VALUES = {
    "ImageJ's inverting look-up table": tiff(OBJECT, photometric="miniswhite", metadata=None, description=IMAGEJ),
    "an array of bool by tifffile, which calls 0 white": tiff(DRAWN),
    "white is zero, in one bit": tiff(~DRAWN, photometric="miniswhite"),
    "white is zero, in eight bits": tiff(255 - OBJECT, photometric="miniswhite"),
    "fax": encoded(DRAWN, "TIFF", compression="group4"),
    "an inverted grey palette": palette_png(OBJECT, INVERTED_RAMP),
    "RGBA TIFF, white on black": encoded(painted(255, 255, 255, 255), "TIFF", compression="tiff_lzw"),
    "RGBA TIFF, red on black": encoded(painted(255, 0, 0, 255), "TIFF"),
    "RGBA TIFF, red on nothing": encoded(painted(255, 0, 0)[..., [0, 1, 2, 0]], "TIFF"),
    "RGBA TIFF, white on nothing": encoded(OBJECT[..., None].repeat(4, axis=2), "TIFF"),
    "RGB TIFF": encoded(painted(255, 255, 255), "TIFF"),
    "RGB PNG": png(painted(255, 255, 255)),
    "green PNG": png(painted(0, 200, 0)),
    "black on nothing": png(np.dstack([OBJECT * 0] * 3 + [OBJECT])),
    "grey and alpha": png(painted(255, 255)),
    "16 bits": png(DRAWN.astype(np.uint16)),
    "real numbers": tiff(DRAWN.astype(np.float32)),
    "32 bits": tiff(DRAWN.astype(np.int32) * 7),
    "BMP": encoded(OBJECT, "BMP"),
    "0 and 2": png(DRAWN * np.uint8(2)),
    "0 and 128": png(DRAWN * np.uint8(128)),
    "0 and 254": png(DRAWN * np.uint8(254)),
    "1 and 2": png(DRAWN + np.uint8(1)),
}


@pytest.mark.parametrize("kind", TWO_VALUES)
def test_exactly_two_values_outline_one_class_however_they_are_stored(kind: str) -> None:
    read = read_mask(TWO_VALUES[kind], SHAPE, MaskRule())
    assert set(read) == {"lipid_core"}
    np.testing.assert_array_equal(read["lipid_core"], DRAWN)


SORTED = sorted(CLASS_NAMES)  # as ImageJ's Images to Stack sorts by title: the cap first
NAMED_OME = {"axes": "CYX", "Channel": {"Name": ["Lipid", "Lumen area", "vasa-vasorum", "FibrousCap"]}}
IN_OME = ("lipid_core", "lumen", "vasa_vasorum", "fibrous_cap")


def stack(names: Any) -> np.ndarray:
    return np.stack([FOUR[name] for name in names]).astype(np.uint8) * 255


PLANES = {
    "planes one after the other": tiff(stack(CLASS_NAMES), photometric="minisblack", planarconfig="separate"),
    "planes of 0 and 1": tiff(stack(CLASS_NAMES) // 255, photometric="minisblack", planarconfig="separate"),
    "ImageJ's labels": tiff(stack(SORTED), imagej=True, metadata={"axes": "ZYX", "Labels": SORTED}),
    "titles of windows": tiff(
        stack(SORTED), imagej=True, metadata={"axes": "ZYX", "Labels": [f"P01_{name}.tif" for name in SORTED]}
    ),
    "OME channels": tiff(stack(IN_OME), photometric="minisblack", metadata=NAMED_OME, ome=True),
    "an ImageJ stack without labels": tiff(stack(CLASS_NAMES), imagej=True, metadata={"axes": "ZYX"}),
    "empty fourth plane": tiff(planes_of(FOUR | {"vasa_vasorum": FOUR["lumen"] & False}), photometric="rgb"),
}


@pytest.mark.parametrize("kind", PLANES)
def test_planes_are_known_by_their_names_or_else_by_their_order(kind: str) -> None:
    read = read_mask(PLANES[kind], SHAPE, MaskRule())
    for name in CLASS_NAMES[:3]:
        np.testing.assert_array_equal(read[name], FOUR[name])
    assert read["vasa_vasorum"].sum() in (130, 0)


def test_planes_with_names_need_not_be_all() -> None:
    labels = {"axes": "ZYX", "Labels": ["Lipid core", "Lumen"]}
    read = read_mask(tiff(stack(["lipid_core", "lumen"]), imagej=True, metadata=labels), SHAPE, MaskRule())
    assert set(read) == {"lumen", "lipid_core"}
    np.testing.assert_array_equal(read["lipid_core"], FOUR["lipid_core"])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["Lumen", "Calcium"], "Calcium is no class"),
        (["Lipid core", "lipid"], "two planes of the mask are of one class"),
    ],
)
def test_names_that_are_no_classes_or_one_class_twice_are_refused(labels: list[str], words: str) -> None:
    content = tiff(stack(["lumen", "lipid_core"]), imagej=True, metadata={"axes": "ZYX", "Labels": labels})
    with pytest.raises(ReadError, match=words):
        read_mask(content, SHAPE, MaskRule())


def smooth(plane: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0))


def jpeg(samples: np.ndarray) -> bytes:
    return encoded(samples, "JPEG", quality=90)


TISSUE = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), dtype=np.uint8)
REFUSED = {
    "anti-aliased": (png(smooth(OBJECT)), "smoothed edges: .* exported without smoothing"),
    "JPEG artefacts in a PNG": (png(np.asarray(Image.open(io.BytesIO(jpeg(OBJECT))))), "smoothed edges"),
    "JPEG": (jpeg(OBJECT), "JPEG picture, whose compression changes values"),
    "probabilities": (tiff(smooth(OBJECT) / np.float32(255)), "real values from 0 to .*set a threshold"),
    "no numbers": (tiff(np.where(DRAWN, np.nan, 0).astype(np.float32)), "no numbers"),
    "half transparent": (png(np.dstack([OBJECT, OBJECT, OBJECT, smooth(OBJECT)])), "half transparent"),
    "drawn over the frame": (png(TISSUE), "colour picture of .* outlines drawn over it"),
    "three colours": (png(painted(255, 0, 0) + np.roll(painted(0, 255, 0), 40, 0)), "colour picture of 3 colours"),
    "another colour for each class": (png(np.moveaxis(stack(CLASS_NAMES[:3]), 0, -1)), "picture of 4 colours"),
    "three planes": (tiff(stack(CLASS_NAMES[:3]), photometric="minisblack"), "3 planes; 4 are expected"),
    "red everywhere": (png(np.full((*SHAPE, 3), (255, 0, 0), np.uint8)), "one colour #FF0000 everywhere"),
    "white everywhere": (png(np.full(SHAPE, 255, np.uint8)), "one value 255 everywhere"),
    "NIfTI": (b"\0" * 344 + b"n+1\0", "NIfTI"),
    "an ImageJ outline": (b"Iout" + b"\0" * 100, "Create Mask"),
    "LabelMe's polygons": (b'{"version": "5.4.1"}', "JSON text"),
    "a cut PNG whose last rows are black": (png(OBJECT)[:-60], "damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_mask_is_refused_by_what_it_is(kind: str) -> None:
    content, words = REFUSED[kind]
    with pytest.raises(ReadError, match=words):
        read_mask(content, SHAPE, MaskRule())


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((129, 96), "129 x 96 .* rows or columns were added or lost"),
        ((64, 48), "0.5 times as large"),
        ((96, 128), "turned by a quarter"),
        ((128, 40), "another frame, or was cropped"),
    ],
)
def test_a_mask_of_another_size_is_refused_by_what_may_have_happened(shape: tuple[int, int], words: str) -> None:
    with pytest.raises(ReadError, match=words):
        read_mask(png(np.zeros(shape, np.uint8)), SHAPE, MaskRule())


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_labels_of_more_bits_mean_what_the_class_map_says(kind: type) -> None:
    labels = tiff((FOUR["lumen"] * 3 + FOUR["lipid_core"]).astype(kind))
    read = read_mask(labels, SHAPE, MaskRule(class_map={3: "lumen", 1: "lipid_core"}))
    np.testing.assert_array_equal(read["lumen"], FOUR["lumen"])
    np.testing.assert_array_equal(read["lipid_core"], FOUR["lipid_core"])


def test_a_value_may_be_said_to_be_background() -> None:
    read = read_mask(png(DRAWN + np.uint8(1)), SHAPE, MaskRule(class_map={1: "background", 2: "lipid_core"}))
    assert set(read) == {"lipid_core"}
    np.testing.assert_array_equal(read["lipid_core"], DRAWN)
