from pathlib import PurePath

import pytest

from octseg.reading.names import frame_number, frame_numbers, natural_key, natural_path_key


def test_names_are_in_the_order_in_which_people_count() -> None:
    names = [f"frame_{number}.png" for number in range(1, 13)]
    assert sorted(names, key=natural_key) == names
    mixed = ["1.png", "2.png", "02b.png", "10.png", "Frame 3.png", "frame 21.png", "ß10.png", "zoom.png"]
    assert sorted(mixed, key=natural_key) == mixed


@pytest.mark.parametrize("second", ["image (1).png", "image 2.png", "image-1.png", "image - Copy.png", "image_1.png"])
def test_what_a_browser_or_a_system_numbers_from_the_second_file_on_begins_with_the_first(second: str) -> None:
    assert sorted([second, "image.png"], key=natural_key) == ["image.png", second]


def test_names_that_count_alike_have_an_order_all_the_same() -> None:
    assert sorted(["f1", "f01", "F1"], key=natural_key) == sorted(["F1", "f01", "f1"], key=natural_key)


def test_a_name_of_very_many_digits_or_of_none_sorts_too() -> None:
    assert sorted(["9" * 5000, "8" * 5000, "", "٣", "x"], key=natural_key) == ["", "8" * 5000, "9" * 5000, "x", "٣"]


def test_paths_are_in_order_folder_by_folder() -> None:
    paths = [PurePath(path) for path in ("P2/run/f9.png", "P2/run 1/f1.png", "P10/f1.png")]
    assert sorted(paths, key=natural_path_key) == paths


@pytest.mark.parametrize(
    ("stem", "number"),
    [
        ("frame_7", 7),
        ("frame_0012", 12),
        ("001_1_0042", 42),
        ("frame0", 0),
        ("IMG 3 (copy)", 3),
        ("frame", None),
        ("20240312101530", None),
        ("20240312101530_5", 5),
        ("Bild ٣", None),
    ],
)
def test_the_number_of_a_frame_is_the_last_in_its_name(stem: str, number: int | None) -> None:
    assert frame_number(stem) == number


@pytest.mark.parametrize(
    ("stems", "numbers"),
    [
        (["f_1_704px", "f_2_704px", "f_10_704px"], [1, 2, 10]),
        (["7_v2", "8_v2"], [7, 8]),
        (["001_1_004", "001_1_005", "002_1_004"], [4, 5, 4]),
        (["run1_20240312101530", "run2_20240312101530"], [1, 2]),
        (["a", "b"], [None, None]),
        (["frame_3"], [3]),
        (["frame_3", "other"], [3, None]),
        ([], []),
    ],
)
def test_beside_its_like_a_frames_number_is_the_one_that_differs(stems: list[str], numbers: list[int | None]) -> None:
    assert list(frame_numbers(stems)) == numbers
