"""What goes wrong on the way from Zenodo, or at Zenodo: got over, or told in one sentence."""

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from octseg.errors import DatasetError
from tests.fakes.record import QUICK, brought, content_of, flags, packed, places, refused, spans
from tests.fakes.zenodo_server import (
    Fault,
    RecordFrame,
    Zenodo,
    members_of,
    running_zenodo,
    write_zip,
)


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


@pytest.mark.slow
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
