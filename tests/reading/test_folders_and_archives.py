"""Folders and ZIP files as pullbacks: in the order people count in, with what does not fit said, or refused."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import octseg
from octseg.drawing.palette import palette_image
from octseg.errors import ReadError
from octseg.reading import Limits, read_pullback, read_pullbacks
from tests.fakes.hostile.files import bomb
from tests.fakes.pullbacks import encoded, frame, frames, numbers_of, pictures_in, video, zipped

COUNT = 12
PICTURES = frames(COUNT)
ALL = list(range(1, COUNT + 1))


def members(pictures: list[np.ndarray] = PICTURES, name: str = "run/frame_{}.png", first: int = 1) -> dict[str, bytes]:
    return {name.format(number): encoded(picture) for number, picture in enumerate(pictures, start=first)}


def test_a_folder_of_pictures_is_one_pullback_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = pictures_in(tmp_path / "IMG007", PICTURES)
    pullback = octseg.read_pullback(folder)
    assert (pullback.name, pullback.frame_count, pullback.warnings) == ("IMG007", COUNT, ())
    assert numbers_of(pullback) == ALL
    assert numbers_of(pullback.frames(4, 6)) == [5, 6]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_every_kind_of_picture_makes_a_pullback_in_a_folder_and_in_a_zip_file(tmp_path: Path, kind: str) -> None:
    files = {f"f{number}.{kind.lower()}": encoded(picture, kind) for number, picture in enumerate(PICTURES, start=1)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert numbers_of(read_pullback(tmp_path)) == ALL
    assert numbers_of(read_pullback(zipped(files), name="x.zip")) == ALL


def test_a_zip_file_is_read_by_path_and_as_content_and_leaves_nothing_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "IMG007.zip"
    path.write_bytes(zipped(members(name="frame_{}.png"), compression=zipfile.ZIP_DEFLATED))
    program = (
        "import octseg, os, sys, tempfile; tempfile.tempdir = sys.argv[2]; p = octseg.read_pullback(sys.argv[1]);"
        "print(p.name, sum(1 for _ in p))"
    )
    spare = tmp_path / "spare"
    spare.mkdir()
    environment = {**os.environ, "TMPDIR": str(spare)}
    command = [sys.executable, "-c", program, str(path), str(spare)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["IMG007", str(COUNT)]
    assert list(spare.iterdir()) == []
    assert numbers_of(read_pullback(path.read_bytes())) == ALL


def test_each_folder_is_a_pullback_of_its_own_and_the_only_one_is_asked_for_by_name(tmp_path: Path) -> None:
    pictures_in(tmp_path / "P01" / "run", PICTURES[:3])
    pictures_in(tmp_path / "P02" / "run", PICTURES[3:8])
    pictures_in(tmp_path / "P10" / "baseline", PICTURES[8:])
    found = octseg.read_pullbacks(tmp_path)
    assert [(each.name, each.frame_count) for each in found] == [("P01_run", 3), ("P02_run", 5), ("baseline", 4)]
    with pytest.raises(ReadError, match=r"holds 3 pullbacks: P01_run \(3 frames\), P02_run \(5 frames\), baseline"):
        read_pullback(tmp_path)
    packed = zipped({**members(PICTURES[:3], "a/{}.png"), **members(PICTURES[3:], "b/{}.png")})
    assert [numbers_of(each) for each in read_pullbacks(packed, name="x.zip")] == [[1, 2, 3], ALL[3:]]


def test_pictures_of_another_size_are_left_out_and_named(tmp_path: Path) -> None:
    pictures_in(tmp_path, PICTURES)
    (tmp_path / "overview.png").write_bytes(encoded(frame(500, 192, 400)))
    pullback = read_pullback(tmp_path)
    assert numbers_of(pullback) == ALL
    assert "are 192 x 192 pixels: overview.png (192 x 400)" in pullback.warnings[0]


def test_results_notes_and_what_systems_leave_are_passed_over(tmp_path: Path) -> None:
    pictures_in(tmp_path, PICTURES)
    mask = io.BytesIO()
    palette_image({"lumen": PICTURES[0][..., 0] > 100}).save(mask, "PNG")
    (tmp_path / "frame_1_mask.png").write_bytes(mask.getvalue())
    (tmp_path / "notes.txt").write_text("read twice")
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (tmp_path / "@eaDir").mkdir()
    (tmp_path / "@eaDir" / "frame_1.png").write_bytes(encoded(PICTURES[0]))
    pullback = read_pullback(tmp_path)
    assert numbers_of(pullback) == ALL
    assert pullback.warnings == ()


def test_a_file_that_was_chosen_on_the_page_and_is_no_frame_is_named() -> None:
    """As on the command line; what lies in a folder that was dropped there nobody chose."""
    notes = {"notes.txt": b"read twice\n", "run/notes.txt": b"read twice\n"}
    archive = zipped({**members(name="frame_{}.png"), **notes})
    sent = archive[:-2] + struct.pack("<H", 11) + b"octseg page"  # its comment
    assert read_pullback(sent, name="x.zip").warnings == (
        "left out: notes.txt cannot be read: it is text, not a picture",
    )
    assert read_pullback(archive, name="x.zip").warnings == ()


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1, 2, 3, 7, 8, 9], "3 frames are missing (4 to 6)"),
        ([1, 2, 4, 5, 7], "2 frames are missing (3, 6)"),
        ([2, 4, 6, 8], "rise by 2"),
    ],
)
def test_gaps_in_the_numbers_are_said_and_keep_their_places(tmp_path: Path, numbers: list[int], said: str) -> None:
    """Black, as frames that cannot be read; where all numbers rise by 2 there are no gaps."""
    for number in numbers:
        (tmp_path / f"f{number:03d}.png").write_bytes(encoded(frame(number)))
    pullback = read_pullback(tmp_path)
    gaps = set(range(numbers[0], numbers[-1])) - set(numbers) if "missing" in said else set()
    assert numbers_of(pullback) == [0 if number in gaps else number for number in sorted({*numbers, *gaps})]
    assert said in pullback.warnings[0]
    assert pullback.frame_spacing_mm is None
    assert list(pullback.late_warnings) == []


def test_pullbacks_of_one_name_are_called_by_the_folders_that_tell_them_apart() -> None:
    clip = io.BytesIO()
    tifffile.imwrite(clip, np.stack(PICTURES[:2]), photometric="rgb")
    places = ("a/pre/IMG1", "b/pre/IMG1", "b/IMG2", "a/post/IMG1", "c/d/IMG3")
    found = read_pullbacks(zipped(dict.fromkeys(places, clip.getvalue())), name="study.zip")
    assert sorted(each.name for each in found) == ["IMG2", "IMG3", "a_pre_IMG1", "b_pre_IMG1", "post_IMG1"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_files_with_one_path_in_a_zip_file_the_last_counts_and_that_is_said() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, picture in (("f1", 4), ("f1", 0), ("f2", 1), ("f3", 2), ("f1", 0)):
            archive.writestr(f"{name}.png", encoded(PICTURES[picture]))
    (pullback,) = read_pullbacks(packed.getvalue(), name="x.zip")
    assert numbers_of(pullback) == [1, 2, 3]
    assert [each for each in pullback.warnings if "f1.png" in each] == [
        "left out: f1.png, which is in x.zip 3 times, but for the last"
    ]


def test_a_run_that_begins_later_keeps_its_numbers_and_two_runs_in_a_folder_are_said(tmp_path: Path) -> None:
    pullback = read_pullback(pictures_in(tmp_path / "part", PICTURES, first=101))
    assert (pullback.first_number, pullback.warnings) == (101, ())
    for run in ("P01", "P02"):
        pictures_in(tmp_path / "two", PICTURES[:4], run + "_{}.png")
    assert "tell of 2 runs (P01_..., P02_...)" in read_pullback(tmp_path / "two").warnings[0]


def test_a_frame_that_is_left_black_is_called_by_the_number_in_its_name(tmp_path: Path) -> None:
    for first in (0, 101):
        folder = pictures_in(tmp_path / str(first), PICTURES, first=first)
        (folder / f"frame_{first + 3}.png").write_bytes(b"")
        pullback = read_pullback(folder)
        assert pullback.first_number == first
        assert numbers_of(pullback)[3] == 0
        (said,) = pullback.late_warnings
        assert said.startswith(f"frame {first + 3} is left black: ")


def test_a_picture_that_cannot_be_read_is_black_and_no_number_moves(tmp_path: Path) -> None:
    pictures_in(tmp_path, PICTURES)
    whole = (tmp_path / "frame_4.png").read_bytes()
    (tmp_path / "frame_4.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "frame_9.png").write_bytes(b"")
    (tmp_path / "broken.png").write_bytes(b"")  # none of the run: it has no number to keep
    pullback = read_pullback(tmp_path)
    assert numbers_of(pullback) == [1, 2, 3, 0, 5, 6, 7, 8, 0, 10, 11, 12]
    assert [said[:22] for said in pullback.late_warnings] == ["frame 4 is left black:", "frame 9 is left black:"]
    assert pullback.warnings == ("left out: broken.png cannot be read as a picture",)


def test_a_file_that_may_not_be_opened_is_black_and_a_kind_that_is_not_read_is_named(tmp_path: Path) -> None:
    pictures_in(tmp_path / "run", PICTURES[:3])
    (tmp_path / "run" / "frame_2.png").unlink()
    (tmp_path / "run" / "frame_2.png").symlink_to(tmp_path / "run" / "nowhere")
    assert numbers_of(read_pullback(tmp_path / "run")) == [1, 3]
    assert read_pullback(tmp_path / "run").warnings[-1] == "left out: frame_2.png is a link to what is not there"
    pullback = read_pullback(pictures_in(tmp_path / "lost", PICTURES[:3]))
    (tmp_path / "lost" / "frame_2.png").unlink()
    assert numbers_of(pullback) == [1, 0, 3]
    assert "there is no file frame_2.png" in pullback.late_warnings[0]
    first, second = (Image.fromarray(picture) for picture in PICTURES[:2])
    (tmp_path / "moving").mkdir()
    first.save(tmp_path / "moving" / "a.webp", "WEBP", save_all=True, append_images=[second])
    with pytest.raises(ReadError, match="with an animation"):
        read_pullback(tmp_path / "moving")


def test_one_rule_of_levels_holds_for_all_pictures(tmp_path: Path) -> None:
    for number, level in enumerate((1500, 2500, 4000), start=1):
        levels = np.zeros((64, 64), np.uint16)
        levels[:, 32:] = level
        tifffile.imwrite(tmp_path / f"f{number}.tif", levels)
    assert [int(picture.max()) for picture in read_pullback(tmp_path)] == [93, 156, 249]


def test_files_of_several_frames_are_pullbacks_of_their_own(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", PICTURES)
    tifffile.imwrite(tmp_path / "b.tif", np.stack(PICTURES[:5]), photometric="rgb")
    assert [(each.name, each.frame_count) for each in read_pullbacks(tmp_path)] == [("a", COUNT), ("b", 5)]
    packed = zipped({"a.mp4": (tmp_path / "a.mp4").read_bytes()})
    assert numbers_of(read_pullback(packed, name="x.zip")) == ALL
    packed = zipped({"deep/b.tif": (tmp_path / "b.tif").read_bytes()}, compression=zipfile.ZIP_DEFLATED)
    assert numbers_of(read_pullback(packed, name="x.zip")) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "name",
    ["../f1.png", "/etc/f1.png", "C:/f1.png", "c:f1.png", "a\\..\\..\\f1.png", "\\\\server\\f1.png", "a/../../f"],
)
def test_a_name_that_leads_out_of_the_archive_marks_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReadError, match=r"x.zip holds a path that leads out of it, so nothing of it is read"):
        read_pullback(zipped({**members(), name: encoded(PICTURES[0])}), name="x.zip")


def test_windows_names_and_odd_names_are_labels() -> None:
    packed = zipped(members(PICTURES, "run\\frame {}.png"))
    assert numbers_of(read_pullback(packed, name="x.zip")) == ALL


@pytest.mark.parametrize("inner", ["ZIP", "gzip", "7z"])
def test_an_archive_in_an_archive_is_refused_by_its_name(inner: str) -> None:
    content = {"ZIP": zipped(members()), "gzip": b"\x1f\x8b\x08" + bytes(60), "7z": b"7z\xbc\xaf\x27\x1c" + bytes(60)}
    with pytest.raises(ReadError, match=r"x.zip holds another archive, inner.dat; unpack that"):
        read_pullback(zipped({**members(), "more/inner.dat": content[inner]}), name="x.zip")


def test_bombs_are_refused_by_what_the_directory_says() -> None:
    deflated = zipped({"f1.tif": bytes(30_000_000)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ReadError, match=r"f1.tif in it would grow to 30 MB, more than 200 times"):
        read_pullback(deflated, name="x.zip")
    with pytest.raises(ReadError, match=r"at most 0 GB are read \(OCTSEG_MAX_UNPACKED_BYTES\)"):
        read_pullback(zipped(members()), name="x.zip", limits=Limits(max_unpacked_bytes=1000))
    with pytest.raises(ReadError, match=r"holds 12 files; at most 10"):
        read_pullback(zipped(members()), name="x.zip", limits=Limits(max_members=10))


def test_a_directory_of_too_many_files_is_refused_before_it_is_read() -> None:
    with pytest.raises(ReadError, match=r"x.zip holds more than 1 files \(OCTSEG_MAX_MEMBERS\)"):
        read_pullback(zipped(members()), name="x.zip", limits=Limits(max_members=1))


def test_files_that_lie_over_one_another_are_no_honest_archive() -> None:
    whole = zipped({"f1.png": encoded(PICTURES[0])})
    start, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    entries = b"".join(whole[start:end].replace(b"f1.png", f"f{n}.png".encode()) for n in range(1, 9))
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 8, 8, len(entries), start, 0)
    with pytest.raises(ReadError, match="its files lie over one another"):
        read_pullback(whole[:start] + entries + tail, name="x.zip")


def lying(size: int) -> bytes:
    """An archive whose one picture says that it unpacks to `size` bytes, and unpacks to 200 MB."""
    packed = bomb(200)[2:-4]
    name = b"f1.bmp"
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0) + name
    central = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0, 0, 0, 0, 0, 0
    )
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central) + len(name), len(local) + len(packed), 0)
    return local + packed + central + name + end


def test_a_file_that_grows_beyond_what_the_directory_says_is_not_inflated() -> None:
    program = (
        "import re, sys, octseg\n"
        "def peak(): return int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1000\n"
        "octseg.read_pullback\n"
        "before = peak()\n"
        "try: octseg.read_pullback(sys.stdin.buffer.read(), name='x.zip')\n"
        "except octseg.ReadError as error: print(peak() - before, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=lying(100_000), capture_output=True, check=True)
    grown, said = done.stdout.decode().split(" ", 1)
    assert int(grown) < 60
    assert "x.zip" in said


@pytest.mark.parametrize(("change", "said"), [(1, "is protected by a password"), (9, "is packed with Deflate64")])
def test_what_cannot_be_unpacked_here_is_called_what_it_is(change: int, said: str) -> None:
    data = bytearray(zipped({"f1.png": encoded(PICTURES[0])}))
    central = data.index(b"PK\x01\x02")
    for flags_at, method_at in ((6, 8), (central + 8, central + 10)):
        data[flags_at if change == 1 else method_at] = change
    with pytest.raises(ReadError, match=said):
        read_pullback(bytes(data), name="x.zip")


@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
def test_an_archive_that_ends_early_is_refused(part: float) -> None:
    data = zipped(members())
    with pytest.raises(ReadError, match=r"x.zip is no ZIP file that can be read: it is incomplete"):
        read_pullback(data[: int(part * len(data))], name="x.zip")


def test_a_member_whose_sum_is_wrong_is_black_and_no_number_moves() -> None:
    data = bytearray(zipped(members()))
    place = data.index(b"frame_5.png") + 3000
    data[place : place + 50] = bytes(50)
    pullback = read_pullback(bytes(data), name="x.zip")
    assert numbers_of(pullback) == [1, 2, 3, 4, 0, *ALL[5:]]
    assert "frame_5.png is damaged in the ZIP file" in pullback.late_warnings[0]


def test_a_folder_without_frames_is_refused_with_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no frames")
    with pytest.raises(ReadError, match="is a folder that holds no frame that can be read; this version reads PNG"):
        read_pullback(tmp_path)
    with pytest.raises(ReadError, match="is a ZIP file that holds no frame that can be read"):
        read_pullback(zipped({"notes.txt": b"no frames"}), name="x.zip")


def test_a_zip_file_with_large_counters_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name, content in members(name="f{}.png").items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(content)
    assert numbers_of(read_pullback(path)) == ALL


def test_too_many_pictures_are_refused(tmp_path: Path) -> None:
    pictures_in(tmp_path, PICTURES)
    with pytest.raises(ReadError, match=r"has 12 frames; at most 10 are read \(OCTSEG_MAX_FRAMES\)"):
        read_pullback(tmp_path, limits=Limits(max_frames=10))


def test_the_number_of_pictures_tells_their_distance(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (32, 32)).save(picture, "PNG")
    for number in range(1, 376):
        (tmp_path / f"{number}.png").write_bytes(picture.getvalue())
    pullback = read_pullback(tmp_path)
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (0.2, "frame_count")
