"""A folder of frames made into a dataset by the command: laid out, described, read by others, shown."""

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datasets import Image as ImageFeature
from datasets import load_dataset
from PIL import Image

from octseg.dataset.folder import read_lines
from tests.fakes.dataset import checked, lines_of, provenance_of, sums_renewed
from tests.fakes.prepared import (
    CC_BY,
    box,
    contents,
    disc,
    phantom,
    png,
    prepare_folder,
    write_frame,
)
from tests.train.preparing.folder.conftest import RULERS
from train import prepare


def test_the_layout_is_an_image_folder_with_everything_that_describes_it(made: Path) -> None:
    expected = {"README.md", "ATTRIBUTION.md", "provenance.json", "SHA256SUMS"}
    expected |= {"preview/class_areas.png", "preview/contact_sheet.png"}
    split_of = {stem: line["split"] for stem, line in lines_of(made).items()}
    expected |= {f"{split}/metadata.jsonl" for split in ("train", "validation")}
    expected |= {f"{split}/{kind}/{stem}.png" for stem, split in split_of.items() for kind in ("images", "masks")}
    assert set(contents(made)) == expected
    assert set(split_of) == {f"00{study}_1_00{frame}" for study in (1, 2, 3, 4) for frame in (1, 2)}


def test_one_study_of_four_equal_ones_validates(made: Path) -> None:
    sides = {(line["study"], line["split"]) for line in lines_of(made).values()}
    assert Counter(split for _, split in sides) == {"train": 3, "validation": 1}


def test_a_line_of_metadata_says_what_was_drawn(made: Path) -> None:
    line = lines_of(made)["002_1_001"]
    del line["split"]
    assert line == {
        "image_file_name": "images/002_1_001.png",
        "mask_file_name": "masks/002_1_001.png",
        "study": "002",
        "series": "1",
        "frame": 1,
        "pixel_spacing_mm": None,
        "pixel_spacing_source": None,
        "native_height": 128,
        "native_width": 128,
        "native_pixel_spacing_mm": None,
        "lipid_core_area_px": 100,  # 20 x 20 px at 128, so 10 x 10 at 64
        "lipid_core_area_mm2": None,
    }


def test_the_counts_are_those_of_what_was_drawn(made: Path) -> None:
    counts = provenance_of(made)["counts"]
    assert {split: (of["studies"], of["frames"], of["frames_with"]) for split, of in counts.items()} == {
        "train": (3, 6, {"lipid_core": 3}),
        "validation": (1, 2, {"lipid_core": 1}),
    }
    assert counts["train"]["pixels_of"] == {"lipid_core": 300}
    assert counts["train"]["frames_with_scale"] == 0


def test_the_md5_of_every_source_file_is_told(made: Path, fold: Path) -> None:
    told = {each["file"]: each["md5"] for each in provenance_of(made)["source"]["files"]}
    listed = subprocess.run(["md5sum", *told], cwd=fold, capture_output=True, text=True, check=True).stdout
    assert told == {line[34:]: line[:32] for line in listed.splitlines()}
    assert len(told) == 16


