"""The Zenodo record fetched over real HTTP from a stand-in on loopback: what is asked for, what is lived through."""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from octseg.errors import DatasetError
from tests.stopping import heeding_sigint
from tests.zenodo_server import (
    Asked,
    Fault,
    RecordFrame,
    Zenodo,
    by_study,
    members_of,
    phantom_frames,
    published_answer,
    real_record_frames,
    running_zenodo,
    write_zip,
)
from train import prepare
from train.locking import locked
from train.preparing.record_source import Found, RecordRequest, bring
from train.zenodo import Connection, Patience

ROOT = Path(__file__).parent.parent
ANSWER = ROOT.parent / "shared" / "data" / "zenodo_14478210.json"
QUICK = Patience(attempts=4, first_wait_s=0.01, longest_wait_s=0.05, connect_s=5.0, silence_s=0.4)
HOLE_BYTES = 5 << 30
TELLS_SOURCE = {"provenance.json", "README.md", "SHA256SUMS"}  # the second and the third follow from the first
KILLS = 30
Content = dict[str, tuple[bytes, bytes]]  # frame -> bytes of its image and of its mask


@pytest.fixture(scope="session")
def frames() -> list[RecordFrame]:
    """Twelve phantoms of six studies, two studies of them in the test part."""
    return phantom_frames(6, 2)


