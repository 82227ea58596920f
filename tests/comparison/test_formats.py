"""Outlines as they were drawn, from each format that they may be saved in."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.classes import CLASS_NAMES, TISSUE_CLASSES
from octseg.comparison.comparing import compare
from octseg.comparison.formats import open_reading
from octseg.comparison.reading import Reading, as_one_tissue
from octseg.drawing.palette import palette_image
from octseg.errors import ReadError
from octseg.export.contours.coco import write_coco
from octseg.export.contours.labelme import write_labelme
from octseg.export.dicom import write_dicom_seg
from octseg.export.nifti import write_nifti
from octseg.reading import read_pullback
from tests.fakes.corrected import SIDE, save_results, vessel
from tests.fakes.dicom_files import pullback_file
from tests.fakes.exported import FRAME_MM, HEIGHT, PIXEL_MM, WIDTH, frame_of, masks_of, segmented

COUNT = 4


def assert_drawn(reading: Reading, *, first: int = 1, spacing: float | None = PIXEL_MM) -> None:
    """Every frame has its masks, by its number, where no pixel need have two tissues."""
    assert reading.classes == CLASS_NAMES
    assert [frame.number for frame in reading.frames] == list(range(first, first + COUNT))
    for number, frame in enumerate(reading.frames, start=first):
        drawn = masks_of(number)
        drawn = as_one_tissue(drawn) if reading.one_tissue else drawn
        read = frame.read()
        for name in CLASS_NAMES:
            assert np.array_equal(read.get(name, np.zeros((HEIGHT, WIDTH), bool)), drawn[name]), (number, name)
        assert frame.pixel_spacing_mm == (None if spacing is None else pytest.approx(spacing, rel=1e-6))


def results(folder: Path, first: int = 1) -> Path:
    """A folder as `octseg predict` leaves it."""
    made = segmented(first=first, count=COUNT)
    for stem, masks in zip(made.stems, made.masks(), strict=True):
        palette_image(masks).save(folder / f"{stem}_mask.png")
    records = [{**each, "mask_file": f"{stem}_mask.png"} for stem, each in zip(made.stems, made.records, strict=True)]
    (folder / "measures.json").write_text(json.dumps({"frames": records}))
    return folder


def test_results_as_the_page_gives_them_unpacked(tmp_path: Path) -> None:
    """With the pullback's name before that of the table and of a folder of masks; or of one frame alone."""
    plain, page = tmp_path / "plain", tmp_path / "page"
    plain.mkdir()
    (page / "run_masks").mkdir(parents=True)
    records = json.loads((results(plain) / "measures.json").read_text())["frames"]
    for record in records:
        mask = record.pop("mask_file")
        (page / "run_masks" / f"run_{record['frame']:04d}_mask.png").write_bytes((plain / mask).read_bytes())
    (page / "run_measures.json").write_text(json.dumps({"frames": records}))
    same = compare(open_reading(plain), open_reading(page))
    assert [frame.overlaps["lumen"].dice for frame in same.frames] == [1.0] * len(records)
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "x_measures.json").write_text(json.dumps({"frames": records[:1]}))
    (alone / "x_mask.png").write_bytes((page / "run_masks" / f"run_{records[0]['frame']:04d}_mask.png").read_bytes())
    assert compare(open_reading(alone), open_reading(page)).frames[0].overlaps["lumen"].dice == 1.0


def test_a_folder_of_results(tmp_path: Path) -> None:
    reading = open_reading(results(tmp_path))
    assert_drawn(reading)
    assert [frame.stem for frame in reading.frames] == [f"IMG001_{n:04d}" for n in range(1, COUNT + 1)]


def test_palette_masks_without_their_measures(tmp_path: Path) -> None:
    (results(tmp_path) / "measures.json").unlink()
    assert_drawn(open_reading(tmp_path), spacing=None)


def test_tiff_files_of_four_planes(tmp_path: Path) -> None:
    for number in range(1, COUNT + 1):
        planes = np.stack([masks_of(number)[name] for name in CLASS_NAMES], axis=-1)
        Image.fromarray(planes.astype(np.uint8) * 255, "RGBA").save(tmp_path / f"f_{number}.tiff")
    assert_drawn(open_reading(tmp_path), spacing=None)


