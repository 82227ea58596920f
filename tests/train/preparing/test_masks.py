"""What a mask says: the record's TIFFs, palettes, two values."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.classes import CLASS_NAMES, parse_class_map
from octseg.drawing.palette import palette_image
from octseg.errors import ConfigError, ReadError
from tests.fakes.prepared import box, disc, encoded, item, planes_of, png, record_mask
from train.preparing.masks import MaskRule, read_mask
from train.preparing.processing import Processing, process

SHAPE = (128, 128)
FOUR = {name: box(10 + 20 * place, 10, 10, 10 + place) for place, name in enumerate(CLASS_NAMES)}


def test_the_records_planes_are_right_where_opencv_gives_nothing(tmp_path: Path) -> None:
    """The trap: the fourth plane is empty, and OpenCV multiplies the others by it."""
    masks = {name: plane for name, plane in FOUR.items() if name != "vasa_vasorum"}
    path = tmp_path / "mask.tiff"
    path.write_bytes(record_mask(masks))
    assert cv2.imread(str(path)).max() == 0
    read = read_mask(path.read_bytes(), SHAPE, MaskRule(record=True))
    for name in CLASS_NAMES:
        np.testing.assert_array_equal(read[name], masks.get(name, np.zeros(SHAPE, bool)))


def test_pillow_and_tifffile_agree_on_the_records_planes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "mask.tiff", planes_of(FOUR), compression="lzw", photometric="rgb")
    read = read_mask((tmp_path / "mask.tiff").read_bytes(), SHAPE, MaskRule(record=True))
    assert {name: int(plane.sum()) for name, plane in read.items()} == {
        "lumen": 100,
        "fibrous_cap": 110,
        "lipid_core": 120,
        "vasa_vasorum": 130,
    }


def test_four_pages_are_read_as_four_planes() -> None:
    first, *others = (Image.fromarray(np.ascontiguousarray(planes_of(FOUR)[..., plane])) for plane in range(4))
    content = encoded(np.asarray(first), "TIFF", save_all=True, append_images=others)
    read = read_mask(content, SHAPE, MaskRule(record=True))
    np.testing.assert_array_equal(read["lipid_core"], FOUR["lipid_core"])
    np.testing.assert_array_equal(read["lumen"], FOUR["lumen"])


def test_two_pages_are_refused() -> None:
    page = Image.fromarray(np.zeros(SHAPE, np.uint8))
    with pytest.raises(ReadError, match="2 pages"):
        read_mask(encoded(np.asarray(page), "TIFF", save_all=True, append_images=[page]), SHAPE, MaskRule())


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_a_mask_of_one_plane_is_none_of_the_record(kind: str) -> None:
    with pytest.raises(ReadError, match="has 1 plane; a mask of this record has 4"):
        read_mask(encoded(np.zeros(SHAPE, np.uint8), kind), SHAPE, MaskRule(record=True))


def test_three_planes_are_refused() -> None:
    with pytest.raises(ReadError, match="3 planes; 4 are expected"):
        read_mask(encoded(np.zeros((*SHAPE, 3), np.uint8), "TIFF"), SHAPE, MaskRule(record=True))


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(ReadError, match="mask has 128 x 128 pixels and its frame 750 x 704"):
        read_mask(record_mask(FOUR), (750, 704), MaskRule(record=True))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "content", [b"", b"no picture", record_mask(FOUR)[:300], png(np.eye(128, dtype=np.uint8))[:90]]
)
def test_a_damaged_mask_is_refused(content: bytes) -> None:
    with pytest.raises(ReadError, match="damaged, or no PNG or TIFF"):
        read_mask(content, SHAPE, MaskRule())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_truncated_mask_of_the_record_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (*SHAPE, 4), dtype=np.uint8) * 255
    content = encoded(noise, "TIFF", compression="tiff_lzw")
    with pytest.raises(ReadError, match="damaged"):
        read_mask(content[: len(content) // 2], SHAPE, MaskRule(record=True))


@pytest.mark.parametrize("value", [1, 127, 128, 254])
def test_a_value_between_0_and_255_in_the_records_planes_is_refused(value: int) -> None:
    planes = planes_of(FOUR)
    planes[5, 5, 2] = value
    with pytest.raises(ReadError, match="other values than 0 and 255"):
        read_mask(encoded(planes, "TIFF"), SHAPE, MaskRule(record=True))


def palette_mask() -> bytes:
    values = np.zeros(SHAPE, np.uint8)
    values[FOUR["lumen"]], values[FOUR["lipid_core"]] = 7, 9
    picture = Image.fromarray(values)
    picture.putpalette([value for level in range(256) for value in (level, 255 - level, 0)])
    return encoded_picture(picture)


def encoded_picture(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_a_palette_mask_means_what_the_class_map_says() -> None:
    read = read_mask(palette_mask(), SHAPE, MaskRule(class_map={7: "lumen", 9: "lipid_core"}))
    assert set(read) == {"lumen", "lipid_core"}
    np.testing.assert_array_equal(read["lumen"], FOUR["lumen"])
    np.testing.assert_array_equal(read["lipid_core"], FOUR["lipid_core"])


def test_a_palette_mask_without_a_class_map_is_refused_with_advice() -> None:
    with pytest.raises(ReadError, match="--class-map 1=lumen"):
        read_mask(palette_mask(), SHAPE, MaskRule())


def test_a_value_that_the_class_map_does_not_explain_is_refused_by_number() -> None:
    with pytest.raises(ReadError, match=r"values \[9\], which the class map does not explain"):
        read_mask(palette_mask(), SHAPE, MaskRule(class_map={7: "lumen"}))


def test_two_values_may_stand_for_one_class() -> None:
    read = read_mask(palette_mask(), SHAPE, MaskRule(class_map={7: "lipid_core", 9: "lipid_core"}))
    np.testing.assert_array_equal(read["lipid_core"], FOUR["lumen"] | FOUR["lipid_core"])


def test_our_own_palette_masks_can_be_read_again() -> None:
    content = encoded_picture(palette_image(FOUR))
    rule = MaskRule(class_map=parse_class_map("1=lumen, 2=fibrous_cap, 3=lipid_core, 4=vasa_vasorum"))
    for name, plane in read_mask(content, SHAPE, rule).items():
        np.testing.assert_array_equal(plane, FOUR[name])


@pytest.mark.parametrize("high", [1, 255])
def test_a_mask_of_two_values_outlines_one_class(high: int) -> None:
    drawn = box(3, 5, 7, 11)
    read = read_mask(png(drawn.astype(np.uint8) * np.uint8(high)), SHAPE, MaskRule())
    assert set(read) == {"lipid_core"}
    np.testing.assert_array_equal(read["lipid_core"], drawn)


def test_a_mask_of_one_bit_is_read() -> None:
    drawn = box(3, 5, 7, 11)
    read = read_mask(encoded(drawn), SHAPE, MaskRule(binary_class="lumen"))
    np.testing.assert_array_equal(read["lumen"], drawn)


def test_an_empty_mask_is_a_negative_not_an_error() -> None:
    assert not read_mask(png(np.zeros(SHAPE, np.uint8)), SHAPE, MaskRule())["lipid_core"].any()


@pytest.mark.parametrize("values", [(0, 128, 255), (0, 1, 2), (0, 1, 255)])
def test_a_grey_mask_of_other_values_is_refused(values: tuple[int, ...]) -> None:
    plane = np.zeros(SHAPE, np.uint8)
    plane[0, : len(values)] = values
    with pytest.raises(ReadError, match="more than two values"):
        read_mask(png(plane), SHAPE, MaskRule())


def test_a_map_of_probabilities_is_no_mask() -> None:
    plane = np.zeros(SHAPE, np.float32)
    plane[10:20, 10:20] = 0.3
    with pytest.raises(ReadError, match="values"):
        read_mask(encoded(plane, "TIFF"), SHAPE, MaskRule())


def test_a_colour_picture_is_no_mask() -> None:
    with pytest.raises(ReadError, match="colour picture"):
        read_mask(png(disc(0)), SHAPE, MaskRule())


@pytest.mark.parametrize(
    "text", ["lumen", "1:lumen", "", "one=lumen", "1=lumen,,3=lipid_core", "1=lumen;3=lipid_core="]
)
def test_a_class_map_not_written_so_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"no class map; write it as|there is no class"):
        MaskRule(class_map=parse_class_map(text))


def test_a_class_map_that_gives_one_value_two_meanings_is_refused() -> None:
    with pytest.raises(ConfigError):
        MaskRule(class_map=parse_class_map("1=lumen,1=lipid_core"))


@pytest.mark.parametrize("text", ["0=lumen", "256=lumen", "-1=lumen"])
def test_a_class_map_of_values_that_no_mask_has_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="between 1 and 255; 0 is background"):
        MaskRule(class_map=parse_class_map(text))


def test_a_class_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="no class calcium; the classes are lumen"):
        MaskRule(class_map={1: "calcium"})


def test_background_is_no_class_to_outline() -> None:
    with pytest.raises(ConfigError, match="outlines a class, one of lumen"):
        MaskRule(binary_class="background")


def test_a_mask_that_does_not_speak_of_a_wanted_class_is_refused() -> None:
    """Its absence from the mask would read as absence from the vessel."""
    with pytest.raises(ReadError, match="does not speak of fibrous_cap"):
        process(item(png(disc(0)), png(np.zeros(SHAPE, np.uint8))), Processing(classes=("fibrous_cap", "lipid_core")))
