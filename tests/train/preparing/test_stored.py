"""Files of a folder or a ZIP file: links, leftovers of systems, and archives as other programs write them."""

import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from octseg.errors import DatasetError
from train.preparing.names import RECORD_PATTERN, by_pattern
from train.preparing.sources import files_of, paired
from train.preparing.stored import folder_files, in_two_folders
from train.preparing.zipped import zip_files

RECORD = by_pattern(RECORD_PATTERN)


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for path in ("img/001_1_001.png", "img/._001_1_001.png", ".trash/img/001_1_002.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert [file.path for file in folder_files(tmp_path)] == ["img/001_1_001.png"]


def test_hidden_members_of_a_zip_file_are_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "fold.zip", "w") as archive:
        for member in ("img/001_1_001.png", "__MACOSX/img/._001_1_001.png", "img/.DS_Store"):
            archive.writestr(member, b"")
    assert [file.path for file in zip_files(tmp_path / "fold.zip")] == ["img/001_1_001.png"]


@pytest.mark.parametrize("name", ["nothing", "notes.txt"])
def test_a_source_that_is_no_folder_and_no_zip_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(DatasetError, match=name):
        files_of(tmp_path / name)


def test_a_member_damaged_in_the_zip_file_says_so_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fold.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("img/001_1_001.png", b"A" * 1000)
    path.write_bytes(path.read_bytes().replace(b"A" * 10, b"A" * 9 + b"B", 1))
    (file,) = zip_files(path)
    with pytest.raises(DatasetError, match="damaged in the ZIP file"):
        file.read()


