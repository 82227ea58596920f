"""A folder of frames made into a dataset by the command: laid out, described, checked, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Image as ImageFeature
from datasets import load_dataset
from PIL import Image

from octseg.dataset.folder import read_lines
from octseg.publishing import sha256_of
from tests.prepared import (
    CC_BY,
    box,
    contents,
    disc,
    discs_fold,
    phantom,
    phantoms_fold,
    png,
    prepare_folder,
    record_mask,
    write_frame,
)
from tests.stopping import heeding_sigint
from train import prepare
from train.locking import locked

pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's word on a truncated TIFF
ROOT = Path(__file__).parent.parent
RULERS = {"001": True, "002": True, "003": False, "004": True}


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four studies of two drawn discs; the first of each bears lipid. The fourth lies in test/."""
    return discs_fold(tmp_path_factory.mktemp("discs") / "fold_1")


@pytest.fixture(scope="module")
def made(fold: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of it, for tests that only look."""
    out = tmp_path_factory.mktemp("made") / "dataset"
    assert prepare_folder(fold, out, *CC_BY) == 0
    return out


@pytest.fixture(scope="module")
def of_phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of four phantoms, one of each study, in all classes at 512."""
    home = tmp_path_factory.mktemp("phantoms")
    phantoms_fold(home / "fold_1", RULERS)
    assert prepare_folder(home / "fold_1", home / "dataset", *CC_BY, "--classes", "all", "--size", "512") == 0
    return home / "dataset"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A dataset to do damage to."""
    return copied(made, tmp_path / "dataset")


def copied(folder: Path, target: Path) -> Path:
    for name, content in contents(folder).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return target


def provenance_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "provenance.json").read_text())


def lines_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Stem -> its line of metadata, with the split in it."""
    return {
        Path(line["image_file_name"]).stem: line | {"split": split}
        for split in ("train", "validation", "test")
        for line in read_lines(folder, split)
    }


def sums_renewed(folder: Path) -> None:
    """SHA256SUMS as if everything were as it was made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    text = "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text(text)


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What --check says is wrong; empty where nothing is."""
    capsys.readouterr()
    status = prepare.main(["--check", str(folder)])
    said = capsys.readouterr()
    assert status == (1 if said.err else 0)
    return said.err


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


def test_a_dataset_that_is_as_it_was_made_passes_the_check(
    of_phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(["--check", str(of_phantoms)]) == 0
    assert "is as it was made" in capsys.readouterr().out


@pytest.mark.parametrize(
    "pattern",
    [
        "README.md",
        "ATTRIBUTION.md",
        "provenance.json",
        "preview/contact_sheet.png",
        "train/metadata.jsonl",
        "train/images/*",
        "train/masks/*",
    ],
)
@pytest.mark.parametrize("value", [0x00, 0xFF], ids=["to 0", "to 255"])
def test_a_flipped_byte_is_found_in_any_file(
    copy: Path, capsys: pytest.CaptureFixture[str], pattern: str, value: int
) -> None:
    path = sorted(copy.glob(pattern))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] = value if content[len(content) // 2] != value else 0x55
    path.write_bytes(content)
    assert path.relative_to(copy).as_posix() in checked(copy, capsys)


def test_a_missing_file_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = next((copy / "train" / "masks").iterdir())
    gone.unlink()
    said = checked(copy, capsys)
    assert f"train/masks/{gone.name} is missing" in said
    assert f"images/{gone.name} or its mask cannot be read" in said


@pytest.mark.parametrize("name", ["notes.txt", "train/images/extra.png", ".hidden", "train/images/scan.dcm"])
def test_a_file_too_many_is_found(copy: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (copy / name).write_bytes(png(disc(0, 64, 64)))
    assert f"{name} is not listed in SHA256SUMS" in checked(copy, capsys)


def test_a_frame_too_many_is_found_when_the_sums_were_rewritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "train" / "images" / "extra.png").write_bytes(png(disc(0, 64, 64)))
    sums_renewed(copy)
    assert "train/images/extra.png is not in the metadata" in checked(copy, capsys)


def edit_metadata(folder: Path, edit: Callable[[list[str]], list[str]]) -> None:
    path = folder / "train" / "metadata.jsonl"
    path.write_text("".join(f"{line}\n" for line in edit(path.read_text().splitlines())))
    sums_renewed(folder)


def test_an_edited_area_is_found_when_the_sums_were_rewritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_metadata(copy, lambda lines: [line.replace('area_px": 100', 'area_px": 101') for line in lines])
    assert "is 101, and its mask has 100" in checked(copy, capsys)


def test_a_frame_struck_from_the_metadata_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_metadata(copy, lambda lines: lines[1:])
    said = checked(copy, capsys)
    assert "is not in the metadata" in said
    assert "train has 5 frames, and its provenance says 6" in said


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"image_file_name": 5}'])
def test_a_line_that_is_no_metadata_is_a_fault_and_no_traceback(
    copy: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    edit_metadata(copy, lambda lines: [line, *lines[1:]])
    assert "metadata" in checked(copy, capsys)


def test_a_provenance_that_lacks_its_counts_is_a_fault_and_no_traceback(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provenance = provenance_of(copy)
    del provenance["counts"]
    (copy / "provenance.json").write_text(json.dumps(provenance))
    assert "provenance.json" in checked(copy, capsys)


def test_a_study_on_two_sides_is_found_when_sums_and_counts_fit(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(copy, "train")
    moved = lines[-1]
    for kind in ("image", "mask"):
        name = moved[f"{kind}_file_name"]
        (copy / "train" / name).rename(copy / "validation" / name)
    with (copy / "validation" / "metadata.jsonl").open("a") as metadata:
        metadata.write(json.dumps(moved) + "\n")
    provenance = provenance_of(copy)
    provenance["counts"]["train"]["frames"] -= 1
    provenance["counts"]["validation"]["frames"] += 1
    (copy / "provenance.json").write_text(json.dumps(provenance))
    edit_metadata(copy, lambda lines: lines[:-1])
    assert checked(copy, capsys) == f"train.prepare: study {moved['study']} is in train and in validation\n"


def test_an_edited_card_is_found_when_the_sums_were_rewritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = (copy / "README.md").read_text()
    (copy / "README.md").write_text(
        card.replace("license: cc-by-4.0", "license: mine-alone") + "[More Information Needed]"
    )
    sums_renewed(copy)
    said = checked(copy, capsys)
    assert "mine-alone" in said
    assert "[More Information Needed]" in said


def test_a_card_that_was_removed_is_found_when_the_sums_were_rewritten(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "README.md").unlink()
    sums_renewed(copy)
    assert "card" in checked(copy, capsys)


def test_a_mask_with_another_value_is_found_when_the_sums_were_rewritten(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next((copy / "train" / "masks").iterdir())
    with Image.open(path) as mask:
        values = np.array(mask)
        values[0, 0] = 2
        changed = Image.fromarray(values)
        changed.putpalette(mask.getpalette() or [])
    changed.save(path)
    sums_renewed(copy)
    assert "values [2], which stand for no class of this dataset" in checked(copy, capsys)


def test_a_folder_that_is_no_dataset_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "has no provenance.json" in said
    assert said.count("\n") == 1


def test_the_same_frames_give_the_same_bytes_with_one_worker_and_with_four(
    fold: Path, made: Path, tmp_path: Path
) -> None:
    for workers in ("1", "4"):
        assert prepare_folder(fold, tmp_path / workers, *CC_BY, "--workers", workers) == 0
        assert contents(tmp_path / workers) == contents(made)


def test_sources_are_never_changed(fold: Path, tmp_path: Path) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in fold.rglob("*") if path.is_file()}

    before = state()
    assert prepare_folder(fold, tmp_path / "public", *CC_BY) == 0
    assert prepare_folder(fold, tmp_path / "private", "--private") == 0
    assert state() == before


def test_nothing_is_left_beside_a_finished_dataset(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_an_existing_dataset_is_never_overwritten(fold: Path, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(copy)
    assert prepare_folder(fold, copy, *CC_BY, "--seed", "5") == 1
    assert "dataset is there already; remove it, or choose another --out" in capsys.readouterr().err
    assert contents(copy) == before


def test_a_file_in_the_place_of_the_dataset_is_never_overwritten(fold: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset").write_text("mine")
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 1
    assert (tmp_path / "dataset").read_text() == "mine"


def test_an_empty_folder_becomes_the_dataset(fold: Path, made: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 0
    assert contents(tmp_path / "dataset") == contents(made)


@pytest.mark.parametrize(
    ("stop", "status", "said"),
    [(signal.SIGKILL, -9, ""), (signal.SIGINT, 130, "train.prepare: stopped; run the same command again to go on")],
    ids=["killed", "stopped by hand"],
)
def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, stop: int, status: int, said: str) -> None:
    """What lies ready is not made again, and the result is that of a run in one go."""
    fold = discs_fold(tmp_path / "fold", [f"{n:03d}" for n in range(1, 7)], per_study=20)
    out, notes = tmp_path / "dataset", tmp_path / "dataset.partial" / "frames"
    flags = ["--source", "folder", "--data", str(fold), "--out", str(out), "--size", "64", "--workers", "1", *CC_BY]
    command = [sys.executable, "-m", "train.prepare", *flags]
    with heeding_sigint():
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    with process as run:
        while len(list(notes.glob("*.json"))) < 10:
            assert run.poll() is None
            time.sleep(0.002)
        run.send_signal(stop)
        _, told = run.communicate(timeout=30)
    assert (run.returncode, told.strip()) == (status, said)
    assert not out.exists()
    ready = {path.stem for path in notes.glob("*.json")}
    assert 10 <= len(ready) < 120
    inodes = {stem: (notes / f"{stem}.image.png").stat().st_ino for stem in ready}
    assert prepare.main(flags) == 0
    for stem, inode in inodes.items():  # the very file of the run that was cut off
        (frame,) = out.glob(f"*/images/{stem}.png")
        assert frame.stat().st_ino == inode
    assert prepare_folder(fold, tmp_path / "in_one_go", *CC_BY) == 0
    assert contents(out) == contents(tmp_path / "in_one_go")


@pytest.fixture
def broken_fold(tmp_path: Path) -> Path:
    """A fold with one mask too short, so that a run with --max-bad 0 ends before its dataset is there."""
    fold = discs_fold(tmp_path / "fold")
    mask = fold / "train" / "mask" / "002_1_002.tiff"
    mask.write_bytes(mask.read_bytes()[:200])
    return fold


def mended(fold: Path) -> None:
    (fold / "train" / "mask" / "002_1_002.tiff").write_bytes(record_mask({"lumen": box(60, 60, 10, 10)}))


@pytest.mark.parametrize("flags", [("--size", "96"), ("--classes", "all"), ("--seed", "3"), ("--split", "frame")])
def test_other_options_after_an_interruption_give_their_own_result(
    broken_fold: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY, "--max-bad", "0") == 1
    assert (tmp_path / "dataset.partial").is_dir()
    mended(broken_fold)
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY, *flags) == 0
    assert prepare_folder(broken_fold, tmp_path / "fresh", *CC_BY, *flags) == 0
    assert contents(tmp_path / "dataset") == contents(tmp_path / "fresh")


def test_what_was_damaged_in_the_workshop_is_made_again(broken_fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY, "--max-bad", "0") == 1
    mended(broken_fold)
    frames = tmp_path / "dataset.partial" / "frames"
    (frames / "001_1_001.image.png").write_bytes(b"half a fra")
    (frames / "003_1_001.json").write_text("{")
    (frames / "004_1_001.mask.png").unlink()
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY) == 0
    assert prepare_folder(broken_fold, tmp_path / "fresh", *CC_BY) == 0
    assert contents(tmp_path / "dataset") == contents(tmp_path / "fresh")


def test_a_changed_source_is_read_again_after_an_interruption(broken_fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY, "--max-bad", "0") == 1
    mended(broken_fold)
    changed = broken_fold / "train" / "mask" / "001_1_001.tiff"
    changed.write_bytes(record_mask({"lipid_core": box(30, 40, 40, 20)}))
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY) == 0
    assert lines_of(tmp_path / "dataset")["001_1_001"]["lipid_core_area_px"] == 200


def test_two_runs_do_not_make_the_same_dataset_at_once(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / "dataset.partial", "making dataset"):
        assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 1
    assert "another run is making dataset; wait for it" in capsys.readouterr().err


def test_more_bad_files_than_allowed_fail_with_their_reasons_and_leave_nothing(
    broken_fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (broken_fold / "train" / "img" / "003_1_002.png").write_bytes(b"no picture")
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY, "--max-bad", "1") == 1
    said = capsys.readouterr().err
    assert "2 of 8 files are not right, more than the 1 allowed" in said
    assert "train/img/002_1_002.png: the mask is damaged" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "dataset").exists()
    problems = (tmp_path / "dataset.partial" / "problems.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in problems] == ["train/img/002_1_002.png", "train/img/003_1_002.png"]


def test_a_few_bad_files_are_left_out_and_listed_with_their_reasons(
    broken_fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (broken_fold / "train" / "mask" / "003_1_002.tiff").unlink()
    assert prepare_folder(broken_fold, tmp_path / "dataset", *CC_BY) == 0
    excluded = {each["file"]: each["reason"] for each in provenance_of(tmp_path / "dataset")["excluded"]}
    assert excluded == {
        "train/img/003_1_002.png": "it has no mask",
        "train/img/002_1_002.png": "the mask is damaged, or no PNG or TIFF",
    }
    assert {"002_1_002", "003_1_002"}.isdisjoint(lines_of(tmp_path / "dataset"))
    assert "left out: 2 files" in capsys.readouterr().out
    assert "2 files were left out" in (tmp_path / "dataset" / "README.md").read_text()
    assert checked(tmp_path / "dataset", capsys) == ""


def test_a_source_whose_every_frame_is_bad_makes_no_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_frame(tmp_path / "fold" / "train", "001_1_001", disc(0), {"lumen": box(0, 0, 5, 5)})
    (tmp_path / "fold" / "train" / "img" / "001_1_001.png").write_bytes(b"no picture")
    assert prepare_folder(tmp_path / "fold", tmp_path / "dataset", *CC_BY) == 1
    told = capsys.readouterr().err
    assert "no frame is left" in told
    assert "train/img/001_1_001.png: " in told
    assert not (tmp_path / "dataset").exists()


def test_all_classes_are_kept_where_they_are_asked_for(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--classes", "all", "--size", "128") == 0
    line = lines_of(tmp_path / "dataset")["001_1_001"]
    assert [line[f"{name}_area_px"] for name in ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum")] == [
        *(100, 80, 400, 0)
    ]
    told = provenance_of(tmp_path / "dataset")
    assert told["palette"] == {
        "0": "background",
        "1": "lumen",
        "2": "fibrous_cap",
        "3": "lipid_core",
        "4": "vasa_vasorum",
    }


def test_some_classes_are_kept_in_the_order_of_the_table(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--classes", "lipid_core, lumen") == 0
    assert provenance_of(tmp_path / "dataset")["classes"] == ["lumen", "lipid_core"]
    mask = np.asarray(Image.open(next((tmp_path / "dataset").glob("*/masks/001_1_001.png"))))
    assert set(np.unique(mask)) == {0, 1, 3}


def test_a_split_by_frame_is_marked_as_leaking_wherever_one_may_look(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "dataset"
    assert prepare_folder(fold, out, *CC_BY, "--split", "frame", "--validation-share", "0.5") == 0
    assert "LEAKING SPLIT" in capsys.readouterr().out
    lines = lines_of(out).values()
    assert Counter(line["split"] for line in lines) == {"train": 4, "validation": 4}
    assert all(line["split_leaks"] is True for line in lines)
    assert provenance_of(out)["split"]["leaks"] is True
    card = (out / "README.md").read_text()
    assert "> **LEAKING SPLIT" in card
    assert "leaking-split" in card
    assert "leaks" in (out / "ATTRIBUTION.md").read_text()
    assert checked(out, capsys) == ""


def test_a_split_by_study_is_not_marked_as_leaking(made: Path) -> None:
    assert provenance_of(made)["split"]["leaks"] is False
    assert "LEAKING" not in (made / "README.md").read_text()
    assert all("split_leaks" not in line for line in lines_of(made).values())


def test_without_a_split_all_frames_are_for_training(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--split", "none") == 0
    assert {line["split"] for line in lines_of(tmp_path / "dataset").values()} == {"train"}
    assert checked(tmp_path / "dataset", capsys) == ""


def test_one_study_alone_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fold = discs_fold(tmp_path / "fold", ["001"])
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 1
    assert "add studies, or ask for --split none" in capsys.readouterr().err


def test_folds_number_every_study_and_the_chosen_one_validates(fold: Path, tmp_path: Path) -> None:
    flags = ("--folds", "4", "--validation-fold", "2")
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, *flags) == 0
    lines = lines_of(tmp_path / "dataset").values()
    assert all((line["fold"] == 2) == (line["split"] == "validation") for line in lines)
    folds = {(line["study"], line["fold"]) for line in lines}
    assert sorted(fold for _, fold in folds) == [1, 2, 3, 4]


def test_the_folds_are_the_same_whichever_validates(fold: Path, tmp_path: Path) -> None:
    fold_of = []
    for number in ("1", "3"):
        assert prepare_folder(fold, tmp_path / number, *CC_BY, "--folds", "3", "--validation-fold", number) == 0
        fold_of.append({stem: line["fold"] for stem, line in lines_of(tmp_path / number).items()})
    assert fold_of[0] == fold_of[1]


def test_studies_held_out_are_the_test_part(fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--holdout", "002,004") == 0
    lines = lines_of(tmp_path / "dataset").values()
    assert {line["study"] for line in lines if line["split"] == "test"} == {"002", "004"}
    assert Counter(line["split"] for line in lines) == {"train": 2, "validation": 2, "test": 4}
    assert checked(tmp_path / "dataset", capsys) == ""


def test_a_study_held_out_is_in_no_fold(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--folds", "3", "--holdout", "003") == 0
    lines = lines_of(tmp_path / "dataset").values()
    assert all((line["study"] == "003") == (line["fold"] == 0) == (line["split"] == "test") for line in lines)


def test_the_named_hold_out_takes_those_of_its_studies_that_are_there(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "008", "010", "087"))
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--holdout", "radialmamba") == 0
    assert provenance_of(tmp_path / "dataset")["split"]["studies"]["test"] == ["008", "087"]
    assert provenance_of(tmp_path / "dataset")["split"]["holdout"] == "radialmamba"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--holdout", "009"), "none of the studies to hold out is among the frames"),
        (("--holdout", "001,009"), "there is no study 009 to hold out"),
        (("--studies", "001,7"), "there is no study 7; there are 001, 002, 003, 004"),
        (("--classes", "calcium"), "there is no class calcium"),
        (("--class-map", "lumen"), "is no class map"),
        (("--name-pattern", r"(\d+)"), "needs a group"),
        (("--study-csv", "missing.csv"), "missing.csv cannot be read"),
        (("--size", "16"), "between 64 and 2048"),
        (("--validation-share", "20"), "between 0 and 1, not 20"),
        (("--folds", "9"), "9 folds by study need as many studies"),
        (("--split", "frame", "--holdout", "001"), "by frame it would leak"),
    ],
)
def test_what_the_frames_do_not_allow_is_told_in_one_line(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], said: str
) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, *flags) == 1
    told = capsys.readouterr().err
    assert told.startswith("train.prepare: ")
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize(
    ("flags", "advice"),
    [
        ("--source folder --data x", "--out DIR is needed"),
        ("--parquet x", "--out DIR is needed"),
        ("--out y", "say where frames come from"),
        ("--source zenodo --private --out y", "go with --source folder"),
        ("--source zenodo --data x --out y", "go with --source folder"),
        ("--source zenodo --images x --masks x --out y", "go with --source folder"),
        ("--source folder --images x --out y", "--images and --masks go together"),
        ("--source folder --masks x --out y", "--images and --masks go together"),
        ("--source folder --out y", "needs --data PATH, or --images and --masks"),
        ("--source folder --data x --images x --masks x --out y", "needs --data PATH, or --images and --masks"),
        ("--source folder --data x --private --license cc-by-4.0 --out y", "takes no --license"),
        ("--source folder --data x --dry-run", "--source folder fetches nothing"),
        ("--source folder --data x --out y --studies ,", "name at least one study"),
        ("--source folder --data x --out y --folds 0", "must be a whole number from 1, not 0"),
        ("--source folder --data x --out y --max-frames-per-study -3", "must be a whole number from 1, not -3"),
        ("--source folder --data x --out y --workers many", "must be a whole number from 1, not many"),
        ("--source elsewhere --out y", "invalid choice"),
        ("--source folder --data x --out y --split patient", "invalid choice"),
    ],
)
def test_flags_that_make_no_sense_end_with_status_2_and_advice(
    capsys: pytest.CaptureFixture[str], flags: str, advice: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        prepare.main(flags.split())
    assert ended.value.code == 2
    assert advice in capsys.readouterr().err


def test_a_few_frames_of_each_study_can_be_taken(fold: Path, tmp_path: Path) -> None:
    flags = ("--studies", "001,003", "--max-frames-per-study", "1")
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, *flags) == 0
    assert set(lines_of(tmp_path / "dataset")) == {"001_1_001", "003_1_001"}
    attribution = (tmp_path / "dataset" / "ATTRIBUTION.md").read_text()
    assert "only the studies 001, 003 taken" in attribution
    assert "at most 1 frames of each study taken" in attribution


def test_frames_taken_of_a_study_are_spread_evenly(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "002"), per_study=9)
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--max-frames-per-study", "3") == 0
    frames = [line["frame"] for line in lines_of(tmp_path / "dataset").values() if line["study"] == "001"]
    assert sorted(frames) == [1, 4, 7]


def test_studies_whose_names_differ_in_an_umlaut_keep_their_own_frames(tmp_path: Path) -> None:
    rows = ["file,study,frame"]
    for place, study in enumerate(("Müller", "Möller")):
        write_frame(
            tmp_path / "fold", f"f{place}", disc(place, 64, 64, radius_px=30.0), {"lumen": box(0, 0, 1, 1, (64, 64))}
        )
        rows.append(f"f{place}.png,{study},1")
    (tmp_path / "names.csv").write_text("\n".join(rows), encoding="utf-8")
    flags = ("--study-csv", str(tmp_path / "names.csv"))
    assert prepare_folder(tmp_path / "fold", tmp_path / "dataset", *CC_BY, *flags, "--workers", "1") == 0
    for split in ("train", "validation"):
        (line,) = read_lines(tmp_path / "dataset", split)
        frame = np.asarray(Image.open(tmp_path / "dataset" / split / line["image_file_name"]))
        place = ("Müller", "Möller").index(line["study"])
        np.testing.assert_array_equal(frame, disc(place, 64, 64, radius_px=30.0))


def test_binary_masks_of_a_lab_are_read_from_two_folders(tmp_path: Path) -> None:
    for study in ("A", "B"):
        for kind, content in (("pics", png(disc(ord(study)))), ("truth", png(box(30, 40, 20, 20) * np.uint8(255)))):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{study}-7{'_seg' * (kind == 'truth')}.png").write_bytes(content)
    flags = ["--source", "folder", "--images", str(tmp_path / "pics"), "--masks", str(tmp_path / "truth")]
    flags += ["--name-pattern", "(?P<study>[A-Z])-(?P<frame>[0-9]+)", "--size", "64", "--out", str(tmp_path / "out")]
    assert prepare.main([*flags, *CC_BY]) == 0
    lines = lines_of(tmp_path / "out")
    assert {stem: line["lipid_core_area_px"] for stem, line in lines.items()} == {"A_1_007": 100, "B_1_007": 100}


def test_a_zip_file_gives_the_same_frames_as_its_folder(fold: Path, made: Path, tmp_path: Path) -> None:
    archive = tmp_path / "fold_1.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in contents(fold).items():
            target.writestr(f"fold_1/{name}", content)
    assert prepare_folder(archive, tmp_path / "dataset", *CC_BY) == 0
    here, there = contents(tmp_path / "dataset"), contents(made)
    told = {"provenance.json", "README.md", "SHA256SUMS"}
    assert {name: here[name] for name in here.keys() - told} == {name: there[name] for name in there.keys() - told}
    (source,) = provenance_of(tmp_path / "dataset")["source"]["files"]
    assert source["file"] == "fold_1.zip"
    assert source["bytes"] == archive.stat().st_size
    assert source["md5"] == subprocess.run(["md5sum", archive], capture_output=True, text=True).stdout[:32]


def test_a_zip_file_whose_download_was_cut_off_is_refused(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "fold_1.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in contents(fold).items():
            target.writestr(name, content)
    archive.write_bytes(archive.read_bytes()[:-500])
    assert prepare_folder(archive, tmp_path / "dataset", *CC_BY) == 1
    assert "its download is not complete" in capsys.readouterr().err


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_to_is_told_in_one_line(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o500)
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 1
    assert "may not be written there" in capsys.readouterr().err


def test_a_dataset_is_not_made_inside_its_own_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fold").mkdir()
    assert prepare_folder(tmp_path / "fold", tmp_path / "fold" / "dataset", *CC_BY) == 1
    assert "--out lies inside fold, which the next run would read" in capsys.readouterr().err
    assert list((tmp_path / "fold").iterdir()) == []