@pytest.mark.parametrize("first", [1, 5])
def test_nifti_volumes_of_classes(tmp_path: Path, first: int) -> None:
    names = write_nifti(segmented(first=first, count=COUNT), tmp_path, "run")
    (tmp_path / names[-1]).unlink()
    assert_drawn(open_reading(tmp_path), first=first)


def test_a_nifti_volume_of_labels(tmp_path: Path) -> None:
    write_nifti(segmented(count=COUNT), tmp_path, "run")
    assert_drawn(open_reading(tmp_path / "run_labels.nii.gz"))


def test_a_dicom_segmentation(tmp_path: Path) -> None:
    source = pullback_file([frame_of(number) for number in range(1, COUNT + 1)])
    made = segmented(count=COUNT, read_headers=read_pullback(source).read_headers)
    (name,) = write_dicom_seg(made, tmp_path, "run")
    assert_drawn(open_reading(tmp_path / name))


def test_coco(tmp_path: Path) -> None:
    (name,) = write_coco(segmented(count=COUNT), tmp_path, "run")
    assert_drawn(open_reading(tmp_path / name))


def test_labelme(tmp_path: Path) -> None:
    (tmp_path / "run_frames").mkdir()
    write_labelme(segmented(count=COUNT), tmp_path, "run")
    assert_drawn(open_reading(tmp_path / "run_frames"))


def test_labelme_shapes_by_another_hand(tmp_path: Path) -> None:
    """Labels as people write them; a polygon takes in the pixels that it goes through."""
    shape = {"label": "Lipid core", "points": [[2, 3], [6, 3], [6, 5], [2, 5]], "shape_type": "polygon"}
    told = {"shapes": [shape], "imageHeight": 10, "imageWidth": 12, "imagePath": "x_7.png"}
    (tmp_path / "x_7.json").write_text(json.dumps(told))
    reading = open_reading(tmp_path)
    drawn = np.zeros((10, 12), bool)
    drawn[3:6, 2:7] = True
    assert reading.classes == ("lipid_core",)
    assert reading.frames[0].number == 7
    assert np.array_equal(reading.frames[0].read()["lipid_core"], drawn)


def test_labels_of_another_program_are_explained_by_the_caller(tmp_path: Path) -> None:
    labels = np.kron([[0, 7], [9, 7]], np.ones((20, 20))).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "a.png")
    with pytest.raises(ReadError, match=r"not explained \(7, 9\).*--class-map"):
        open_reading(tmp_path)
    reading = open_reading(tmp_path, {7: "lipid_core", 9: "background"})
    assert reading.classes == ("lipid_core",)
    assert np.array_equal(reading.frames[0].read()["lipid_core"], labels == 7)


@pytest.mark.parametrize("value", [1, 255])
def test_of_masks_of_one_value_nobody_guesses_the_tissue(tmp_path: Path, value: int) -> None:
    """1 is the lumen in octseg's own palette, and lipid in many a mask."""
    drawn = np.eye(40, dtype=np.uint8) * value
    Image.fromarray(drawn).save(tmp_path / "a.png")
    with pytest.raises(ReadError, match=f"one tissue by the value {value}; say which: --binary-class"):
        open_reading(tmp_path)
    read = open_reading(tmp_path, binary_class="lipid_core").frames[0].read()
    assert np.array_equal(read["lipid_core"], drawn > 0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.nii", b"not nifti", "cannot be read as NIfTI"),
        ("a.png", b"no picture", "cannot be read: the mask is damaged"),
        ("a.json", b"{}", "no outlines that can be read"),
        ("a.txt", b"words", "no outlines that can be read"),
        ("measures.json", b"{", "not one of octseg predict"),
    ],
)
def test_what_holds_no_outlines_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=said):
        open_reading(tmp_path / name)


def test_a_frame_is_no_mask(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / "frame.png")
    with pytest.raises(ReadError, match="picture in colour"):
        open_reading(tmp_path)


def test_a_volume_of_probabilities_is_no_volume_of_labels(tmp_path: Path) -> None:
    nibabel.save(
        nibabel.Nifti1Image(np.full((4, 4, 2), 0.3, np.float32), np.diag([1, 1, FRAME_MM, 1])), tmp_path / "p.nii"
    )
    with pytest.raises(ReadError, match="no volume of labels"):
        open_reading(tmp_path / "p.nii")


