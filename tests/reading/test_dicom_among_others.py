"""DICOM in folders, on media and in ZIP files: series in the order of instances, files of frames by themselves."""

import random
import zipfile
from pathlib import Path

import pytest
from pydicom.fileset import FileSet

from octseg.errors import ReadError
from octseg.reading import read_pullback, read_pullbacks
from tests.fakes.dicom_files import pullback_file
from tests.fakes.pullbacks import encoded, frames, numbers_of, zipped

PICTURES = frames(8)
ALL = list(range(1, 9))


def series(uid: str = "1.2.3") -> dict[str, bytes]:
    """A file for each frame, under names that say nothing."""
    names = random.Random(3).sample(range(2**32), len(PICTURES))
    return {
        f"{name:08x}": pullback_file(
            [picture],
            SeriesInstanceUID=uid,
            SOPInstanceUID=f"{uid}.{number}",
            InstanceNumber=number,
            StudyTime="101010",
            StudyID="1",
            SeriesNumber=int(uid[-1]),
        )
        for number, (name, picture) in enumerate(zip(names, PICTURES, strict=True), start=1)
    }


@pytest.mark.parametrize("start", [b"II*\0", b"MM\0*", b"II+\0", b"BM", b"RIFF\0\0\0\0WEBP"])
def test_a_file_whose_preamble_is_another_formats_is_dicom_all_the_same(tmp_path: Path, start: bytes) -> None:
    content = pullback_file(PICTURES[:2], PixelSpacing=[0.0099, 0.0099])
    path = tmp_path / "IMG001"
    path.write_bytes(start + content[len(start) :])
    for pullback in (read_pullback(path), read_pullback(path.read_bytes()), read_pullback(tmp_path)):
        assert numbers_of(pullback) == [1, 2]
        assert pullback.pixel_spacing_mm == 0.0099


def test_a_folder_and_a_zip_file_of_single_frames_are_one_pullback(tmp_path: Path) -> None:
    for name, content in series().items():
        (tmp_path / name).write_bytes(content)
    assert numbers_of(read_pullback(tmp_path)) == ALL
    assert numbers_of(read_pullback(zipped(series()), name="study.zip")) == ALL


def test_files_of_several_frames_keep_their_names_and_are_read_whenever_asked(tmp_path: Path) -> None:
    files = {
        "IMG001": pullback_file(PICTURES[:3]),
        "deep/IMG002": pullback_file(PICTURES[3:], syntax="implicit"),
        "notes.txt": b"two runs",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for found in (
        read_pullbacks(tmp_path),
        read_pullbacks(zipped(files, compression=zipfile.ZIP_DEFLATED), name="x.zip"),
    ):
        assert [(each.name, each.frame_count) for each in found] == [("IMG001", 3), ("IMG002", 5)]
        for _ in range(2):
            assert [numbers_of(each) for each in found] == [ALL[:3], ALL[3:]]
        assert numbers_of(found[1].frames(2, 4)) == [6, 7]
    with pytest.raises(ReadError, match=r"holds 2 pullbacks: IMG001 \(3 frames\), IMG002 \(5 frames\); give one"):
        read_pullback(tmp_path)


def test_one_file_of_frames_in_a_zip_file_is_the_pullback() -> None:
    packed = zipped({"export/IMG001": pullback_file(PICTURES)}, compression=zipfile.ZIP_DEFLATED)
    pullback = read_pullback(packed, name="x.zip")
    assert (pullback.name, pullback.frame_count) == ("IMG001", 8)
    assert numbers_of(pullback) == ALL


def test_a_mediums_directory_leads_to_its_pullbacks(tmp_path: Path) -> None:
    source, medium = tmp_path / "source", tmp_path / "medium"
    source.mkdir()
    media = FileSet()
    for uid in ("1.2.3", "1.2.4"):
        for name, content in series(uid).items():
            (source / f"{uid}_{name}").write_bytes(content)
            media.add(source / f"{uid}_{name}")
    media.write(medium)
    for given in (medium, medium / "DICOMDIR"):
        assert [numbers_of(each) for each in read_pullbacks(given)] == [ALL, ALL]


def test_what_is_damaged_beside_a_pullback_is_said(tmp_path: Path) -> None:
    (tmp_path / "IMG001").write_bytes(pullback_file(PICTURES))
    (tmp_path / "IMG002").write_bytes(pullback_file(PICTURES)[:500])
    pullback = read_pullback(tmp_path)
    assert numbers_of(pullback) == ALL
    assert any("IMG002" in said for said in pullback.warnings)


def test_an_archive_in_a_folder_is_read_where_there_is_nothing_else_and_named_where_there_is(tmp_path: Path) -> None:
    (tmp_path / "P01.zip").write_bytes(zipped({f"{n}.png": encoded(p) for n, p in enumerate(PICTURES)}))
    assert numbers_of(read_pullback(tmp_path)) == ALL
    (tmp_path / "IMG001").write_bytes(pullback_file(PICTURES[:3]))
    pullback = read_pullback(tmp_path)
    assert numbers_of(pullback) == ALL[:3]
    assert "P01.zip, an archive, is not looked into" in pullback.warnings[-1]
