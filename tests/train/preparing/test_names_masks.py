"""Which frame a file is, which mask belongs to it, and what a mask says: the record's TIFFs, palettes, two values."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.drawing.palette import palette_image
from octseg.errors import ConfigError, DatasetError, ReadError
from tests.fakes.prepared import box, disc, encoded, item, planes_of, png, record_mask, stored
from train.preparing.masks import MaskRule, parse_class_map, read_mask
from train.preparing.names import RECORD_PATTERN, FrameName, by_csv, by_pattern
from train.preparing.processing import Processing, process
from train.preparing.sources import files_of, folder_files, in_two_folders, paired, zip_files

SHAPE = (128, 128)
FOUR = {name: box(10 + 20 * place, 10, 10, 10 + place) for place, name in enumerate(CLASS_NAMES)}
RECORD = by_pattern(RECORD_PATTERN)


def listed(*paths: str) -> tuple[list[tuple[str, str]], Mapping[str, str]]:
    """Frame and mask of each pair, and file -> reason of what is left out, of files with these paths."""
    listing = paired([stored(path, b"") for path in paths], RECORD)
    pairs = [(each.image.path, each.mask.path) for each in listing.items]
    return pairs, {each.file: each.reason for each in listing.problems}


def csv_file(folder: Path, text: str) -> Path:
    path = folder / "names.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_name_of_the_record_gives_study_series_and_frame() -> None:
    assert RECORD("fold_1/train/img/029_2_0117.png") == FrameName("029", "2", 117)


def test_a_name_of_the_record_comes_out_as_it_went_in() -> None:
    name = RECORD("029_2_007.png")
    assert name is not None
    assert name.stem == "029_2_007"


@pytest.mark.parametrize("file", ["29_1_001.png", "001_1_01.png", "x001_1_001.png", "001_1_001_copy.png", ".png"])
def test_a_name_that_is_not_quite_the_records_fits_nothing(file: str) -> None:
    assert RECORD(file) is None


def test_a_pattern_with_a_study_alone_counts_frames_by_the_last_number() -> None:
    assert by_pattern(r"(?P<study>[A-Z]+).*")("BERN-run3-0042.png") == FrameName("BERN", "1", 42)


def test_a_pattern_without_a_study_is_refused_for_the_split_rests_on_it() -> None:
    with pytest.raises(ConfigError, match=r"needs a group \(\?P<study>"):
        by_pattern(r"(?P<frame>\d+)")


def test_a_pattern_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ConfigError, match="no regular expression"):
        by_pattern("(?P<study>")


def test_a_csv_file_names_frames_with_or_without_their_ending(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study,series,frame\na.png,Bern 7,2,13\nb,Bern 8,1,4\n"))
    assert rule("images/a.png") == FrameName("Bern 7", "2", 13)
    assert rule("images/b.png") == FrameName("Bern 8", "1", 4)
    assert rule("images/c.png") is None


def test_a_csv_file_of_a_spreadsheet_with_its_byte_order_mark_is_read(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "\ufefffile,study\nx_12.png,9\n"))
    assert rule("x_12.png") == FrameName("9", "1", 12)


@pytest.mark.parametrize("text", ["", "name,patient\na.png,1\n", "file\na.png\n"])
def test_a_csv_file_without_its_columns_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="needs a header line with file,study"):
        by_csv(csv_file(tmp_path, text))


def test_a_csv_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.csv cannot be read"):
        by_csv(tmp_path / "missing.csv")


def test_a_csv_row_without_a_study_names_nothing(tmp_path: Path) -> None:
    assert by_csv(csv_file(tmp_path, "file,study\na_1.png,\nb_1.png,7\n"))("a_1.png") is None


def test_two_studies_never_get_the_same_file_names() -> None:
    assert FrameName("Müller", "1", 1).stem != FrameName("Möller", "1", 1).stem


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("img/001_1_001.png", "mask/001_1_001.tiff"),
        ("fold_1/test/img/001_1_001.png", "fold_1/test/mask/001_1_001.tiff"),
        ("images/001_1_001.jpg", "masks/001_1_001.png"),
        ("images/001_1_001.png", "masks/001_1_001_mask.png"),
        ("images/001_1_001.png", "mask/001_1_001-SEG.png"),
    ],
)
def test_a_frame_finds_its_mask(image: str, mask: str) -> None:
    assert listed(image, mask) == ([(image, mask)], {})


def test_train_and_test_of_the_record_are_one_listing_in_the_order_of_studies() -> None:
    pairs, problems = listed(
        *("train/img/002_1_001.png", "train/mask/002_1_001.tiff", "test/img/001_1_010.png"),
        *("test/mask/001_1_010.tiff", "test/img/001_1_002.png", "test/mask/001_1_002.tiff"),
    )
    assert [image for image, _ in pairs] == [
        "test/img/001_1_002.png",
        "test/img/001_1_010.png",
        "train/img/002_1_001.png",
    ]
    assert problems == {}


def test_a_mask_of_the_other_part_is_no_mask_of_this_frame() -> None:
    pairs, problems = listed("train/img/001_1_001.png", "test/mask/001_1_001.tiff")
    assert pairs == []
    assert problems == {"train/img/001_1_001.png": "it has no mask", "test/mask/001_1_001.tiff": "it has no frame"}


def test_coloured_masks_and_all_else_are_passed_over() -> None:
    pairs, problems = listed(
        "img/001_1_001.png", "mask/001_1_001.tiff", "mask_color/001_1_001.png", "metadata.csv", "img/old/001_1_002.png"
    )
    assert len(pairs) == 1
    assert problems == {}


def test_a_name_that_is_not_known_is_told() -> None:
    _, problems = listed("img/holiday.png", "mask/holiday.tiff")
    assert "is not one that the name pattern" in problems["img/holiday.png"]


def test_the_same_frame_in_train_and_in_test_is_taken_once_and_told() -> None:
    pairs, problems = listed(
        *("train/img/001_1_001.png", "train/mask/001_1_001.tiff"),
        *("test/img/001_1_001.png", "test/mask/001_1_001.tiff"),
    )
    assert pairs == [("train/img/001_1_001.png", "train/mask/001_1_001.tiff")]
    assert "same frame" in problems["test/img/001_1_001.png"]


def test_a_frame_in_two_formats_is_taken_once_and_told() -> None:
    pairs, problems = listed("img/001_1_001.png", "img/001_1_001.jpg", "mask/001_1_001.tiff")
    assert len(pairs) == 1
    assert len(problems) == 1


def test_two_masks_of_one_frame_are_told() -> None:
    pairs, problems = listed("img/001_1_001.png", "mask/001_1_001.tiff", "mask/001_1_001_mask.png")
    assert len(pairs) == 1
    assert len(problems) == 1


def test_a_source_without_frames_says_what_is_expected() -> None:
    with pytest.raises(DatasetError, match="expected a folder img/ or images/"):
        listed("001_1_001.png", "mask_color/001_1_001.png")


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for path in ("img/001_1_001.png", "img/._001_1_001.png", ".trash/img/001_1_002.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert [file.path for file in folder_files(tmp_path)] == ["img/001_1_001.png"]


def test_hidden_members_of_a_zip_file_are_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "fold.zip", "w") as archive:
        for member in ("img/001_1_001.png", "__MACOSX/img/._001_1_001.png", "img/.DS_Store"):
            archive.writestr(member, b"")
    assert [file.path for file in zip_files(tmp_path / "fold.zip")] == ["img/001_1_001.png"]


def test_frames_and_masks_of_two_folders_are_paired(tmp_path: Path) -> None:
    for path in ("pictures/001_1_001.png", "truth/001_1_001.tiff"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(path.encode())
    (found,) = paired(in_two_folders(tmp_path / "pictures", tmp_path / "truth"), RECORD).items
    assert (found.image.read(), found.mask.read()) == (b"pictures/001_1_001.png", b"truth/001_1_001.tiff")


def test_frames_of_one_name_in_two_folders_below_are_not_lost_unsaid(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        for kind in ("pictures", "truth"):
            (tmp_path / kind / folder).mkdir(parents=True)
            (tmp_path / kind / folder / "001_1_001.png").touch()
    listing = paired(in_two_folders(tmp_path / "pictures", tmp_path / "truth"), RECORD)
    assert len(listing.items) == 2 or listing.problems


@pytest.mark.parametrize("name", ["nothing", "notes.txt"])
def test_a_source_that_is_no_folder_and_no_zip_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(DatasetError, match=name):
        files_of(tmp_path / name)


def test_a_member_damaged_in_the_zip_file_says_so_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fold.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("img/001_1_001.png", b"A" * 1000)
    path.write_bytes(path.read_bytes().replace(b"A" * 10, b"A" * 9 + b"B", 1))
    (file,) = zip_files(path)
    with pytest.raises(DatasetError, match="damaged in the ZIP file"):
        file.read()


@pytest.mark.parametrize("member", ["../img/001_1_001.png", "/img/001_1_001.png", "fold/../../img/001_1_001.png"])
def test_a_zip_file_with_a_path_that_leads_out_of_it_is_refused_as_a_whole(tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(tmp_path / "fold.zip", "w") as archive:
        archive.writestr("img/001_1_002.png", b"")
        archive.writestr(member, b"")
    with pytest.raises(DatasetError, match=r"fold\.zip holds a path that leads out of it"):
        zip_files(tmp_path / "fold.zip")


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


@pytest.mark.parametrize("values", [(0, 128, 255), (0, 1, 2), (0, 1, 255), (0, 254)])
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


def test_a_mask_that_does_not_speak_of_a_wanted_class_is_refused() -> None:
    """Its absence from the mask would read as absence from the vessel."""
    with pytest.raises(ReadError, match="does not speak of fibrous_cap"):
        process(item(png(disc(0)), png(np.zeros(SHAPE, np.uint8))), Processing(classes=("fibrous_cap", "lipid_core")))