def test_opacity_is_no_tissue(tmp_path: Path) -> None:
    """A white mask saved with opacity has four planes, and is one tissue."""
    drawn = np.zeros((39, 41, 4), np.uint8)
    drawn[2:5, 3:7, :3], drawn[..., 3] = 255, 255
    Image.fromarray(drawn, "RGBA").save(tmp_path / "a.png")
    Image.fromarray(drawn[..., 2:], "LA").save(tmp_path / "b.png")
    with pytest.raises(ReadError, match="one tissue by the value 255"):
        open_reading(tmp_path)
    for frame in open_reading(tmp_path, binary_class="lipid_core").frames:
        assert np.array_equal(frame.read()["lipid_core"], drawn[..., 0] > 0)


def white_under(alpha: np.ndarray) -> np.ndarray:
    """(H, W, 4): white everywhere, transparent where nothing is painted."""
    return np.dstack([np.full((*alpha.shape, 3), 255, np.uint8), alpha])


PAINTED = {  # (H, W, 4) of 0 and 255, by what is painted
    "white, white below": white_under,
    "red on transparent": lambda on: np.dstack([on, 0 * on, 0 * on, on]),
    "red, red below": lambda on: np.dstack([0 * on + 255, 0 * on, 0 * on, on]),
    "red on black": lambda on: np.dstack([on, 0 * on, 0 * on, 0 * on + 255]),
    "white on black": lambda on: np.dstack([on, on, on, 0 * on + 255]),
    "black on transparent": lambda on: np.dstack([0 * on, 0 * on, 0 * on, on]),
}


@pytest.mark.parametrize("way", PAINTED)
def test_paint_on_a_transparent_ground_is_one_tissue_and_no_four_planes(tmp_path: Path, way: str) -> None:
    on = np.zeros((39, 41), np.uint8)
    on[2:5, 3:7] = 255
    Image.fromarray(PAINTED[way](on), "RGBA").save(tmp_path / "a_1.png")
    Image.fromarray(PAINTED[way](0 * on), "RGBA").save(tmp_path / "a_2.png")
    first, second = (frame.read() for frame in open_reading(tmp_path, binary_class="lipid_core").frames)
    assert list(first) == list(second) == ["lipid_core"]
    assert np.array_equal(first["lipid_core"], on > 0)
    assert not second["lipid_core"].any()
    with pytest.raises(ReadError, match=r"outlines one tissue by the value .*; say which: --binary-class"):
        open_reading(tmp_path)


