"""The Zenodo record fetched over real HTTP from a stand-in on loopback: what is asked for, and what comes of it."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.errors import DatasetError
from tests.fakes.record import (
    ROOT,
    brought,
    content_of,
    differing,
    flags,
    packed,
    places,
    refused,
    same_but_for_the_source,
    spans,
)
from tests.fakes.zenodo_server import (
    Asked,
    RecordFrame,
    Zenodo,
    members_of,
    published_answer,
    real_record_frames,
    running_zenodo,
    write_zip,
)
from train import prepare

ANSWER = ROOT.parent / "shared" / "data" / "zenodo_14478210.json"


def test_the_stand_in_tells_of_the_files_as_zenodo_does() -> None:
    if not ANSWER.is_file():
        pytest.skip("the real answer, ../shared/data/zenodo_14478210.json, is not here")
    real = json.loads(ANSWER.read_text())
    assert published_answer() == {key: real[key] for key in published_answer()}


def test_only_frames_and_masks_are_fetched_and_in_few_requests(
    remote: tuple[Path, list[Asked]], frames: list[RecordFrame], fold: Path
) -> None:
    _, log = remote
    wanted = sum(stop - start for name, (start, stop) in places(fold).items() if "mask_color" not in name)
    with zipfile.ZipFile(fold) as archive:
        directory = fold.stat().st_size - archive.start_dir
    names_bytes = 100 * 3 * len(frames)
    assert wanted < sum(asked.sent for asked in log) <= wanted + 2 * directory + names_bytes
    assert len(log) <= 6  # the first byte, three for the end and the directory, one each for train/ and test/


def test_the_whole_file_gives_the_same_dataset(
    remote: tuple[Path, list[Asked]], zenodo: Zenodo, tmp_path: Path
) -> None:
    assert prepare.main(flags(zenodo, tmp_path, "--whole-file")) == 0
    assert same_but_for_the_source(remote[0], tmp_path / "ds")
    assert max(asked.stop - asked.start for asked in zenodo.log) == zenodo.size


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_fold_downloaded_by_hand_gives_the_same_dataset(
    remote: tuple[Path, list[Asked]], fold: Path, tmp_path: Path, unpacked: bool
) -> None:
    data = fold
    if unpacked:
        data = tmp_path / "unpacked"
        with zipfile.ZipFile(fold) as archive:
            archive.extractall(data)
    where = ["--source", "folder", "--data", str(data), "--out", str(tmp_path / "ds")]
    assert prepare.main([*where, "--doi", "10.5281/zenodo.14478210", "--size", "64"]) == 0
    assert same_but_for_the_source(remote[0], tmp_path / "ds")


def test_the_comparison_of_datasets_notices_one_other_byte(remote: tuple[Path, list[Asked]], tmp_path: Path) -> None:
    """A negative control of the tests above and below."""
    for path in (path for path in remote[0].rglob("*") if path.is_file()):
        copy = tmp_path / "ds" / path.relative_to(remote[0])
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert same_but_for_the_source(remote[0], tmp_path / "ds")
    mask = next((tmp_path / "ds" / "train" / "masks").iterdir())
    mask.write_bytes(mask.read_bytes()[:-1] + b"x")
    assert differing(remote[0], tmp_path / "ds") == {f"train/masks/{mask.name}"}
    assert not same_but_for_the_source(remote[0], tmp_path / "ds")


@pytest.mark.parametrize("prefix", ["fold_1/", "", "deep/er/fold_1/"])
def test_folders_before_train_and_test_do_not_matter(frames: list[RecordFrame], tmp_path: Path, prefix: str) -> None:
    with running_zenodo(write_zip(tmp_path / "f.zip", members_of(frames), prefix=prefix)) as running:
        assert content_of(brought(running, tmp_path / "cache")) == packed(frames)


def test_members_beyond_4_gib_are_fetched_without_the_hole_before_them(
    frames: list[RecordFrame], far_fold: Path, tmp_path: Path
) -> None:
    assert max(start for start, _ in places(far_fold).values()) > 2**32
    with running_zenodo(far_fold, md5="0" * 32) as running:
        assert content_of(brought(running, tmp_path)) == packed(frames)
        assert sum(asked.sent for asked in running.log) < 100_000_000


@pytest.mark.slow
def test_a_run_over_a_large_file_takes_less_than_500_mb_of_memory(far_fold: Path, tmp_path: Path) -> None:
    measured = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'train.prepare', *sys.argv[1:]])\n"
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)"
    )
    with running_zenodo(far_fold, md5="0" * 32) as running:
        command = [sys.executable, "-c", measured, *flags(running, tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    peak = int(re.search(r"peak (\d+)", done.stdout)[1]) * unit
    assert 20_000_000 < peak < 500_000_000


def test_what_is_there_is_not_fetched_again(zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path) -> None:
    brought(zenodo, tmp_path)
    assert len(spans(zenodo)) == 2
    zenodo.log.clear()
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)
    assert spans(zenodo) == []


def test_a_file_of_the_cache_that_was_damaged_is_fetched_again_alone(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    brought(zenodo, tmp_path)
    (kept,) = tmp_path.rglob("003_1_002.png")
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    zenodo.log.clear()
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)
    (asked,) = spans(zenodo)
    assert asked.start == places(zenodo.content)["fold_1/train/img/003_1_002.png"][0]


def test_the_whole_file_is_not_fetched_again(zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path) -> None:
    brought(zenodo, tmp_path, whole_file=True)
    zenodo.log.clear()
    assert content_of(brought(zenodo, tmp_path, whole_file=True)) == packed(frames)
    assert spans(zenodo) == []


def test_what_is_no_frame_is_passed_over_or_named(frames: list[RecordFrame], tmp_path: Path) -> None:
    """AppleDouble files and .DS_Store are nothing; a file of an unknown name beside the frames is told of."""
    junk = [
        ("__MACOSX/fold_1/train/img/._001_1_001.png", b"junk"),
        ("fold_1/train/img/.DS_Store", b"junk"),
        ("fold_1/train/img/overview.png", b"junk"),
        ("fold_1/train/img/", b""),
        ("fold_1/readme.txt", b"junk"),
    ]
    members = [*junk, *((f"fold_1/{name}", content) for name, content in members_of(frames))]
    with running_zenodo(write_zip(tmp_path / "f.zip", members, prefix="")) as running:
        for whole_file in (False, True):
            found = brought(running, tmp_path / "cache", whole_file=whole_file)
            assert content_of(found) == packed(frames)
            assert [each.file for each in found.listing.problems] == ["fold_1/train/img/overview.png"]


@pytest.mark.parametrize("whole_file", [False, True])
@pytest.mark.parametrize("evil", ["../../evil/", "/evil/", "C:/evil/", "fold_1/train/img/../../../", "\\\\evil/"])
def test_a_zip_with_a_path_that_leads_out_is_refused_and_nothing_is_written_outside(
    frames: list[RecordFrame], tmp_path: Path, evil: str, whole_file: bool
) -> None:
    home = tmp_path / "in" / "here"
    members = [*members_of(frames), (f"{evil}train/img/001_1_001.png", b"evil")]
    path = write_zip(tmp_path / "f.zip", members, prefix="")
    with (
        running_zenodo(path) as running,
        pytest.raises(DatasetError, match=r"^fold_1.zip holds a path that leads out of it"),
    ):
        brought(running, home, whole_file=whole_file)
    written = {file for file in tmp_path.rglob("*") if file.is_file() and file != path}
    assert all(file.is_relative_to(home / "zenodo-14478210") for file in written)
    assert not list(home.rglob("*.png"))


def test_a_second_file_for_the_same_frame_does_not_take_its_place(frames: list[RecordFrame], tmp_path: Path) -> None:
    """Both ways keep the frame that comes first and name the other."""
    own = [(f"fold_1/{name}", content) for name, content in members_of(frames)]
    other = [("copy/" + name.partition("/")[2], content[::-1]) for name, content in own if "001_1_001" in name]
    with running_zenodo(write_zip(tmp_path / "f.zip", own + other, prefix="")) as running:
        for whole_file in (True, False):
            found = brought(running, tmp_path / "cache", whole_file=whole_file)
            assert content_of(found) == packed(frames)
            named = [each.file for each in found.listing.problems]
            assert "copy/train/img/001_1_001.png" in named
            assert all(file.startswith("copy/") for file in named)


def test_only_the_studies_asked_for_are_fetched(zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path) -> None:
    assert prepare.main(flags(zenodo, tmp_path, "--studies", "001,006", "--max-frames-per-study", "1")) == 0
    made = {path.stem for path in (tmp_path / "ds").glob("*/images/*.png")}
    assert made == {"001_1_001", "006_1_001"}
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 2
    large = sum(len(frame.image) for frame in frames if frame.name in made)
    assert sum(asked.sent for asked in spans(zenodo)) < large + 200_000
    provenance = json.loads((tmp_path / "ds" / "provenance.json").read_text())
    assert "only the studies 001, 006 taken" in provenance["changes"]


def test_a_study_that_is_not_there_is_told_of(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(flags(zenodo, tmp_path, "--studies", "001,104"), capsys)
    assert "there is no study 104; there are 001, 002, 003, 004, 005, 006" in line


def test_more_frames_of_a_study_are_added_to_those_that_are_there(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    taste = content_of(brought(zenodo, tmp_path, per_study=1))
    assert set(taste) == {frame.name for frame in frames if frame.name.endswith("001")}
    zenodo.log.clear()
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)
    again = [place for name, place in places(zenodo.content).items() if "_1_001.png" in name and "mask" not in name]
    assert not any(asked.start <= start and stop <= asked.stop for asked in spans(zenodo) for start, stop in again)


def test_a_dry_run_says_how_much_and_fetches_and_writes_nothing(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(flags(zenodo, tmp_path, "--dry-run")) == 0
    told = capsys.readouterr().out
    packed_bytes = sum(
        member.compress_size
        for member in zipfile.ZipFile(zenodo.content).infolist()
        if "mask_color" not in member.filename
    )
    assert "fold_1.zip: 12 frames of 6 studies, 24 members of" in told
    assert f"{packed_bytes / 1e6:.1f} MB to fetch in 2 requests" in told
    assert spans(zenodo) == []
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_the_whole_file_says_how_much(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(flags(zenodo, tmp_path, "--dry-run", "--whole-file")) == 0
    size = f"{zenodo.size / 1e6:.1f} MB"
    assert f"fold_1.zip: {size} of {size} to fetch" in capsys.readouterr().out
    assert zenodo.log == []


def test_studies_held_out_become_the_test_part_and_nothing_else(zenodo: Zenodo, tmp_path: Path) -> None:
    assert prepare.main(flags(zenodo, tmp_path, "--holdout", "002,005")) == 0
    held = {path.stem[:3] for path in (tmp_path / "ds" / "test" / "images").iterdir()}
    rest = {path.stem[:3] for part in ("train", "validation") for path in (tmp_path / "ds" / part).glob("images/*")}
    assert held == {"002", "005"}
    assert rest == {"001", "003", "004", "006"}


def test_real_frames_of_the_record_come_through(real_frames: Path, tmp_path: Path) -> None:
    frames = real_record_frames(real_frames, step=8)
    with running_zenodo(write_zip(tmp_path / "f.zip", members_of(frames))) as running:
        assert prepare.main([*flags(running, tmp_path), "--size", "512", "--max-bad", "0"]) == 0
    assert prepare.main(["--check", str(tmp_path / "ds")]) == 0
    for frame in frames:
        (made,) = (tmp_path / "ds").glob(f"*/masks/{frame.name}.png")
        with Image.open(real_frames / frame.part / "mask" / f"{frame.name}.tiff") as mask:
            lipid = np.asarray(mask.split()[2]) > 127
        with Image.open(made) as mask:
            assert (np.asarray(mask) > 0).mean() == pytest.approx(lipid.mean(), abs=0.001)
