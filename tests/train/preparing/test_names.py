"""Which frame a file is, and which mask belongs to it."""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from octseg.errors import ConfigError, DatasetError
from octseg.export.pictures import mask_png, overlay_png
from tests.fakes.prepared import stored
from tests.fakes.results import withdrawn_result
from train.preparing.names import RECORD_PATTERN, FrameName, by_csv, by_pattern
from train.preparing.sources import files_of, folder_files, in_two_folders, paired, zip_files

RECORD = by_pattern(RECORD_PATTERN)


def listed(*paths: str) -> tuple[list[tuple[str, str]], Mapping[str, str]]:
    """Frame and mask of each pair, and file -> reason of what is left out, of files with these paths."""
    listing = paired([stored(path, b"") for path in paths], RECORD)
    pairs = [(each.image.path, each.mask.path) for each in listing.items]
    return pairs, {each.file: each.reason for each in listing.problems}


def test_frames_come_in_the_order_of_their_numbers_and_patients_as_people_count() -> None:
    rule = by_pattern(r"(?P<study>P\d+)_(?P<series>[a-z]\d+)_(?P<frame>\d+)")
    names = ["P2_a9_1", "P2_a10_2", "P2_a10_10", "P10_a1_3"]
    files = [stored(f"{kind}/{name}.png", b"") for kind in ("images", "masks") for name in reversed(names)]
    assert [item.image.path for item in paired(files, rule).items] == [f"images/{name}.png" for name in names]


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


def test_results_of_octseg_beside_frames_and_masks_are_passed_over() -> None:
    """As `octseg predict` leaves them, and a mask of its that has no frame is told as before."""
    drawn = replace(withdrawn_result(), masks={"lumen": np.ones((300, 400), bool)}, withdrawn=None)
    mask, overlay = mask_png(drawn), overlay_png(drawn)
    files = [
        *(stored(f"{kind}/001_1_001.png", b"") for kind in ("img", "mask")),
        stored("img/001_1_001_mask.png", mask),
        stored("img/001_1_001_overlay.png", overlay),
        stored("img/001_1_002.png", overlay),
        stored("mask/001_1_001_overlay.png", overlay),
        stored("mask/001_1_009_mask.png", mask),
    ]
    listing = paired(files, RECORD)
    assert [item.image.path for item in listing.items] == ["img/001_1_001.png"]
    assert [problem.file for problem in listing.problems] == ["mask/001_1_009_mask.png"]