@pytest.fixture(scope="session")
def fold(frames: list[RecordFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fold's ZIP, deflated and stored members in turn."""
    path = tmp_path_factory.mktemp("fold") / "fold_1.zip"
    return write_zip(path, members_of(frames), packing=(zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))


@pytest.fixture(scope="session")
def far_fold(frames: list[RecordFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a hole of 5 GiB in its middle, which takes no room on the disk."""
    return write_zip(tmp_path_factory.mktemp("far") / "fold_1.zip", members_of(frames), hole_bytes=HOLE_BYTES)


@pytest.fixture
def zenodo(fold: Path) -> Iterator[Zenodo]:
    with running_zenodo(fold) as running:
        yield running


@contextmanager
def no_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda count: None


def brought(zenodo: Zenodo, cache: Path, **options: Any) -> Found:
    """What is needed of the record brought into `cache`, with little patience."""
    return bring(RecordRequest(cache=cache, endpoint=zenodo.endpoint, **options), Connection(QUICK), no_bar)


def content_of(found: Found) -> Content:
    return {item.name.stem: (item.image.read(), item.mask.read()) for item in found.listing.items}


def packed(frames: list[RecordFrame]) -> Content:
    return {frame.name: (frame.image, frame.mask) for frame in frames}


def flags(zenodo: Zenodo, folder: Path, *more: str) -> list[str]:
    """Flags that make `folder`/ds of the record with the cache `folder`/cache."""
    where = ["--endpoint", zenodo.endpoint, "--cache", str(folder / "cache"), "--out", str(folder / "ds")]
    return ["--source", "zenodo", *where, "--size", "64", "--workers", "2", *more]


def sums(folder: Path) -> dict[str, str]:
    """File -> sha256 of all that lies in a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def differing(one: Path, other: Path) -> set[str]:
    """Files that are not the same in both folders."""
    return {name for name, _ in sums(one).items() ^ sums(other).items()}


def places(path: Path) -> dict[str, tuple[int, int]]:
    """Member of a ZIP -> where its header begins, and its packed bytes end at the earliest."""
    with zipfile.ZipFile(path) as archive:
        return {
            member.filename: (member.header_offset, member.header_offset + 30 + member.compress_size)
            for member in archive.infolist()
        }


def complete(fold: Path, folder: Path) -> dict[str, tuple[int, int]]:
    """Members of `fold` that lie whole in the cache of `folder`, and their places in the ZIP."""
    home, found = folder / "cache" / "zenodo-14478210", places(fold)
    with zipfile.ZipFile(fold) as archive:
        for member in archive.infolist():
            kept = home / member.filename
            if not kept.exists() or kept.stat().st_size != member.file_size:
                del found[member.filename]
    return found


def spans(zenodo: Zenodo) -> list[Asked]:
    """Requests for members: the first byte, asked for to know the file, and the directory are none."""
    with zipfile.ZipFile(zenodo.content) as archive:
        directory = archive.start_dir
    return [asked for asked in zenodo.log if asked.start < directory and asked.stop - asked.start > 1]


def as_process(arguments: list[str], before: str = "") -> subprocess.Popen[str]:
    """`python -m train.prepare` as a process of its own; `before` is Python that it runs first."""
    start = ["-m", "train.prepare"]
    if before:
        start = ["-c", f"import sys\n{before}\nfrom train.prepare import main\nsys.exit(main(sys.argv[1:]))"]
    pipe = subprocess.PIPE
    no_git = os.environ | {"GIT_DIR": os.devnull}  # a commit in mid-test would be another version of the code
    return subprocess.Popen(
        [sys.executable, *start, *arguments], cwd=ROOT, env=no_git, stdout=pipe, stderr=pipe, text=True
    )


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a run that cannot go on leaves on stderr."""
    capsys.readouterr()
    assert prepare.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train.prepare: ")
    return line


@pytest.fixture(scope="module")
def remote(fold: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Asked]]:
    """A dataset made the remote way, and the requests that it took."""
    folder = tmp_path_factory.mktemp("remote")
    with running_zenodo(fold) as running:
        assert prepare.main(flags(running, folder)) == 0
        return folder / "ds", running.log


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


def same_but_for_the_source(one: Path, other: Path) -> bool:
    first, second = (json.loads((folder / "provenance.json").read_text()) for folder in (one, other))
    told = {key for key in first | second if first.get(key) != second.get(key)}
    return differing(one, other) <= TELLS_SOURCE and told <= {"source"}


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


def test_a_server_that_asks_to_wait_is_given_the_time_it_asks_for(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    zenodo.fail(Fault("status", status=429, retry_after="1", larger_than=1_000_000))
    assert content_of(brought(zenodo, tmp_path, connections=1)) == packed(frames)
    refusal = next(place for place, asked in enumerate(zenodo.log) if asked.status == 429)
    before, after = zenodo.log[refusal : refusal + 2]
    assert after.time - before.time >= 1.0
    assert (after.start, after.status) == (before.start, 206)


@pytest.mark.parametrize("to", ["record", "content"])
def test_a_server_that_is_out_of_order_for_a_while_is_waited_for(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path, to: Any
) -> None:
    fault = zenodo.fail(Fault("status", status=503, times=3, to=to))
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)
    assert fault.met == 3


def test_a_server_that_allows_nothing_more_is_told_of_in_one_sentence(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.fail(Fault("status", status=429, times=1000, larger_than=1_000_000))
    with pytest.raises(DatasetError, match="allows no more requests for now; run the same command again later"):
        brought(zenodo, tmp_path)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    zenodo.fail(Fault("cut", after=900_000, larger_than=1_000_000))
    assert content_of(brought(zenodo, tmp_path, connections=1)) == packed(frames)
    broken, resumed = spans(zenodo)[:2]
    assert broken.sent == 900_000
    assert broken.start < resumed.start <= broken.start + 900_000
    assert resumed.stop == broken.stop


def test_a_connection_that_breaks_every_100_kb_comes_to_the_end_all_the_same(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    """Each request brings new bytes, so it is never given up."""
    zenodo.fail(Fault("cut", times=1000, after=100_000, larger_than=100_000))
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)


def test_a_connection_that_falls_silent_is_left_and_taken_up(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    fault = zenodo.fail(Fault("stall", after=600_000, larger_than=1_000_000))
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)
    assert fault.met == 1


def test_a_connection_that_never_brings_a_byte_is_given_up_with_one_sentence(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.fail(Fault("cut", times=1000, larger_than=1_000_000))
    with pytest.raises(DatasetError, match=r"fold_1.zip could not be fetched further: no connection, or it broke; run"):
        brought(zenodo, tmp_path)


@pytest.mark.parametrize("member", ["fold_1/train/img/002_1_001.png", "fold_1/test/mask/005_1_002.tiff"])
@pytest.mark.parametrize("place", [0, 26, 2000])  # of the header: its signature, the length of the name; the content
def test_a_byte_that_arrives_wrong_is_noticed_and_fetched_again(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path, member: str, place: int
) -> None:
    fault = zenodo.fail(Fault("flip", at=places(zenodo.content)[member][0] + place))
    assert content_of(brought(zenodo, tmp_path)) == packed(frames)
    assert fault.met == 1


def test_a_byte_that_always_arrives_wrong_is_told_of_in_one_sentence(zenodo: Zenodo, tmp_path: Path) -> None:
    start, stop = places(zenodo.content)["fold_1/train/img/002_1_001.png"]
    fault = zenodo.fail(Fault("flip", times=1000, at=(start + stop) // 2))
    with pytest.raises(DatasetError, match=r"^002_1_001.png in fold_1.zip arrived damaged 4 times: [^;]*; run the"):
        brought(zenodo, tmp_path)
    assert fault.met == 4
    assert not list(tmp_path.rglob("002_1_001.png"))


@pytest.mark.parametrize("kind", ["retag", "grow"])
def test_a_file_that_changes_while_it_is_fetched_is_noticed(zenodo: Zenodo, tmp_path: Path, kind: Any) -> None:
    zenodo.fail(Fault(kind, larger_than=1_000_000))
    with pytest.raises(DatasetError, match=r"fold_1.zip has changed on the server since its download began"):
        brought(zenodo, tmp_path)


@pytest.mark.parametrize("whole_file", [False, True])
def test_a_file_that_changes_between_two_runs_is_noticed(zenodo: Zenodo, tmp_path: Path, whole_file: bool) -> None:
    cut_off(zenodo, tmp_path, whole_file=whole_file)
    zenodo.etag = "second"
    with pytest.raises(DatasetError, match=r"fold_1.zip has changed on the server since its download began"):
        brought(zenodo, tmp_path, whole_file=whole_file)


@pytest.mark.parametrize("whole_file", [False, True])
def test_another_file_of_that_name_is_noticed(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path, whole_file: bool
) -> None:
    cut_off(zenodo, tmp_path / "cache", whole_file=whole_file)
    zenodo.put(write_zip(tmp_path / "other.zip", members_of(frames[:6])))
    with pytest.raises(DatasetError, match=r"fold_1.zip has changed on the server .* remove its folder in the cache"):
        brought(zenodo, tmp_path / "cache", whole_file=whole_file)


def cut_off(zenodo: Zenodo, cache: Path, **options: Any) -> None:
    """A run that ends after 1 MB."""
    broken = zenodo.fail(Fault("cut", after=1_000_000, larger_than=1_000_000))
    silent = zenodo.fail(Fault("cut", times=QUICK.attempts, after=0, larger_than=100_000))
    with pytest.raises(DatasetError, match="could not be fetched further"):
        brought(zenodo, cache, connections=1, **options)
    zenodo.faults.remove(broken)
    zenodo.faults.remove(silent)


def test_a_server_that_does_not_answer_parts_of_a_file_is_told_of_with_the_way_out(
    zenodo: Zenodo, tmp_path: Path
) -> None:
    zenodo.ranges = False
    with pytest.raises(DatasetError, match="does not answer parts of a file; use --whole-file"):
        brought(zenodo, tmp_path)


def test_the_whole_file_can_be_had_of_a_server_that_does_not_answer_parts(
    zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path
) -> None:
    zenodo.ranges = False
    assert content_of(brought(zenodo, tmp_path, whole_file=True)) == packed(frames)


def test_the_whole_file_goes_on_by_range_after_a_cut(zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path) -> None:
    zenodo.fail(Fault("cut", after=1_000_000, larger_than=1_000_000))
    found = brought(zenodo, tmp_path, whole_file=True)
    assert content_of(found) == packed(frames)
    assert found.source["files"][0]["verified"] == "md5 of the whole file"
    broken, resumed = spans(zenodo)
    assert 0 < resumed.start <= broken.sent == 1_000_000
    assert resumed.stop == zenodo.size


def test_the_whole_file_goes_on_in_the_next_run(zenodo: Zenodo, frames: list[RecordFrame], tmp_path: Path) -> None:
    cut_off(zenodo, tmp_path, whole_file=True)
    (begun,) = tmp_path.rglob("fold_1.zip.part")
    at = begun.stat().st_size
    zenodo.log.clear()
    assert content_of(brought(zenodo, tmp_path, whole_file=True)) == packed(frames)
    assert [(asked.start, asked.stop) for asked in spans(zenodo)] == [(at, zenodo.size)]
    assert at > 0
    assert not begun.exists()


def test_a_whole_file_with_a_wrong_md5_is_removed(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.fail(Fault("flip", at=2_000_000))
    with pytest.raises(DatasetError, match=r"arrived damaged: its md5 is [0-9a-f]{32}, the record says [0-9a-f]{32}"):
        brought(zenodo, tmp_path, whole_file=True)
    assert not list(tmp_path.rglob("fold_1.zip")) + list(tmp_path.rglob("*.part"))


def test_a_record_without_the_file_is_told_of_naming_those_it_has(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.missing = ("fold_1.zip",)
    assert "has no file fold_1.zip; it has Figure 1." in refused(flags(zenodo, tmp_path), capsys)


@pytest.mark.parametrize(
    "answer", [b"<html>maintenance</html>", b"[]", b"{}", b'{"files": 3}', b"\xff\xfe", b'{"files": [{"key": 1}]}', b""]
)
def test_an_answer_that_is_no_record_is_told_of_in_one_sentence(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    zenodo.answer = answer
    line = refused(flags(zenodo, tmp_path), capsys)
    assert "record 14478210 could not be read from http://127.0.0.1" in line
    assert line.endswith("the answer is not a Zenodo record")


def test_a_licence_that_is_another_than_it_was_stops_the_run(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.answer = zenodo.record().replace(b"cc-by-4.0", b"cc-by-nd-4.0")
    assert "now has the licence 'cc-by-nd-4.0', not cc-by-4.0" in refused(flags(zenodo, tmp_path), capsys)


@pytest.mark.parametrize("cut_bytes", [1, 10_000])
def test_a_file_that_ends_early_on_the_server_is_no_zip(
    zenodo: Zenodo, fold: Path, tmp_path: Path, cut_bytes: int
) -> None:
    short = tmp_path / "short.zip"
    short.write_bytes(fold.read_bytes()[:-cut_bytes])
    zenodo.put(short)
    with pytest.raises(DatasetError, match=r"fold_1.zip is no ZIP file that can be read, or it is damaged"):
        brought(zenodo, tmp_path / "cache")


def test_a_damaged_directory_gives_one_sentence_or_the_right_frames(tmp_path: Path) -> None:
    """Whatever byte of it is another: never a traceback, never a frame with other content."""
    drawn, refusals = random.Random(0), 0
    small = [
        RecordFrame("train", f"00{study}_1_001", *(drawn.randbytes(300) for _ in range(3))) for study in range(1, 4)
    ]
    path = write_zip(tmp_path / "f.zip", members_of(small))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    with running_zenodo(path) as running:
        for number in range(300):
            damaged = bytearray(content)
            damaged[drawn.randrange(directory, len(content))] ^= drawn.randrange(1, 256)
            path.write_bytes(damaged)
            running.put(path)
            try:
                found = content_of(brought(running, tmp_path / f"cache{number}"))
            except DatasetError:
                refusals += 1
            else:
                assert all(each in packed(small).values() for each in found.values())
    assert 30 < refusals < 270


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


def test_a_second_run_on_the_same_cache_is_refused_and_the_first_comes_to_its_end(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.bytes_per_s = 200_000
    first = as_process(flags(zenodo, tmp_path))
    wait_for(lambda: len(spans(zenodo)) > 0, first)
    assert "another run is fetching from the record; wait for it" in refused(flags(zenodo, tmp_path), capsys)
    zenodo.bytes_per_s = None
    assert first.wait(60) == 0, first.stderr.read()
    assert prepare.main(["--check", str(tmp_path / "ds")]) == 0


def test_a_second_run_to_the_same_folder_is_refused(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / "ds.partial", "making ds"):
        assert "another run is making ds; wait for it" in refused(flags(zenodo, tmp_path), capsys)
    assert not (tmp_path / "ds").exists()


@pytest.mark.parametrize("whole_file", [False, True])
def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    zenodo: Zenodo, remote: tuple[Path, list[Asked]], tmp_path: Path, whole_file: bool
) -> None:
    """No file may grow past a limit here: the one way to a full disk that needs no disk."""
    limit = 3_000_000 if whole_file else max(map(len, image_bytes(zenodo.content))) - 1
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    arguments = flags(zenodo, tmp_path, *(["--whole-file"] if whole_file else []))
    stopped = as_process(arguments, before)
    _, told = stopped.communicate(timeout=60)
    (line,) = told.splitlines()
    assert stopped.returncode == 1
    assert re.search(r"could not be written: the file would be larger than allowed here; allow more or choose", line)
    kept = [stop - start for start, stop in complete(zenodo.content, tmp_path).values()]
    kept += [path.stat().st_size for path in (tmp_path / "cache").rglob("fold_1.zip.part")]
    assert sum(kept) > 300_000
    zenodo.log.clear()
    assert prepare.main(arguments) == 0
    assert same_but_for_the_source(remote[0], tmp_path / "ds")
    assert sum(asked.sent for asked in zenodo.log) < zenodo.size - sum(kept) + 20_000


def test_a_whole_file_that_is_there_needs_no_room_on_the_disk(frames: list[RecordFrame], tmp_path: Path) -> None:
    """Its size is more than the disk has free, by a hole that takes no room."""
    hole_bytes = shutil.disk_usage(tmp_path).free + (1 << 30)
    content = write_zip(tmp_path / "f.zip", members_of(frames), hole_bytes=hole_bytes)
    kept = tmp_path / "cache" / "zenodo-14478210" / "fold_1.zip"
    kept.parent.mkdir(parents=True)
    with running_zenodo(content, md5="0" * 32) as running:
        with pytest.raises(DatasetError, match=r"are to be fetched and .* are free; make room"):
            brought(running, tmp_path / "cache", whole_file=True)
        kept.hardlink_to(content)
        assert content_of(brought(running, tmp_path / "cache", whole_file=True)) == packed(frames)
        assert spans(running) == []


def image_bytes(fold: Path) -> list[bytes]:
    with zipfile.ZipFile(fold) as archive:
        return [archive.read(name) for name in archive.namelist() if "/img/" in name]


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


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until the condition holds, or the process has ended."""
    while process.poll() is None and not condition():
        time.sleep(0.005)


@pytest.mark.parametrize("waiting", [False, True])
def test_ctrl_c_in_mid_download_ends_the_run_at_once_with_one_line(
    zenodo: Zenodo, tmp_path: Path, waiting: bool
) -> None:
    """Nobody waits for the rest of the requests that are under way, nor for the server's Retry-After."""
    zenodo.bytes_per_s = 50_000
    if waiting:
        zenodo.fail(Fault("status", status=429, retry_after="30", times=1000, larger_than=1_000_000))
    with heeding_sigint():
        run = as_process(flags(zenodo, tmp_path))
    wait_for(lambda: len(spans(zenodo)) > 0, run)
    time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    try:
        _, told = run.communicate(timeout=20)  # the rest would take a minute and more
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130
    assert told.splitlines()[-1] == "train.prepare: stopped; run the same command again to go on"
    assert "Traceback" not in told


def test_what_a_run_killed_at_its_very_end_left_is_cleared_away_by_the_next(zenodo: Zenodo, tmp_path: Path) -> None:
    """Killed when the dataset was in its place and the folder beside it not yet removed."""
    assert prepare.main(flags(zenodo, tmp_path)) == 0
    left = tmp_path / "ds.partial" / "frames"
    left.mkdir(parents=True)
    (left / "001_1_001.image.png").write_bytes(b"left")
    before = sums(tmp_path / "ds")
    prepare.main(flags(zenodo, tmp_path))
    assert sums(tmp_path / "ds") == before
    assert not (tmp_path / "ds.partial").exists()


class Killed:
    """Runs of the same command that are killed, until one comes to its end; then a folder anew."""

    def __init__(self, zenodo: Zenodo, folder: Path, seed: int) -> None:
        self.zenodo, self.folder, self.random = zenodo, folder, random.Random(seed)
        self.moments: list[str] = []
        self.finished: list[Path] = []
        self.asked_twice: set[str] = set()
        self.errors: list[str] = []

    def run(self, kills: int) -> None:
        while len(self.moments) < kills:
            self.chain(self.folder / f"{len(self.finished)}", kills)

    def chain(self, here: Path, kills: int) -> None:
        """One dataset, made by runs that are killed while there are kills left."""
        made = False
        while not made or (here / "ds.partial").exists():
            there, asked_before = complete(self.zenodo.content, here), len(self.zenodo.log)
            process = as_process(flags(self.zenodo, here))
            if len(self.moments) < kills:
                self.kill(process, here, asked_before)
            _, told = process.communicate(timeout=60)
            for asked in self.zenodo.log[asked_before:]:
                self.asked_twice |= {
                    name for name, (start, stop) in there.items() if asked.start <= start and stop <= asked.stop
                }
            if made or told:
                self.errors += [] if made else [told]  # once made, a run may say that it is there
                break
            made = (here / "ds").exists()
        self.finished.append(here)

    def kill(self, process: subprocess.Popen[str], here: Path, asked_before: int) -> None:
        """At a random moment after its first request."""
        wait_for(lambda: len(self.zenodo.log) > asked_before, process)
        time.sleep(self.random.uniform(0.0, 1.2))
        running = process.poll() is None
        process.kill()
        process.wait()
        wanted = sum("mask_color" not in name for name in places(self.zenodo.content))
        fetched = len(complete(self.zenodo.content, here)) == wanted
        over = not running or (here / "ds").exists()
        self.moments.append("late" if over else "processing" if fetched else "download")


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_and_ends_as_if_undisturbed(
    frames: list[RecordFrame], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """30 kills -9 in two chains at a time: the same bytes, nothing left over, nothing whole asked for twice."""
    path = write_zip(tmp_path / "fold_1.zip", by_study(frames))
    with running_zenodo(path) as calm, running_zenodo(path) as one, running_zenodo(path) as other:
        assert as_process(flags(calm, tmp_path / "calm")).wait(60) == 0
        one.bytes_per_s = other.bytes_per_s = 1_500_000
        chains = [Killed(one, tmp_path / "one", 1), Killed(other, tmp_path / "other", 2)]
        threads = [threading.Thread(target=chain.run, args=(KILLS // 2,)) for chain in chains]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    moments = [moment for chain in chains for moment in chain.moments]
    counted = {moment: moments.count(moment) for moment in ("download", "processing", "late")}
    print(f"kills: {counted}, datasets: {sum(len(chain.finished) for chain in chains)}")
    record_property("kills", counted)
    assert [error for chain in chains for error in chain.errors] == []
    assert counted["download"] + counted["processing"] >= KILLS // 2
    assert min(counted["download"], counted["processing"]) > 0
    for chain in chains:
        assert chain.asked_twice == set()
        for here in chain.finished:
            assert differing(tmp_path / "calm" / "ds", here / "ds") == set()
            assert not (here / "ds.partial").exists()
            assert not list(here.rglob("*.part"))
