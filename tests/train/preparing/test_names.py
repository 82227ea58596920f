"""Which frame a file is by its name, and what is filled in where the name leaves something open."""

import re
import unicodedata

import pytest

from octseg.errors import ConfigError, DatasetError
from train.preparing.names import (
    RECORD_PATTERN,
    FrameName,
    Parts,
    by_pattern,
    completed,
    refuse_two_spellings,
    stem_of,
)

RECORD = by_pattern(RECORD_PATTERN)


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


def test_digits_of_the_study_number_no_frame() -> None:
    rule = by_pattern(r"(?P<study>P\d+)_.*")
    files = ["P01_a.png", "P01_b.png", "P02_a.png", "P02_b.png", "P02_c.png"]
    names = completed({file: rule.parts_of(file) for file in files})
    assert [names[file] for file in files] == [
        FrameName("P01", "1", 1),
        FrameName("P01", "1", 2),
        *(FrameName("P02", "1", number) for number in (1, 2, 3)),
    ]


@pytest.mark.parametrize(
    ("study", "file", "frame"),
    [
        ("1", "frame_10.png", 10),
        ("10", "run_10.png", 10),
        ("7", "7.png", 7),
        ("P7", "P7.png", 7),
        ("7", "7_012.png", 12),
    ],
)
def test_a_number_that_is_not_the_studys_alone_is_the_frames(study: str, file: str, frame: int) -> None:
    assert completed({file: Parts(study, None, None, "row 2 of a.csv")})[file] == FrameName(study, "1", frame)


def test_a_pattern_without_a_study_is_refused_for_the_split_rests_on_it() -> None:
    with pytest.raises(ConfigError, match=r"needs a group \(\?P<study>"):
        by_pattern(r"(?P<frame>\d+)")


@pytest.mark.parametrize(
    ("pattern", "is_told"),
    [
        (r"(?P<study>[^/]+)/.*_(?P<frame>\d+)", True),
        (r"(?P<study>P\d+)\\.*", True),
        (r"(?P<study>P\d+)_(?P<frame>\d+)", False),
    ],
)
def test_a_pattern_of_folders_that_fits_no_name_is_told_that_names_have_none(pattern: str, is_told: bool) -> None:
    with pytest.raises(DatasetError) as told:
        by_pattern(pattern).parts_of("P01/run_7.png")
    assert ("names are looked at without their folders" in str(told.value)) == is_told


def test_a_pattern_may_say_that_a_study_holds_no_slash() -> None:
    name = by_pattern(r"(?P<study>[^/]+)_(?P<frame>\d+)")("pre/P01_7.png")
    assert name is not None
    assert (name.study, name.frame) == ("P01", 7)


def test_a_pattern_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ConfigError, match="no regular expression"):
        by_pattern("(?P<study>")


def test_two_studies_never_get_the_same_file_names() -> None:
    assert FrameName("Müller", "1", 1).stem != FrameName("Möller", "1", 1).stem


@pytest.mark.parametrize(
    "file", ["x/a.1.png", "a.1.ome.tif", "a.1.OME.TIFF", "a.1.jpg.png", "a.1.dcm", "a.1", "a.1.nii.gz"]
)
def test_a_stem_loses_the_endings_of_pictures_alone(file: str) -> None:
    assert stem_of(file) == "a.1"


def test_a_name_stored_decomposed_gives_the_same_study_as_one_composed() -> None:
    rule = by_pattern(unicodedata.normalize("NFD", r"(?P<study>Mü\w+)_(?P<frame>\d+)"))
    found = {rule(unicodedata.normalize(form, "Müller_12.png")) for form in ("NFC", "NFD")}
    assert found == {FrameName("Müller", "1", 12)}


def frames_of(*files: str, study: str = "P01", series: str | None = None) -> list[tuple[str, int]]:
    """Series and frame of files of which a table gives the study, and the series where one is given."""
    names = completed({file: Parts(study, series, None, "row 2 of a.csv") for file in files})
    assert {name.study for name in names.values()} == {study}
    return [(names[file].series, names[file].frame) for file in files]


def test_frames_are_numbered_by_the_last_number_of_their_names() -> None:
    assert frames_of("run3_7.png", "run3_12.png") == [("1", 7), ("1", 12)]


def test_pictures_of_two_series_that_end_on_one_number_are_two_frames() -> None:
    assert frames_of("pre_001.png", "pre_002.png", "post_001.png") == [("2", 1), ("2", 2), ("1", 1)]
    assert frames_of("run2/001.png", "run10/001.png") == [("1", 1), ("2", 1)]


def test_the_number_that_differs_counts_the_frames_and_not_one_that_all_names_bear() -> None:
    assert frames_of("f1_704px.png", "f2_704px.png", "f10_704px.png") == [("1", 1), ("1", 2), ("1", 10)]
    assert frames_of("a1_1.png", "a1_2.png", "a2_1.png") == [("1", 1), ("1", 2), ("2", 1)]


def test_two_frames_that_a_pattern_gives_one_number_are_of_two_series() -> None:
    rule = by_pattern(r"(?P<study>P\d+)_[a-z]+_(?P<frame>\d+)")
    files = ("P01_pre_001.png", "P01_post_001.png")
    assert len(set(completed({file: rule.parts_of(file) for file in files}).values())) == 2


def test_one_name_in_train_and_in_test_is_one_frame() -> None:
    assert frames_of("train/images/a_1.png", "test/images/a_1.png") == [("1", 1), ("1", 1)]


def test_a_time_stamp_is_no_frame_number_so_frames_are_counted_in_order() -> None:
    stamps = ("P01_20240131120500.png", "P01_20240131120001.png", "P01_20240131120059.png")
    assert frames_of(*stamps) == [("1", 3), ("1", 1), ("1", 2)]
    assert frames_of("left.png", "right.png", series="4") == [("4", 1), ("4", 2)]


def test_frames_that_are_counted_leave_the_numbers_that_are_given() -> None:
    given = {"left.png": Parts("P1", "1", 7, "row 2"), "right.png": Parts("P1", "1", None, "row 3")}
    assert {file: name.frame for file, name in completed(given).items()} == {"left.png": 7, "right.png": 8}


def test_a_frame_number_of_a_pattern_that_is_a_time_stamp_is_told() -> None:
    with pytest.raises(DatasetError, match="the frame number in its name has 14 digits, as a time stamp has"):
        by_pattern(r"(?P<study>P\d+)_(?P<frame>\d+)").parts_of("P01_20240131120001.png")


def spelt(*studies: str, private: bool = False) -> None:
    parts = {f"{place}.png": Parts(study, None, None, f"row {place}") for place, study in enumerate(studies)}
    refuse_two_spellings(parts, private=private)


@pytest.mark.parametrize("other", ["p01", "P1", "P 01", "P-01", "P_01", "Ｐ01", "P–01", "P01\u200b", "Р01", "'P01"])
def test_one_study_spelt_in_two_ways_is_told_with_both(other: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"'P01' in row 0, 0.png, and {other!r} in row 1, 1.png")):
        spelt("P01", other)


def test_two_spellings_of_private_studies_are_told_without_them() -> None:
    with pytest.raises(DatasetError, match="spelt in two ways: in row 0, and in row 1; spell") as told:
        spelt("Doe", "DOE", private=True)
    assert "Doe" not in str(told.value)


def test_studies_that_differ_in_more_than_spelling_are_left_alone() -> None:
    spelt("P1", "P10", "P100", "1-2", "12", "A1", "B1", "Bern 7", "Bern 8", "study-1", "study-2")
