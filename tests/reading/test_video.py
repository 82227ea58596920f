"""Videos come in frame by frame with their numbers, and what is missing in them is said."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from octseg.errors import ReadError
from octseg.reading import Limits, read_pullback
from tests.fakes.pullbacks import SIDE, frame, frames, number_of, numbers_of, video

COUNT = 40
PICTURES = frames(COUNT)
ALL = list(range(1, COUNT + 1))
KINDS = {
    "H.264.mp4": ("libx264", {}),
    "H.264.mov": ("libx264", {}),
    "H.264.mkv": ("libx264", {}),
    "H.264.avi": ("libx264", {}),
    "H.265.mp4": ("libx265", {}),
    "VP9.webm": ("libvpx-vp9", {}),
    "VP8.webm": ("libvpx", {"options": {"auto-alt-ref": "1", "lag-in-frames": "10"}}),
    "MPEG-4.avi": ("mpeg4", {}),
    "MPEG-2.mpg": ("mpeg2video", {"options": {"b": "4000000"}}),
    "MPEG-2.ts": ("mpeg2video", {"options": {"b": "4000000"}}),
    "motion JPEG.avi": ("mjpeg", {"pixels": "yuvj420p"}),
    "motion JPEG.mov": ("mjpeg", {"pixels": "yuvj420p"}),
    "fragments.mp4": ("libx264", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "index in front.mp4": ("libx264", {"container_options": {"movflags": "faststart"}}),
}


def made(folder: Path, kind: str, pictures: list[np.ndarray] = PICTURES, **more: object) -> Path:
    codec, options = KINDS[kind]
    return video(folder / kind, pictures, codec, **{**options, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_of_a_video_comes_in_with_its_number(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    for source in (path, path.read_bytes()):
        pullback = read_pullback(source)
        assert numbers_of(pullback) == ALL
        assert (pullback.frame_count, pullback.burned_in_scale) == (COUNT, "agreed")
        assert (pullback.warnings, pullback.late_warnings) == ((), [])
    assert np.abs(next(iter(pullback)).astype(int) - PICTURES[0]).mean() < 8


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_range_of_frames_is_the_same_as_that_part_of_all(tmp_path: Path, kind: str) -> None:
    options = {} if "H.264" not in kind else {"options": {"g": "12", "bf": "3", "x264-params": "open-gop=1"}}
    pullback = read_pullback(made(tmp_path, kind, **options))
    every = list(pullback)
    for first, last in ((0, 3), (11, 14), (12, 13), (30, 40), (39, 40)):
        there = list(pullback.frames(first, last))
        assert len(there) == last - first
        assert all(np.array_equal(one, other) for one, other in zip(there, every[first:last], strict=True))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("H.264.mp4", "H.264.mov", "H.265.mp4")])
def test_a_video_that_ends_early_gives_what_it_has_and_says_so(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind, options={"g": "10", **KINDS[kind][1].get("options", {})})
    if kind == "motion JPEG.mov":
        return  # its index lies at its end
    data, whole = path.read_bytes(), list(read_pullback(path))
    path.write_bytes(data[: int(0.7 * len(data))])
    pullback = read_pullback(path)
    there = numbers_of(pullback)
    assert all(np.array_equal(one, other) for one, other in zip(pullback, whole, strict=False))  # none is made up
    assert 15 <= len(there) < COUNT
    assert there == ALL[: len(there)]
    assert any("ends early" in said for said in pullback.late_warnings)


def test_a_video_without_its_index_is_refused_with_the_cause(tmp_path: Path) -> None:
    path = made(tmp_path, "H.264.mp4")
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ReadError, match=r"H.264.mp4 is a damaged or incomplete video: its index is missing"):
        read_pullback(path)


def test_a_damaged_frame_is_black_and_no_number_moves(tmp_path: Path) -> None:
    for kind in ("motion JPEG.avi", "motion JPEG.mov"):
        path = made(tmp_path, kind)
        with av.open(str(path)) as container:
            packet = [each for each in container.demux(video=0) if each.size][19]
        data = bytearray(path.read_bytes())
        data[packet.pos + 10 : packet.pos + packet.size - 10] = bytes(packet.size - 20)
        path.write_bytes(data)
        pullback = read_pullback(path)
        numbers = numbers_of(pullback)
        assert numbers[:19] + numbers[20:] == ALL[:19] + ALL[20:]
        assert numbers[19] == 0
        assert pullback.late_warnings == [f"{path.name} is damaged: 1 of its frames are left black (20)"]


def test_what_builds_on_a_damaged_frame_is_black_up_to_the_next_that_stands_by_itself(tmp_path: Path) -> None:
    path = made(tmp_path, "H.264.mp4", options={"g": "10", "bf": "0", "sc_threshold": "0"})
    with av.open(str(path)) as container:
        packet = [each for each in container.demux(video=0) if each.size][13]
    data = bytearray(path.read_bytes())
    data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    assert numbers_of(read_pullback(path)) == [*ALL[:13], *[0] * 7, *ALL[20:]]


@pytest.mark.parametrize("kind", ["H.264.mp4", "H.264.mkv", "VP9.webm", "MPEG-2.ts"])
def test_time_stamps_tell_of_frames_that_are_missing(tmp_path: Path, kind: str) -> None:
    pullback = read_pullback(made(tmp_path, kind, left_out=(9, 10, 11, 30)))
    assert numbers_of(pullback) == [number for number in ALL if number not in (10, 11, 12, 31)]
    assert len(pullback.warnings) == 1
    assert "leave room for 4 frames that are not in it (3 behind frame 9, 1 behind frame 27)" in pullback.warnings[0]


def test_frames_that_an_avi_repeats_are_told_and_no_early_end(tmp_path: Path) -> None:
    pullback = read_pullback(made(tmp_path, "motion JPEG.avi", left_out=(9, 10, 11, 30)))
    assert numbers_of(pullback) == [number for number in ALL if number not in (10, 11, 12, 31)]
    assert "4 frames that are not in it (3 behind frame 9, 1 behind frame 27)" in pullback.warnings[0]
    assert pullback.late_warnings == []


def test_a_recording_of_a_screen_is_told_by_its_uneven_times(tmp_path: Path) -> None:
    stamps = np.cumsum(np.random.default_rng(0).integers(7, 40, COUNT)).tolist()
    pullback = read_pullback(made(tmp_path, "H.264.mp4", stamps=stamps))
    assert numbers_of(pullback) == ALL
    assert "shown for different times" in pullback.warnings[0]


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_video_is_turned_as_it_asks(tmp_path: Path, angle: int) -> None:
    pictures = [frame(number, SIDE, SIDE + 64) for number in range(1, 6)]
    upright = np.stack(list(read_pullback(made(tmp_path, "H.264.mp4", pictures))))
    path = made(tmp_path, "H.264.mov", pictures, turned=angle)
    with av.open(str(path)) as container:
        told = next(container.decode(video=0)).rotation
    turned = np.stack(list(read_pullback(path)))
    assert np.array_equal(turned, np.rot90(upright, told // 90, axes=(1, 2)))


def test_a_mirrored_video_is_mirrored_as_it_asks(tmp_path: Path) -> None:
    path = made(tmp_path, "H.264.mp4")
    plain = np.stack(list(read_pullback(path)))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # behind version, times, ids, duration, layer, volume
    assert struct.unpack_from(">i", data, at)[0] == 1 << 16
    struct.pack_into(">i", data, at, -1 << 16)
    path.write_bytes(data)
    assert np.array_equal(np.stack(list(read_pullback(path))), plain[:, :, ::-1])


def test_pixels_that_are_not_square_are_made_square_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for picture in PICTURES[:5]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    pullback = read_pullback(path)
    assert next(iter(pullback)).shape == (SIDE, SIDE * 4 // 3, 3)
    assert pullback.warnings == (
        f"wide.mkv has pixels that are not square: its frames were made {SIDE * 4 // 3} pixels wide",
    )


def test_sound_and_its_cover_picture_are_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        for _ in range(20):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            sound.rate = 48_000
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(ReadError, match=r"sound.mp4 holds sound, and no video"):
        read_pullback(path)


def test_a_video_beyond_the_limits_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = made(tmp_path, "H.264.mp4")
    with pytest.raises(ReadError, match=r"is 192 x 192 pixels; at most 100 on a side"):
        read_pullback(path, limits=Limits(max_side=100))
    with pytest.raises(ReadError, match=r"has 40 frames; at most 30 are read"):
        read_pullback(path, limits=Limits(max_frames=30))


def test_the_number_of_frames_tells_their_distance(tmp_path: Path) -> None:
    small = [np.full((64, 64, 3), number % 256, np.uint8) for number in range(271)]
    pullback = read_pullback(made(tmp_path, "motion JPEG.avi", small))
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (0.2, "frame_count")
    pullback = read_pullback(video(tmp_path / "gap.mkv", [*small, small[0]], left_out=[100]))
    assert pullback.frame_spacing_mm is None


def test_the_first_frame_shown_is_the_first_of_the_video(tmp_path: Path) -> None:
    assert number_of(next(iter(read_pullback(made(tmp_path, "H.264.mp4"))))) == 1