def test_sha256sum_finds_every_file_as_listed(made: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == len(contents(made)) - 1


def test_phantoms_masks_are_in_the_dataset_as_they_were_drawn(of_phantoms: Path) -> None:
    for place, (study, ruler) in enumerate(RULERS.items()):
        line, masks = lines_of(of_phantoms)[f"{study}_1_001"], phantom(place + 1, ruler).masks
        assert (line["pixel_spacing_mm"] is not None) == ruler
        for name in ("lumen", "lipid_core"):
            expected = masks[name].sum() * (512 / 750) ** 2
            assert line[f"{name}_area_px"] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("by_builder", [True, False])
def test_datasets_reads_frames_and_exact_palette_masks(of_phantoms: Path, tmp_path: Path, by_builder: bool) -> None:
    if by_builder:
        read = load_dataset("imagefolder", data_dir=str(of_phantoms), cache_dir=str(tmp_path))
    else:
        read = load_dataset(str(of_phantoms), cache_dir=str(tmp_path))
    assert set(read) == {"train", "validation"}
    for split, rows in read.items():
        lines = read_lines(of_phantoms, split)
        assert isinstance(rows.features["image"], ImageFeature)
        assert isinstance(rows.features["mask"], ImageFeature)
        assert [(row["study"], row["frame"]) for row in rows] == [(line["study"], line["frame"]) for line in lines]
        for row, line in zip(rows, lines, strict=True):
            assert row["image"].mode == "RGB"
            assert row["mask"].mode == "P"
            for kind in ("image", "mask"):
                stored = Image.open(of_phantoms / split / line[f"{kind}_file_name"])
                np.testing.assert_array_equal(np.asarray(row[kind]), np.asarray(stored))
            assert row["pixel_spacing_mm"] == line["pixel_spacing_mm"]


@pytest.mark.parametrize("by_builder", [True, False])
@pytest.mark.parametrize("with_scale", ["train", "validation", "neither"])
def test_datasets_reads_a_dataset_that_has_no_scale_on_one_side(
    tmp_path: Path, by_builder: bool, with_scale: str
) -> None:
    """001 has four frames and 002 one, so 002 validates; a column that is empty throughout has no type of its own."""
    for number in range(1, 5):
        drawn = phantom(3) if (with_scale, number) == ("train", 1) else None
        frame, masks = (drawn.frame, drawn.masks) if drawn else (disc(number), {"lipid_core": box(30, 30, 9, 9)})
        write_frame(tmp_path / "fold" / "train", f"001_1_{number:03d}", frame, masks)
    drawn = phantom(3) if with_scale == "validation" else None
    frame, masks = (drawn.frame, drawn.masks) if drawn else (disc(9), {"lipid_core": box(30, 30, 9, 9)})
    write_frame(tmp_path / "fold" / "train", "002_1_001", frame, masks)
    out = tmp_path / "dataset"
    assert prepare_folder(tmp_path / "fold", out, *CC_BY) == 0
    cache = str(tmp_path / "cache")
    read = (
        load_dataset("imagefolder", data_dir=str(out), cache_dir=cache)
        if by_builder
        else load_dataset(str(out), cache_dir=cache)
    )
    known = {split: sum(row["pixel_spacing_mm"] is not None for row in rows) for split, rows in read.items()}
    assert known == {"train": with_scale == "train", "validation": with_scale == "validation"}
    assert {split: len(rows) for split, rows in read.items()} == {"train": 4, "validation": 1}


def test_the_pictures_are_made_anew_and_the_check_still_passes(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(copy)
    (copy / "preview" / "contact_sheet.png").write_bytes(png(disc(0)))  # as another version might have drawn it
    (copy / "preview" / "class_areas.png").unlink()
    sums_renewed(copy)
    assert prepare.main(["--preview", str(copy)]) == 0
    assert checked(copy, capsys) == ""
    assert contents(copy) == before


def test_the_contact_sheet_of_few_frames_shows_each_in_its_row(made: Path) -> None:
    """Eight frames in six columns of 280 px: two rows."""
    with Image.open(made / "preview" / "contact_sheet.png") as sheet:
        width, height = sheet.size
    assert width == 6 * 280
    assert 2 * 280 < height < 3 * 280


def test_a_dataset_of_negatives_alone_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for study in ("001", "002"):
        write_frame(tmp_path / "fold", f"{study}_1_001", disc(int(study)), {"lumen": box(60, 60, 10, 10)})
    assert prepare_folder(tmp_path / "fold", tmp_path / "dataset", *CC_BY) == 0
    assert {line["lipid_core_area_px"] for line in lines_of(tmp_path / "dataset").values()} == {0}
    assert checked(tmp_path / "dataset", capsys) == ""
