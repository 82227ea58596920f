"""What of a damaged file can be decoded comes in, with a word on the rest; nothing decodable is one sentence."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.errors import ReadError
from octseg.reading import Limits
from octseg.reading.dicom import read_dicom
from tests.fakes.dicom_files import Offsets, Syntax, encoded, jpeg, pullback_file
from tests.reading.dicom.scene import colour_frames, furthest, read, said

FRAMES = colour_frames(8)
ENCAPSULATED: list[Syntax] = ["rle", "jpeg", "jpeg_ls", "jpeg_2000"]
NEAR = 30


@pytest.mark.parametrize("syntax", ["explicit", "implicit", *ENCAPSULATED])
@pytest.mark.parametrize("offsets", ["basic", "extended", "none"])
def test_a_file_cut_in_the_middle_gives_the_frames_before_the_cut(
    syntax: Syntax, offsets: Offsets, tmp_path: Path
) -> None:
    data = pullback_file(FRAMES, syntax=syntax, offsets=offsets)
    begin = data.rindex(b"\xe0\x7f\x10\x00")
    cut = data[: begin + int(0.7 * (len(data) - begin))]
    path = tmp_path / "IMG001"
    path.write_bytes(cut)
    for source in (cut, path):
        pullback = read_dicom(source, "IMG001", "IMG001", Limits())
        frames = list(pullback)
        assert 4 <= len(frames) <= 6
        assert pullback.frame_count == len(frames)
        assert furthest(frames, FRAMES[: len(frames)]) <= (NEAR if syntax == "jpeg" else 0)
        assert f"declares 8 frames and the file holds {len(frames)}" in said(pullback)
        assert "ends in the middle of one" in said(pullback)


@pytest.mark.parametrize("offsets", ["basic", "none"])
def test_a_file_that_lacks_only_its_closing_bytes_gives_all_frames(offsets: Offsets) -> None:
    frames, pullback = read(pullback_file(FRAMES, syntax="jpeg", offsets=offsets)[:-8])
    assert furthest(frames, FRAMES) <= NEAR
    assert "incomplete" not in said(pullback)


@pytest.mark.parametrize("syntax", ["explicit", *ENCAPSULATED])
@pytest.mark.parametrize("offsets", ["basic", "none"])
@pytest.mark.parametrize("declared", [1, 5, 7, 9, 540])
def test_the_number_of_frames_that_are_there_rules(syntax: Syntax, offsets: Offsets, declared: int) -> None:
    frames, pullback = read(pullback_file(FRAMES, syntax=syntax, offsets=offsets, declared=declared))
    assert furthest(frames, FRAMES) <= (NEAR if syntax == "jpeg" else 0)
    assert f"the header declares {declared} frames and the file holds 8" in said(pullback)


@pytest.mark.parametrize("declared", ["", "many"])
def test_a_header_without_a_number_of_frames_is_no_hindrance(declared: str) -> None:
    data = pullback_file(FRAMES, syntax="rle").replace(b"\x28\x00\x08\x00IS\x02\x008 ", b"\x28\x00\x08\x00IS\x02\x00? ")
    assert furthest(read(data)[0], FRAMES) == 0


def test_fragments_of_several_a_frame_and_a_wrong_count_are_told_by_how_they_begin() -> None:
    data = pullback_file(FRAMES, syntax="jpeg", offsets="none", fragments=2, declared=16)
    assert furthest(read(data)[0], FRAMES) <= NEAR


@pytest.mark.parametrize("syntax", ENCAPSULATED)
def test_a_damaged_frame_between_others_is_black_and_the_rest_keep_their_numbers(syntax: Syntax) -> None:
    streams = [encoded(frame, syntax) for frame in FRAMES]
    streams[3] = streams[3][:30] + bytes(len(streams[3]) - 30)
    frames, pullback = read(pullback_file(FRAMES, syntax=syntax, streams=streams))
    expected = [*FRAMES[:3], np.zeros_like(FRAMES[3]), *FRAMES[4:]]
    assert furthest(frames, expected) <= (NEAR if syntax == "jpeg" else 0)
    assert pullback.late_warnings == ["frame 4 is damaged and left black, so that the others keep their numbers"]
    assert furthest(list(pullback.frames(2, 5)), expected[2:5]) <= (NEAR if syntax == "jpeg" else 0)
    assert len(pullback.late_warnings) == 1


@pytest.mark.parametrize("offsets", ["basic", "none"])
@pytest.mark.parametrize("odd", [bytes(300), "four colours"])
def test_a_frame_that_does_not_even_begin_as_one_keeps_its_place(offsets: Offsets, odd: bytes | str) -> None:
    streams = [jpeg(frame) for frame in FRAMES]
    streams[3] = cmyk(FRAMES[3]) if isinstance(odd, str) else odd
    frames, pullback = read(pullback_file(FRAMES, syntax="jpeg", streams=streams, offsets=offsets))
    assert len(frames) == 8
    assert not frames[3].any()
    assert furthest(frames[4:], FRAMES[4:]) <= NEAR
    assert "frame 4 is damaged" in said(pullback)


@pytest.mark.parametrize("damage", [slice(0, 4), slice(4, 8), slice(8, 12), slice(64, 200), slice(-40, None)])
def test_run_lengths_that_lie_damage_their_frame_only(damage: slice) -> None:
    stream = bytearray(encoded(FRAMES[3], "rle"))
    stream[damage] = bytes([0xFE]) * len(stream[damage])
    streams = [encoded(frame, "rle") for frame in FRAMES]
    streams[3] = bytes(stream)
    frames, _ = read(pullback_file(FRAMES, syntax="rle", streams=streams))
    assert furthest(frames[:3] + frames[4:], FRAMES[:3] + FRAMES[4:]) == 0


def cmyk(frame: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).convert("CMYK").save(file, "JPEG")
    return file.getvalue()


def test_damaged_frames_at_the_end_are_left_out() -> None:
    streams = [jpeg(frame) for frame in FRAMES]
    streams[6:] = [stream[: len(stream) // 2] for stream in streams[6:]]
    frames, pullback = read(pullback_file(FRAMES, syntax="jpeg", streams=streams))
    assert furthest(frames, FRAMES[:6]) <= NEAR
    assert pullback.late_warnings == ["the last 2 of its 8 frames are damaged and left out"]


@pytest.mark.parametrize("syntax", ["jpeg", "jpeg_ls", "jpeg_2000"])
def test_a_frame_of_another_size_is_called_so_and_not_damaged(syntax: Syntax) -> None:
    height, width = FRAMES[0].shape[:2]
    streams = [encoded(frame, syntax) for frame in FRAMES]
    streams[3] = streams[7] = encoded(FRAMES[3][:-16, :-8], syntax)
    streams[4] = streams[4][:30] + bytes(len(streams[4]) - 30)
    frames, pullback = read(pullback_file(FRAMES, syntax=syntax, streams=streams))
    assert [bool(frame.any()) for frame in frames] == [True] * 3 + [False] * 2 + [True] * 2
    why = f"of another size ({height - 16} x {width - 8} pixels, the others {height} x {width})"
    assert pullback.late_warnings == [
        f"frame 4 is {why} and left black, so that the others keep their numbers",
        "frame 5 is damaged and left black, so that the others keep their numbers",
        f"the last 1 of its 8 frames are {why} and left out",
    ]


def test_a_frame_of_another_size_is_damage() -> None:
    streams = [jpeg(frame) for frame in FRAMES]
    streams[2] = jpeg(np.ascontiguousarray(FRAMES[2][:40]))
    frames, _ = read(pullback_file(FRAMES, syntax="jpeg", streams=streams))
    assert len(frames) == 8
    assert not frames[2].any()


def test_where_nothing_can_be_decoded_one_sentence_says_so() -> None:
    rubbish = [bytes([7]) * 500] * 8
    with pytest.raises(ReadError, match="IMG001 is damaged: none of its 8 frames can be decoded; export it again"):
        read(pullback_file(FRAMES, syntax="jpeg", offsets="basic", streams=rubbish))
    data = pullback_file(FRAMES)
    with pytest.raises(ReadError, match="IMG001 is incomplete: the DICOM file ends before its first frame does"):
        read(data[: data.rindex(b"\xe0\x7f\x10\x00") + 100])


def test_more_frames_than_allowed_are_refused_from_the_header_alone() -> None:
    with pytest.raises(ReadError, match="has 10000 frames; at most 2000 are read"):
        read(pullback_file(FRAMES, declared=10_000))
    tiny = [jpeg(FRAMES[0][:32, :32])] * 2100
    with pytest.raises(ReadError, match="OCTSEG_MAX_FRAMES"):
        read(pullback_file(FRAMES, syntax="jpeg", streams=tiny, declared=1, offsets="none"))


def test_a_stream_that_asks_for_more_pixels_than_allowed_is_refused_before_it_is_decoded() -> None:
    streams = [jpeg(FRAMES[0]).replace((64).to_bytes(2, "big") + (96).to_bytes(2, "big"), b"\xf0\x00\xf0\x00", 1)]
    with pytest.raises(ReadError, match="61440 x 61440 pixels"):
        read(pullback_file(FRAMES[:1], syntax="jpeg", streams=streams))


@pytest.mark.parametrize("syntax", ["explicit", "deflated", *ENCAPSULATED])
def test_a_changed_file_is_frames_or_a_refusal_and_never_another_error(syntax: Syntax) -> None:
    rng = random.Random(syntax)
    whole = pullback_file([frame[:32, :32] for frame in FRAMES[:3]], syntax=syntax, PixelSpacing=[0.01, 0.01])
    frames = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(132, min(len(data), 1200)) if rng.random() < 0.7 else rng.randrange(len(data))
            data[place] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            for frame in read_dicom(bytes(data), "x", "x", Limits()):
                assert (frame.dtype, frame.ndim) == (np.uint8, 3)
                frames += 1
        except ReadError:
            pass
    assert frames > 100