def test_a_colour_is_told_as_such(tmp_path: Path) -> None:
    on = np.eye(40, dtype=np.uint8) * 255
    Image.fromarray(PAINTED["red on transparent"](on), "RGBA").save(tmp_path / "a.png")
    with pytest.raises(ReadError, match="by the value #FF0000"):
        open_reading(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_four_planes_of_tissue_are_no_paint(tmp_path: Path, kind: str) -> None:
    """In a frame without vasa vasorum the last plane is empty, as all of a transparent picture would be."""
    planes = np.zeros((39, 41, 4), np.uint8)
    planes[5:20, 5:20, 0], planes[20:22, 5:20, 1], planes[22:30, 5:20, 2] = 255, 255, 255
    Image.fromarray(planes, "RGBA").save(tmp_path / "a_1.tiff", kind)
    planes[31:33, 8:10, 3] = 255
    Image.fromarray(planes, "RGBA").save(tmp_path / "a_2.tiff", kind)
    first, second = (frame.read() for frame in open_reading(tmp_path).frames)
    assert [int(mask.sum()) for mask in first.values()] == [225, 30, 120, 0]
    assert [int(mask.sum()) for mask in second.values()] == [225, 30, 120, 4]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bare", [1, 2])
def test_frames_with_nothing_or_the_last_class_alone_are_what_the_others_are(
    tmp_path: Path, kind: str, bare: int
) -> None:
    """As four planes they look like black paint on a transparent ground, whichever of the files comes first."""
    planes = np.zeros((39, 41, 4), np.uint8)
    planes[5:20, 5:20, 0], planes[22:30, 5:20, 2] = 255, 255
    red = np.zeros_like(planes)
    red[5:9, 5:9] = (255, 0, 0, 255)
    for folder, full in (("planes", planes), ("paint", red)):
        (tmp_path / folder).mkdir()
        last = np.zeros_like(full)
        last[31:33, 8:10, 3] = 255
        Image.fromarray(full).save(tmp_path / folder / f"f_{3 - bare}.tiff", kind)
        Image.fromarray(last).save(tmp_path / folder / f"f_{bare}.tiff", kind)
        Image.fromarray(full * 0).save(tmp_path / folder / "f_0.tiff", kind)
    reading = open_reading(tmp_path / "planes")
    read = {frame.number: [int(mask.sum()) for mask in frame.read().values()] for frame in reading.frames}
    assert read == {0: [0, 0, 0, 0], bare: [0, 0, 0, 4], 3 - bare: [225, 0, 120, 0]}
    (tmp_path / "paint" / f"f_{bare}.tiff").unlink()  # of another colour
    painted = open_reading(tmp_path / "paint", binary_class="lumen")
    assert {frame.number: int(frame.read()["lumen"].sum()) for frame in painted.frames} == {0: 0, 3 - bare: 16}


def test_a_mask_is_turned_as_its_frame_is(tmp_path: Path) -> None:
    """By the orientation that a camera or a viewer writes; frames are read so."""
    on = np.zeros((39, 41), np.uint8)
    on[2:5, 30:37] = 255
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(on).save(tmp_path / "a.png", exif=exif)
    read = open_reading(tmp_path, binary_class="lipid_core").frames[0].read()
    assert np.array_equal(read["lipid_core"], np.rot90(on, -1) > 0)


def test_imagej_s_inverting_table_does_not_exchange_inside_and_outside(tmp_path: Path) -> None:
    """ImageJ shows 255 black there, stores it as white is zero, and means the object."""
    on = np.zeros((39, 41), np.uint8)
    on[2:5, 30:37] = 255
    tifffile.imwrite(tmp_path / "a.tif", on, photometric="miniswhite")
    read = open_reading(tmp_path, binary_class="lipid_core").frames[0].read()
    assert np.array_equal(read["lipid_core"], on > 0)


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_whole_numbers_are_labels_whatever_they_were_saved_as(tmp_path: Path, kind: type) -> None:
    labels = np.zeros((39, 41), kind)
    labels[2:5, 30:37], labels[8:9] = 1, 3
    tifffile.imwrite(tmp_path / "a.tif", labels)
    read = open_reading(tmp_path, {1: "lumen", 3: "lipid_core"}).frames[0].read()
    assert np.array_equal(read["lipid_core"], labels == 3)
    labels[0, 0] = 0 if kind is np.uint16 else 0.5
    tifffile.imwrite(tmp_path / "a.tif", labels)
    if kind is np.float32:
        with pytest.raises(ReadError, match="in colour or in shades"):
            open_reading(tmp_path, {1: "lumen", 3: "lipid_core"})


@pytest.mark.parametrize("way", ["turned", "small", "colours", "opaque"])
def test_palette_masks_that_a_program_saved_anew_are_read_by_their_colours(tmp_path: Path, way: str) -> None:
    """Its palette in another order, or of the used colours alone, or none; among them a frame without any tissue."""
    (results(tmp_path) / "measures.json").unlink()
    for path in sorted(tmp_path.glob("*.png")):
        with Image.open(path) as held:
            mask = held.copy()
        if path.name.endswith("0002_mask.png"):
            mask = palette_image({name: np.zeros((HEIGHT, WIDTH), bool) for name in CLASS_NAMES})
        if way == "turned":
            mask = mask.remap_palette([*range(1, 5), 0, *range(5, 256)])
        elif way == "small":
            mask = mask.convert("RGB").quantize(len(mask.convert("RGB").getcolors()), dither=Image.Dither.NONE)
        else:
            mask = mask.convert("RGB" if way == "colours" else "RGBA")
        mask.save(path)
    reading = open_reading(tmp_path)
    assert reading.classes == CLASS_NAMES
    for number, frame in enumerate(reading.frames, start=1):
        read, drawn = frame.read(), as_one_tissue(masks_of(number))
        for name in CLASS_NAMES:
            assert np.array_equal(read[name], drawn[name] & (number != 2))


def test_an_empty_mask_among_octseg_s_colours_is_one_without_any_tissue(tmp_path: Path) -> None:
    """Wholly transparent, or black in grey, as a program saves a layer on which nothing is painted."""
    colour = next(tissue.colour for tissue in TISSUE_CLASSES if tissue.name == "lumen")
    drawn = np.zeros((39, 41, 4), np.uint8)
    drawn[5:9, 5:9] = (*colour, 255)
    Image.fromarray(drawn, "RGBA").save(tmp_path / "f_1.png")
    Image.fromarray(drawn * 0, "RGBA").save(tmp_path / "f_2.png")
    Image.fromarray(drawn[..., 0] * 0).save(tmp_path / "f_3.png")
    reading = open_reading(tmp_path)
    assert reading.classes == CLASS_NAMES
    assert [int(frame.read()["lumen"].sum()) for frame in reading.frames] == [16, 0, 0]


def test_a_palette_of_another_program_is_explained_by_the_caller(tmp_path: Path) -> None:
    """Pascal VOC's, in which 1 is dark red and 2 dark green."""
    labels = np.zeros((36, 38), np.uint8)
    labels[1:3, 1:3], labels[4:6, 4:7] = 1, 2
    mask = Image.fromarray(labels, "P")
    mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, *[0] * 759])
    mask.save(tmp_path / "a.png")
    with pytest.raises(ReadError, match=r"labels that are not explained \(1, 2\)"):
        open_reading(tmp_path)
    (frame,) = open_reading(tmp_path, {1: "lumen", 2: "lipid_core"}).frames
    assert np.array_equal(frame.read()["lipid_core"], labels == 2)