@pytest.mark.parametrize("member", ["../img/001_1_001.png", "/img/001_1_001.png", "fold/../../img/001_1_001.png"])
def test_a_zip_file_with_a_path_that_leads_out_of_it_is_refused_as_a_whole(tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(tmp_path / "fold.zip", "w") as archive:
        archive.writestr("img/001_1_002.png", b"")
        archive.writestr(member, b"")
    with pytest.raises(DatasetError, match=r"fold\.zip holds a path that leads out of it"):
        zip_files(tmp_path / "fold.zip")


def test_frames_and_masks_of_two_folders_are_paired(tmp_path: Path) -> None:
    for path in ("pictures/001_1_001.png", "truth/001_1_001.tiff"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(path.encode())
    (found,) = paired(in_two_folders(tmp_path / "pictures", tmp_path / "truth"), RECORD).items
    assert (found.image.read(), found.mask.read()) == (b"pictures/001_1_001.png", b"truth/001_1_001.tiff")


def test_frames_of_one_name_in_two_folders_below_are_not_lost_unsaid(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        for kind in ("pictures", "truth"):
            (tmp_path / kind / folder).mkdir(parents=True)
            (tmp_path / kind / folder / "001_1_001.png").touch()
    listing = paired(in_two_folders(tmp_path / "pictures", tmp_path / "truth"), RECORD)
    assert len(listing.items) == 2 or listing.problems


def put(root: Path, *paths: str) -> None:
    """Files that hold their own path."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def labels(root: Path) -> list[str]:
    return [file.path for file in folder_files(root)]


def test_folders_that_are_links_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "scratch", "pngs/a/001_1_001.png", "truth/a/001_1_001.png")
    (tmp_path / "project").mkdir()
    for link, target in (("images", "pngs"), ("masks", "truth")):
        (tmp_path / "project" / link).symlink_to(tmp_path / "scratch" / target)
    (item,) = paired(folder_files(tmp_path / "project"), RECORD).items
    assert (item.image.read(), item.mask.read()) == (b"pngs/a/001_1_001.png", b"truth/a/001_1_001.png")


def test_links_within_a_source_give_its_frames_once_under_the_folder_that_counts(tmp_path: Path) -> None:
    put(tmp_path, "data/pngs/001_1_001.png", "masks/001_1_001.png")
    (tmp_path / "images").symlink_to(tmp_path / "data" / "pngs")
    (tmp_path / "latest").symlink_to(tmp_path / "images")
    listing = paired(folder_files(tmp_path), RECORD)
    assert [item.image.path for item in listing.items] == ["images/001_1_001.png"]
    assert listing.problems == ()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path, "images/001_1_001.png", "masks/001_1_001.png")
    (tmp_path / "images" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    listing = paired(folder_files(tmp_path), RECORD)
    assert [item.image.path for item in listing.items] == ["images/001_1_001.png"]
    assert listing.problems == ()


def test_a_link_to_a_file_that_is_gone_says_so_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "001_1_001.png").symlink_to(tmp_path / "gone.png")
    (file,) = folder_files(tmp_path)
    with pytest.raises(DatasetError, match="it is a link to a file that is not there"):
        file.read()


def test_what_a_nas_or_a_system_leaves_behind_is_passed_over(tmp_path: Path) -> None:
    put(
        tmp_path,
        *("img/001_1_001.png", "img/@eaDir/001_1_001.png/SYNOFILE_THUMB_M.png", "img/Thumbs.db", "img/desktop.ini"),
        *("@eaDir/img/001_1_001.png", "#recycle/img/001_1_001.png", ".snapshot/img/001_1_001.png", "img/~$a.png"),
        *(".AppleDouble/img/001_1_001.png", "img/._001_1_001.png", "img/.DS_Store", "$RECYCLE.BIN/img/001_1_001.png"),
        *("img/001_1_001.png@SynoEAStream", "img/001_1_001.png~"),
    )
    assert labels(tmp_path) == ["img/001_1_001.png"]


def test_folders_of_people_that_begin_with_a_sign_are_kept(tmp_path: Path) -> None:
    put(tmp_path, "#12/img/001_1_001.png", "@home/img/001_1_002.png")
    assert labels(tmp_path) == ["#12/img/001_1_001.png", "@home/img/001_1_002.png"]


def test_a_folder_that_may_not_be_searched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    put(tmp_path, "img/001_1_001.png")
    opened = os.scandir

    def scandir(folder: str) -> object:
        if Path(folder).name == "img":
            raise PermissionError(13, "Permission denied", folder)
        return opened(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DatasetError, match="the folder img cannot be searched: permission denied"):
        folder_files(tmp_path)


def zipped(path: Path, *members: str, flags: int = 0, method: int | None = None) -> Path:
    """A ZIP file whose members hold their own names; with other flags or another method in both of their headers."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            info = zipfile.ZipInfo("x")
            info.filename, info.create_system = member, 0
            archive.writestr(info, member.encode())
    content = bytearray(path.read_bytes())
    for magic, flags_at, method_at in ((b"PK\3\4", 6, 8), (b"PK\1\2", 8, 10)):
        at = content.find(magic)
        while at >= 0:
            struct.pack_into("<H", content, at + flags_at, struct.unpack_from("<H", content, at + flags_at)[0] | flags)
            if method is not None:
                struct.pack_into("<H", content, at + method_at, method)
            at = content.find(magic, at + 4)
    path.write_bytes(content)
    return path


def test_a_zip_file_with_backslashes_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "lab\\images\\001_1_001.png", "lab\\masks\\001_1_001.png", "lab\\images\\")
    (item,) = paired(zip_files(path), RECORD).items
    assert item.image.path == "lab/images/001_1_001.png"
    assert item.mask.read() == b"lab\\masks\\001_1_001.png"


@pytest.mark.parametrize("member", ["..\\001_1_001.png", "\\img\\001_1_001.png", "C:\\img\\001_1_001.png", "c:a.png"])
def test_a_zip_file_whose_backslashes_lead_out_of_it_is_refused(tmp_path: Path, member: str) -> None:
    with pytest.raises(DatasetError, match="leads out of it"):
        zip_files(zipped(tmp_path / "a.zip", member))


def test_a_time_of_day_in_a_name_leads_nowhere(tmp_path: Path) -> None:
    (file,) = zip_files(zipped(tmp_path / "a.zip", "img/001_12:30:00.png"))
    assert file.path == "img/001_12:30:00.png"


@pytest.mark.parametrize(
    ("flags", "method", "reason"),
    [
        (1, None, "is protected by a password; unpack the ZIP file, and give the folder"),
        (1, 99, "is protected by a password"),
        (0, 9, "is packed with Deflate64, which is not read here; unpack"),
        (0, 98, "is packed with PPMd"),
    ],
)
def test_a_zip_file_that_is_sound_and_not_read_here_is_called_what_it_is(
    tmp_path: Path, flags: int, method: int | None, reason: str
) -> None:
    path = zipped(tmp_path / "a.zip", "img/a.png", "img/b.png", flags=flags, method=method)
    with pytest.raises(DatasetError, match=f"what a.zip holds cannot be read: each file in it {reason}"):
        zip_files(path)


def test_one_link_in_a_zip_file_is_told_when_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("img/a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/scratch/a.png")
        archive.writestr("img/b.png", b"b")
    first, second = zip_files(tmp_path / "a.zip")
    assert second.read() == b"b"
    with pytest.raises(DatasetError, match="it is a link, which a ZIP file keeps without what it leads to"):
        first.read()


def test_a_member_whose_packing_is_broken_is_damaged(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("img/a.png", b"A" * 1000)
    packed = zlib.compressobj(wbits=-15)
    body = packed.compress(b"A" * 1000) + packed.flush()
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(body, b"\xff" * len(body)))
    (file,) = zip_files(tmp_path / "a.zip")
    with pytest.raises(DatasetError, match="damaged in the ZIP file"):
        file.read()


@pytest.mark.parametrize(
    ("magic", "kind"), [(b"Rar!\x1a\x07\0", "a RAR archive"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive")]
)
def test_another_archive_is_called_what_it_is(tmp_path: Path, magic: bytes, kind: str) -> None:
    (tmp_path / "frames").write_bytes(magic)
    with pytest.raises(DatasetError, match=f"frames is {kind}, neither a folder nor a ZIP file; unpack it"):
        files_of(tmp_path / "frames")


def test_a_member_whose_lzma_is_broken_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "frames.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("img/001_1_001.png", b"x" * 100)
    content = path.read_bytes()
    packed = content.index(b"img/001_1_001.png") + len("img/001_1_001.png") + 4
    path.write_bytes(content[:packed] + b"\xff" * 5 + content[packed + 5 :])
    [file] = zip_files(path)
    with pytest.raises(DatasetError, match="damaged in the ZIP file"):
        file.read()
