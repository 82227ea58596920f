"""What all masks of a source tell together, and what is said before any frame is worked on."""

import io

import numpy as np
import pytest
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE
from octseg.errors import DatasetError
from octseg.reading.masks.samples import read_samples
from tests.fakes.prepared import box, disc, encoded, png, record_mask, stored
from tests.fakes.prepared import planes_of as plane_stack
from train.preparing.masks import MaskRule, planes_of
from train.preparing.names import FrameName
from train.preparing.sources import Item
from train.preparing.survey import surveyed

CORE = box(20, 30, 15, 10)
FRAME = png(disc(0))


def source(*masks: bytes) -> list[Item]:
    return [
        Item(FrameName("001", "1", place), stored(f"img/{place}.png", FRAME), stored(f"masks/{place}.png", mask))
        for place, mask in enumerate(masks, start=1)
    ]


def looked(*masks: bytes, rule: MaskRule | None = None, may_be_empty: bool = False) -> MaskRule:
    return surveyed(source(*masks), rule or MaskRule(), 1, may_be_empty=may_be_empty)


def values(value: int) -> bytes:
    return png(CORE * np.uint8(value))


def palette(picture: np.ndarray, *colours: tuple[int, int, int]) -> bytes:
    image = Image.fromarray(picture.astype(np.uint8))
    image.putpalette([part for colour in colours for part in colour])
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_a_negative_of_one_and_two_is_empty_where_its_neighbours_say_which_is_background() -> None:
    empty = png(np.ones(CORE.shape, np.uint8))
    rule = looked(png(CORE + np.uint8(1)), empty)
    assert rule.background == 1
    assert not planes_of(read_samples(empty), rule)["lipid_core"].any()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_four_planes_without_the_first_classes_are_planes_or_paint_as_their_neighbours_are(kind: str) -> None:
    vasa, empty = (encoded(plane_stack({"vasa_vasorum": CORE & drawn}), kind) for drawn in (True, False))
    beside = looked(empty, vasa, encoded(plane_stack({"lumen": CORE}), kind))
    assert {name for name, plane in planes_of(read_samples(vasa), beside).items() if plane.any()} == {"vasa_vasorum"}
    assert set(planes_of(read_samples(empty), beside)) == set(CLASS_NAMES)
    red = plane_stack({"lumen": CORE, "vasa_vasorum": CORE})  # opaque where it is red
    assert set(planes_of(read_samples(empty), looked(empty, encoded(red, kind)))) == {"lipid_core"}


def test_colours_of_masks_are_told_as_people_write_them() -> None:
    red, blue, empty = (png(CORE[..., None] * np.array(colour, np.uint8)) for colour in (RED, (0, 0, 200), BLACK))
    told = (
        r"hold the colours #000000, #FFFFFF, #FF0000 \(masks/1.png has #000000, #FFFFFF, masks/2.png has #000000, #FF"
    )
    with pytest.raises(DatasetError, match=told):
        looked(values(255), red)
    with pytest.raises(DatasetError, match=r"#0000C8, #FF0000 .*so a colour may mean any class; save all masks in the"):
        looked(blue, red)
    assert looked(red, empty).background == 0


@pytest.mark.parametrize("others", [(1, 2), (128, 255), (1, 255)])
def test_two_values_in_each_mask_and_three_in_all_may_mean_any_class(others: tuple[int, int]) -> None:
    with pytest.raises(DatasetError, match=r"values 0, .*masks/\d.png has 0, .*--class-map"):
        looked(*(values(value) for value in others))


def test_with_a_class_map_each_value_means_what_it_says() -> None:
    rule = MaskRule(class_map={1: "lumen", 3: "lipid_core"})
    assert looked(values(1), values(3), rule=rule).class_map == rule.class_map


RED, GREEN, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 0), (255, 255, 255)


def test_palettes_that_number_labels_anew_are_refused_with_both_files() -> None:
    rule = MaskRule(class_map={1: "lumen", 2: "lipid_core"})
    one, other = (palette(CORE * 1 + box(60, 60, 9, 9) * 2, BLACK, *order) for order in ((RED, GREEN), (GREEN, RED)))
    assert looked(one, one, rule=rule)
    with pytest.raises(DatasetError, match=r"palettes .* differ: value 1 .*masks/1.png .*masks/2.png"):
        looked(one, other, rule=rule)


def test_one_inverted_look_up_table_among_others_is_refused() -> None:
    with pytest.raises(DatasetError, match="inverted look-up table"):
        looked(palette(CORE, BLACK, WHITE), palette(CORE, WHITE, BLACK))


def test_entries_that_no_pixel_uses_may_differ() -> None:
    looked(palette(CORE, BLACK, RED, GREEN), palette(CORE, BLACK, RED, WHITE))


@pytest.mark.parametrize("rule", [MaskRule(), MaskRule(class_map={1: "lipid_core"})])
def test_the_lumen_in_this_programs_own_colours_is_no_lipid_core(rule: MaskRule) -> None:
    own = [tuple(PALETTE[3 * index : 3 * index + 3]) for index in range(5)]
    with pytest.raises(DatasetError, match="octseg's for lumen, and it is to mean lipid core"):
        looked(palette(CORE, *own), rule=rule)  # type: ignore[arg-type]
    assert looked(palette(CORE * 3, *own), rule=MaskRule())  # type: ignore[arg-type]


def test_masks_none_of_which_outlines_anything_are_told_before_the_work() -> None:
    empty = png(np.zeros(CORE.shape, np.uint8))
    with pytest.raises(DatasetError, match="none of 2 masks outlines anything"):
        looked(empty, empty)
    assert looked(empty, empty, may_be_empty=True)


def test_and_so_is_why_the_others_cannot_be_read() -> None:
    smoothed = png(np.linspace(0, 255, 128, dtype=np.uint8)[:, None] * np.ones((1, 128), np.uint8))
    with pytest.raises(DatasetError, match=r"1 others cannot be read \(masks/2.png: .*values"):
        looked(png(np.zeros(CORE.shape, np.uint8)), smoothed)


def test_a_lumen_without_lipid_is_a_mask_of_something() -> None:
    assert looked(record_mask({"lumen": box(60, 60, 9, 9)}))
