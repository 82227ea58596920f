"""Frames come in as they were stored, however they are coded and wherever their fragments lie."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from octseg.errors import ReadError
from octseg.reading import read_pullback
from octseg.reading.dicom.syntaxes import syntax_of
from tests.fakes.dicom_files import UIDS, Offsets, Syntax, encoded, header, jpeg, pullback_file, written
from tests.reading.dicom.scene import colour_frames, furthest, grey_frames, read, said

LOSSLESS = [syntax for syntax in UIDS if syntax != "jpeg"]
FRAMES = colour_frames()


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_colours_and_grey_come_in_as_stored(syntax: Syntax) -> None:
    for stored in (FRAMES, grey_frames()):
        frames, pullback = read(pullback_file(stored, syntax=syntax))
        assert furthest(frames, stored) == 0
        assert pullback.frame_count == 4
        assert all(frame.flags.writeable and frame.flags.c_contiguous for frame in frames)
        assert pullback.late_warnings == []


@pytest.mark.parametrize("syntax", ["jpeg", "jpeg_ls", "jpeg_2000"])
@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("offsets", ["basic", "none"])
def test_frames_of_several_fragments_are_put_together_with_a_table_and_without(
    syntax: Syntax, offsets: Offsets, fragments: int
) -> None:
    frames, pullback = read(pullback_file(FRAMES, syntax=syntax, offsets=offsets, fragments=fragments))
    expected = [as_decoded(encoded(frame, syntax)) for frame in FRAMES] if syntax == "jpeg" else FRAMES
    assert furthest(frames, expected) <= 1
    assert "holds" not in said(pullback)


@pytest.mark.parametrize("syntax", ["rle", "jpeg", "jpeg_ls", "jpeg_2000"])
def test_an_extended_offset_table_is_followed(syntax: Syntax) -> None:
    frames, _ = read(pullback_file(FRAMES, syntax=syntax, offsets="extended"))
    assert furthest(frames, FRAMES) <= (25 if syntax == "jpeg" else 0)


@pytest.mark.parametrize("offsets", ["basic", "none"])
def test_run_lengths_in_several_fragments_a_frame_are_joined(offsets: Offsets) -> None:
    frames, _ = read(pullback_file(FRAMES, syntax="rle", offsets=offsets, fragments=2))
    assert furthest(frames, FRAMES) == 0


def test_high_throughput_jpeg_2000_is_read() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    streams = [bytes(imagecodecs.htj2k_encode(frame)) for frame in FRAMES]
    assert furthest(read(pullback_file(FRAMES, syntax="jpeg_2000", streams=streams))[0], FRAMES) == 0


def test_planes_one_after_the_other_are_told_from_pixels() -> None:
    assert furthest(read(pullback_file(FRAMES, by_plane=True))[0], FRAMES) == 0


def test_an_offset_table_that_points_astray_is_not_followed() -> None:
    data = bytearray(pullback_file(FRAMES, syntax="jpeg"))
    table = data.index(b"\xfe\xff\x00\xe0") + 8
    data[table + 4 : table + 8] = (40).to_bytes(4, "little")
    frames, _ = read(bytes(data))
    assert furthest(frames, [as_decoded(jpeg(frame)) for frame in FRAMES]) <= 1


def test_frames_behind_a_wrong_transfer_syntax_are_known_by_what_they_are() -> None:
    streams = [encoded(frame, "jpeg_ls") for frame in FRAMES]
    assert furthest(read(pullback_file(FRAMES, syntax="jpeg_2000", streams=streams))[0], FRAMES) == 0


@pytest.mark.parametrize(
    ("syntax", "told"),
    [
        *(("jpeg", "1.2.840.10008.1.2.1"), ("rle", "1.2.840.10008.1.2.1"), ("explicit", "1.2.840.10008.1.2.5")),
        *(("explicit", "1.2.840.10008.1.2"), ("jpeg_ls", "1.2.840.10008.1.2.5")),
    ],
)
def test_a_meta_header_that_names_another_syntax_is_no_hindrance(syntax: Syntax, told: str) -> None:
    wrong = pullback_file(FRAMES, syntax=syntax).replace(
        *(padded(uid, UIDS[syntax]) for uid in (UIDS[syntax], told)), 1
    )
    assert UIDS[syntax].encode() + b"\0" not in wrong
    assert furthest(read(wrong)[0], FRAMES) <= (25 if syntax == "jpeg" else 0)


def padded(uid: str, longest: str) -> bytes:
    return uid.encode().ljust(len(longest) + len(longest) % 2, b"\0")


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big_endian"])
def test_private_elements_and_an_icon_before_the_pixels_are_passed_over(syntax: Syntax) -> None:
    dataset, icon = header(FRAMES), header([FRAMES[0][:8, :8]])
    icon.PixelData = bytes(192)
    icon.PixelSpacing = [0.01, 0.01]
    dataset.NumberOfFrames, dataset.PixelData = 4, b"".join(frame.tobytes() for frame in FRAMES)
    dataset.IconImageSequence = [icon]
    dataset.add_new(0x00290010, "LO", "ACME")
    dataset.add_new(0x00291010, "OB", bytes(1_000_000))
    dataset.add_new(0x00291011, "SQ", [icon])
    dataset.DataSetTrailingPadding = bytes(500)
    frames, pullback = read(written(dataset, syntax))
    assert furthest(frames, FRAMES) == 0
    assert pullback.pixel_spacing_mm is None


def test_a_file_without_an_ending_is_read_by_path_and_from_any_frame(tmp_path: Path) -> None:
    path = tmp_path / "IMG001"
    path.write_bytes(pullback_file(FRAMES, syntax="rle"))
    pullback = read_pullback(path)
    assert (pullback.name, len(pullback)) == ("IMG001", 4)
    assert furthest(list(pullback.frames(2, 4)), FRAMES[2:]) == 0
    assert furthest(list(pullback), FRAMES) == 0


def test_a_data_set_without_preamble_is_known_and_read() -> None:
    plain = io.BytesIO()
    dataset = dcmread(io.BytesIO(pullback_file(FRAMES)))
    del dataset.file_meta, dataset.preamble
    dataset.save_as(plain, implicit_vr=False, little_endian=True, enforce_file_format=False)
    assert not plain.getvalue()[128:].startswith(b"DICM")
    assert furthest(list(read_pullback(plain.getvalue())), FRAMES) == 0


def test_a_deflated_file_is_read_only_so_far_as_it_keeps_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = [np.zeros((1024, 1024), np.uint8)] * 40
    data = pullback_file(empty, syntax="deflated")
    assert len(data) < 100_000
    with pytest.raises(ReadError, match=r"deflated DICOM file that inflates beyond .* save it uncompressed"):
        read(data)
    monkeypatch.setenv("OCTSEG_MAX_INFLATED_BYTES", "10000")
    with pytest.raises(ReadError, match="OCTSEG_MAX_INFLATED_BYTES"):
        read_pullback(pullback_file(FRAMES, syntax="deflated"))


def test_a_video_in_a_dicom_file_is_named() -> None:
    data = pullback_file(FRAMES, syntax="jpeg").replace(b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.10")
    with pytest.raises(ReadError, match="transfer syntax"):
        read(data)
    with pytest.raises(ReadError, match=r"holds a video \(MPEG\)"):
        syntax_of("1.2.840.10008.1.2.4.102", "x")


def as_decoded(stream: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(stream)).convert("RGB"))


@pytest.mark.parametrize("syntax", ["explicit", "jpeg"])
def test_a_large_file_costs_the_memory_of_a_frame(syntax: Syntax, tmp_path: Path) -> None:
    path = tmp_path / "IMG001"
    stream = jpeg(FRAMES[0]) + bytes(1_000_000)
    streams = {} if syntax == "explicit" else {"streams": [stream] * 200}
    frame = np.zeros((512, 1024), np.uint8)
    path.write_bytes(pullback_file([frame] * 200 if syntax == "explicit" else FRAMES[:1], syntax=syntax, **streams))
    assert path.stat().st_size > 100_000_000
    tracemalloc.start()
    pullback = read_pullback(path)
    next(pullback.frames(150))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pullback) == 200
    assert most < 15_000_000
