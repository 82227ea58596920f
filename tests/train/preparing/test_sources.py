"""Which mask belongs to which frame, and what is passed over beside them."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from octseg.errors import DatasetError
from octseg.export.pictures import mask_png, overlay_png
from tests.fakes.prepared import stored
from tests.fakes.results import withdrawn_result
from train.preparing.names import RECORD_PATTERN, by_pattern
from train.preparing.sources import paired
from train.preparing.tables import by_csv

RECORD = by_pattern(RECORD_PATTERN)


def listed(*paths: str) -> tuple[list[tuple[str, str]], Mapping[str, str]]:
    """Frame and mask of each pair, and file -> reason of what is left out, of files with these paths."""
    listing = paired([stored(path, b"") for path in paths], RECORD)
    pairs = [(each.image.path, each.mask.path) for each in listing.items]
    return pairs, {each.file: each.reason for each in listing.problems}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("img/001_1_001.png", "mask/001_1_001.tiff"),
        ("fold_1/test/img/001_1_001.png", "fold_1/test/mask/001_1_001.tiff"),
        ("images/001_1_001.jpg", "masks/001_1_001.png"),
        ("images/001_1_001.png", "masks/001_1_001_mask.png"),
        ("images/001_1_001.png", "mask/001_1_001-SEG.png"),
        ("images/001_1_001.png", "mask/label_001_1_001.png"),
        ("images/001_1_001.png", "mask/001_1_001.mask.png"),
        ("images/001_1_001.png", "mask/001_1_001_ground_truth.tif"),
        ("images/001_1_001.png", "mask/001_1_001_Segmentation.tif"),
    ],
)
def test_a_frame_finds_its_mask(image: str, mask: str) -> None:
    assert listed(image, mask) == ([(image, mask)], {})


def test_a_frame_that_is_itself_called_as_masks_are_finds_the_mask_of_its_name() -> None:
    rule = by_pattern(r"(?P<study>\w+)_(?P<frame>\d)_roi")
    files = [stored(f"{folder}/A_{frame}_roi.png", b"") for frame in (1, 2) for folder in ("images", "masks")]
    listing = paired(files, rule)
    assert ([each.name.frame for each in listing.items], listing.problems) == ([1, 2], ())


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (["labels/001_1_001.png"], "the folder labels has files of their names: call it masks, or give both"),
        (["masks/annotations.json"], "masks/annotations.json is no picture: export the masks as PNG or TIFF"),
        (["notes/read.txt"], "give them by --images and --masks"),
    ],
)
def test_frames_without_any_mask_say_where_masks_are_looked_for(others: list[str], told: str) -> None:
    with pytest.raises(DatasetError, match=f"2 frames are there, and no mask in mask/ or masks/ .*; .*{told}"):
        listed("images/001_1_001.png", "images/001_1_002.png", *others)


@pytest.mark.parametrize("inside", ["", "P1/"])
def test_two_readers_masks_of_one_frame_are_told_with_which_to_leave_out(inside: str) -> None:
    files = [f"images/{inside}001_1_001.png", *(f"masks/{inside}{who}/001_1_001.png" for who in ("AB", "CD"))]
    told = rf"2 masks of one frame \({files[1]} and {files[2]}, of {files[0]}\), as of 2 readers, .*: leave out all"
    with pytest.raises(DatasetError, match=told):
        listed(*files)
    with pytest.raises(DatasetError, match=r"2 masks of one frame, as of 2 readers") as private:
        paired([stored(path, b"") for path in files], RECORD, private=True)
    assert "001" not in str(private.value)


@pytest.mark.parametrize(("image", "mask"), [("", "AB/"), ("P1/", ""), ("P1/", "P01/")])
def test_masks_in_other_folders_than_their_frames_are_told(image: str, mask: str) -> None:
    told = f"masks/{mask}001_1_001.png lies in another folder than images/{image}001_1_001.png: give the two folders"
    with pytest.raises(DatasetError, match=told):
        listed(f"images/{image}001_1_001.png", f"masks/{mask}001_1_001.png")


def test_masks_of_other_names_are_shown_where_no_frame_has_one() -> None:
    pairs, problems = listed("img/001_1_001.png", "mask/001_1_001_lipid.png")
    told = "it has no mask: masks are called as their frames, and not as mask/001_1_001_lipid.png"
    assert (pairs, problems["img/001_1_001.png"]) == ([], told)


@pytest.mark.parametrize("ending", ["npy", "mat", "h5", "nrrd"])
def test_arrays_given_as_masks_are_called_no_pictures(ending: str) -> None:
    _, problems = listed("img/001_1_001.png", f"mask/001_1_001_mask.{ending}")
    assert problems == {
        "img/001_1_001.png": f"it has no mask: 001_1_001_mask.{ending} is no picture; export the masks as PNG or TIFF"
    }


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


@pytest.mark.parametrize("path", ["set/fold.zip", "frames.7z", "patients.tar.gz"])
def test_an_archive_in_the_source_is_named_where_there_are_no_frames(path: str) -> None:
    with pytest.raises(DatasetError, match=f"no frames found, and {path} may hold them: unpack it"):
        paired([stored("notes.txt", b""), stored(path, b"")], RECORD)


@pytest.mark.parametrize("ending", ["json", "xml", "txt", "JSON", "roi", "lnk"])
def test_what_editors_put_beside_the_pictures_is_passed_over(ending: str) -> None:
    pairs, problems = listed(
        *(f"img/001_1_001.{ending}", "img/001_1_001.png", f"mask/001_1_001.{ending}", "mask/001_1_001.tiff"),
        f"img/notes.{ending}",
    )
    assert pairs == [("img/001_1_001.png", "mask/001_1_001.tiff")]
    assert problems == {}


def test_a_note_without_an_ending_is_passed_over_and_what_may_be_a_frame_is_not() -> None:
    files = [
        stored("img/README", b"read me"),
        stored("img/001_1_001", b"\0" * 128 + b"DICM"),
        stored("mask/001_1_001.png", b""),
    ]
    (item,) = paired(files, RECORD).items
    assert item.image.path == "img/001_1_001"


def test_the_picture_is_taken_and_not_what_it_was_made_of() -> None:
    pairs, problems = listed("img/001_1_001.dcm", "img/001_1_001.png", "img/001_1_001.gif", "mask/001_1_001.png")
    assert (pairs, problems) == ([("img/001_1_001.png", "mask/001_1_001.png")], {})


def test_a_mask_that_is_no_picture_is_named() -> None:
    _, problems = listed("img/001_1_001.png", "mask/001_1_001.json")
    assert problems == {
        "img/001_1_001.png": "it has no mask: 001_1_001.json is no picture; export the masks as PNG or TIFF"
    }


@pytest.mark.parametrize("mask", ["001_1_001.ome.tif", "001_1_001.png.png", "001_1_001_mask.OME.TIFF", "001_1_001.JPG"])
def test_a_mask_with_two_endings_finds_its_frame(mask: str) -> None:
    assert listed("img/001_1_001.png", f"mask/{mask}") == ([("img/001_1_001.png", f"mask/{mask}")], {})


def test_names_that_a_mac_and_linux_store_in_two_ways_are_paired() -> None:
    image, mask = (unicodedata.normalize(form, "Söder/{}/Müller_1.png") for form in ("NFD", "NFC"))
    files = [stored(image.format("images"), b""), stored(mask.format("masks"), b"")]
    (item,) = paired(files, by_pattern(r"(?P<study>\w+)_(?P<frame>\d+)")).items
    assert item.name.study == "Müller"


def test_names_that_differ_in_the_case_of_letters_are_paired_where_nothing_else_fits() -> None:
    rule = by_pattern(r"(?P<study>\w+)_(?P<frame>\d+)")
    files = [stored(path, b"") for path in ("Images/A_1.PNG", "Masks/a_1.png")]
    assert len(paired(files, rule).items) == 1
    files = [stored(path, b"") for path in ("images/AB_1.png", "images/cd_1.png", "masks/AB_1.png", "masks/cd_1.png")]
    assert [item.mask.path for item in paired(files, rule).items] == ["masks/AB_1.png", "masks/cd_1.png"]


def test_a_folder_for_each_patient_in_both_folders_is_read() -> None:
    rule = by_pattern(r"(?P<study>P\d)_(?P<frame>\d+)")
    files = [stored(f"{kind}/{who}/{who}_1.png", b"") for kind in ("images", "masks") for who in ("P1", "P2")]
    listing = paired([*files, stored("images/P3/P3_1.png", b"")], rule)
    assert [(item.image.path, item.mask.path) for item in listing.items] == [
        (f"images/{who}/{who}_1.png", f"masks/{who}/{who}_1.png") for who in ("P1", "P2")
    ]
    assert [problem.file for problem in listing.problems] == ["images/P3/P3_1.png"]


def test_a_frame_that_is_there_twice_is_told_with_both_files_study_series_and_frame() -> None:
    _, problems = listed(*(f"{part}/{kind}/001_2_003.png" for part in ("test", "train") for kind in ("img", "mask")))
    assert problems["train/img/001_2_003.png"] == (
        "it is the same frame as test/img/001_2_003.png: study 001, series 2, frame 3, by the name of a file"
    )


def test_reasons_of_private_files_tell_no_name() -> None:
    paths = [f"{part}/{kind}/001_1_001.png" for part in ("test", "train") for kind in ("img", "mask")]
    paths += ["test/img/001_1_001.jpg", "test/img/001_1_002.png", "test/mask/001_1_002.json"]
    listing = paired([stored(path, b"") for path in paths], RECORD, private=True)
    assert len(listing.problems) == 3
    assert not any("001" in problem.reason for problem in listing.problems)


def test_a_folder_of_frames_that_is_a_link_to_nowhere_is_named() -> None:
    with pytest.raises(DatasetError, match="lab/images is no folder: a file, or a link to a place that is not there"):
        listed("lab/images", "lab/masks")


def test_frames_come_in_the_order_of_their_numbers_and_patients_as_people_count() -> None:
    rule = by_pattern(r"(?P<study>P\d+)_(?P<series>[a-z]\d+)_(?P<frame>\d+)")
    names = ["P2_a9_1", "P2_a10_2", "P2_a10_10", "P10_a1_3"]
    files = [stored(f"{kind}/{name}.png", b"") for kind in ("images", "masks") for name in reversed(names)]
    assert [item.image.path for item in paired(files, rule).items] == [f"images/{name}.png" for name in names]


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


def test_a_row_of_a_bare_name_is_not_taken_for_the_files_of_several_patients(tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text("file,study\n001.png,P01\n002.png,P02\n")
    paths = [f"{kind}/{file}" for kind in ("images", "masks") for file in ("P01/001.png", "P02/001.png", "P02/002.png")]
    listing = paired([stored(path, b"") for path in paths], by_csv(table))
    assert [(each.image.path, each.name.study) for each in listing.items] == [("images/P02/002.png", "P02")]
    reason = (
        "row 2 of names.csv fits 2 files (images/P01/001.png, images/P02/001.png); "
        "write the paths of the files, not their names alone"
    )
    assert {each.file: each.reason for each in listing.problems} == dict.fromkeys(
        ["images/P01/001.png", "images/P02/001.png"], reason
    )