def test_labels_beside_palette_masks_are_not_taken_for_them(tmp_path: Path) -> None:
    results(tmp_path)
    (tmp_path / "measures.json").unlink()
    Image.fromarray(np.full((HEIGHT, WIDTH), 3, np.uint8)).save(tmp_path / "z_mask.png")
    with pytest.raises(ReadError, match="not explained"):
        open_reading(tmp_path)


def test_pages_of_a_mask_are_not_dropped(tmp_path: Path) -> None:
    page = Image.fromarray(np.eye(8, dtype=np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page])
    with pytest.raises(ReadError, match="holds 3 pages"):
        open_reading(tmp_path, binary_class="lumen")


def test_overlays_and_hidden_files_beside_masks_are_passed_over(tmp_path: Path) -> None:
    (results(tmp_path) / "measures.json").unlink()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)).save(tmp_path / "A_overlay.png")
    (tmp_path / "._A_mask.png").write_bytes(b"of a Mac")
    assert_drawn(open_reading(tmp_path), spacing=None)


@pytest.mark.parametrize("spacing", ["x", -0.01, [0.01]])
def test_results_with_a_scale_that_is_none_are_refused(tmp_path: Path, spacing: object) -> None:
    told = json.loads((results(tmp_path) / "measures.json").read_text())
    told["frames"][1]["pixel_spacing_mm"] = spacing
    (tmp_path / "measures.json").write_text(json.dumps(told))
    with pytest.raises(ReadError, match="not one of octseg predict"):
        open_reading(tmp_path)


def test_where_variants_disagree_is_no_mask(tmp_path: Path) -> None:
    saved = save_results(tmp_path, vessel(1), doubt=np.full((SIDE, SIDE), 255, np.uint8))
    masks = tmp_path / "masks"
    masks.mkdir()
    for name, as_name in (("mask", "0001"), ("doubt", "0001_doubt")):
        (masks / f"vessel_{as_name}.png").write_bytes((saved / f"vessel_0001_{name}.png").read_bytes())
    (frame,) = open_reading(masks).frames
    assert (frame.stem, frame.read()["lumen"].any()) == ("vessel_0001", True)
    with pytest.raises(ReadError, match="which is no mask"):
        open_reading(saved / "vessel_0001_doubt.png", binary_class="lipid_core")
