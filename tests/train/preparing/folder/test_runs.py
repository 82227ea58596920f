"""Runs that make a dataset: the same each time, stopped and gone on with, meeting bad files and each other."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.export.locking import locked
from tests.fakes.dataset import checked, lines_of, provenance_of
from tests.fakes.forking import start_python
from tests.fakes.prepared import (
    CC_BY,
    box,
    contents,
    disc,
    discs_fold,
    prepare_folder,
    record_mask,
    write_frame,
)
from tests.fakes.windows import write_text_as_there
from train import prepare

pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's word on a truncated TIFF


def test_the_same_frames_give_the_same_bytes_with_one_worker_and_with_four(
    fold: Path, made: Path, tmp_path: Path
) -> None:
    for workers in ("1", "4"):
        assert prepare_folder(fold, tmp_path / workers, *CC_BY, "--workers", workers) == 0
        assert contents(tmp_path / workers) == contents(made)


def test_the_same_frames_give_the_same_bytes_where_windows_would_end_lines_its_way(
    fold: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_text", write_text_as_there)
    assert prepare_folder(fold, tmp_path / "there", *CC_BY) == 0
    assert contents(tmp_path / "there") == contents(made)


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


@pytest.fixture(scope="module")
def long_fold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough frames to be stopped among them."""
    return discs_fold(tmp_path_factory.mktemp("long") / "fold", [f"{n:03d}" for n in range(1, 7)], per_study=20)


@pytest.fixture(scope="module")
def in_one_go(long_fold: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("in_one_go") / "dataset"
    assert prepare_folder(long_fold, out, *CC_BY) == 0
    return contents(out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "status", "said"),
    [
        (signal.SIGKILL, -9, ""),
        (signal.SIGINT, 130, "train.prepare: stopped; run the same command again to go on"),
        (signal.SIGUSR1, 130, "train.prepare: stopped by SIGUSR1; run the same command again to go on"),
    ],
    ids=["killed", "stopped by hand", "stopped by a scheduler"],
)
def test_a_run_that_was_cut_off_goes_on_where_it_was(
    long_fold: Path, in_one_go: dict[str, bytes], tmp_path: Path, stop: int, status: int, said: str
) -> None:
    """What lies ready is not made again, and the result is that of a run in one go."""
    out, notes = tmp_path / "dataset", tmp_path / "dataset.partial" / "frames"
    asked = ["--source", "folder", "--data", str(long_fold), "--out", str(out), "--size", "64"]
    flags, told = [*asked, "--workers", "1", *CC_BY], tmp_path / "stderr"
    run = start_python(["-m", "train.prepare", *flags], os.environ, stderr=told)
    while len(list(notes.glob("*.json"))) < 10:
        assert run.poll() is None
        time.sleep(0.002)
    run.send_signal(stop)
    assert (run.wait(30), told.read_text().strip()) == (status, said)
    assert not out.exists()
    ready = {path.stem for path in notes.glob("*.json")}
    assert 10 <= len(ready) < 120
    inodes = {stem: (notes / f"{stem}.image.png").stat().st_ino for stem in ready}
    assert prepare.main(flags) == 0
    for stem, inode in inodes.items():  # the very file of the run that was cut off
        (frame,) = out.glob(f"*/images/{stem}.png")
        assert frame.stat().st_ino == inode
    assert contents(out) == in_one_go


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


def deep_fold(root: Path, brightest: Iterable[int]) -> Path:
    """Frames of 16 bits, one file each, whose levels are 16 times those of 8 bits but for one pixel."""
    masks = {"lipid_core": box(30, 40, 20, 20)}
    for study, level in enumerate(brightest, start=1):
        write_frame(root / "train", f"{study:03d}_1_001", disc(study), masks)
        frame = disc(study)[..., 0].astype(np.uint16) * 16
        frame[0, 0] = level
        (root / "train" / "img" / f"{study:03d}_1_001.png").unlink()
        tifffile.imwrite(root / "train" / "img" / f"{study:03d}_1_001.tif", frame)
    return root


def test_frames_of_16_bits_get_one_rule_whatever_their_brightest_pixel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fold = deep_fold(tmp_path / "fold", (0, 4200, 0, 60000))
    assert prepare_folder(fold, tmp_path / "out", *CC_BY, "--size", "128", "--split", "none") == 0
    for line in lines_of(tmp_path / "out").values():
        frame = np.asarray(Image.open(tmp_path / "out" / "train" / line["image_file_name"]))[1:]
        # 16 times a level, of 4095: 255 / 255.94 of it
        assert np.abs(frame - disc(int(line["study"]))[1:] * (16 * 255 / 4095)).max() <= 1
    assert "black to white are 0 to 4095 in the files, one rule for all that are alike" in capsys.readouterr().out


def test_frames_on_another_scale_than_the_others_are_made_levels_by_a_rule_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fold = deep_fold(tmp_path / "fold", (0, 0, 0))
    tifffile.imwrite(fold / "train" / "img" / "003_1_001.tif", disc(3)[..., 0].astype(np.uint16) * 257)
    assert prepare_folder(fold, tmp_path / "out", *CC_BY, "--size", "128", "--split", "none") == 0
    for stem, line in lines_of(tmp_path / "out").items():
        frame = np.asarray(Image.open(tmp_path / "out" / "train" / line["image_file_name"]))[1:]
        assert np.abs(frame - disc(int(line["study"]))[1:].astype(int)).max() <= 1, stem
    told = capsys.readouterr().out
    assert "black to white are 0 to 4095 in the files" in told
    assert "black to white are 0 to 65535 in the files" in told
