"""Folders of single-frame files and media with a DICOMDIR: one pullback a series, in the order of its instances."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.fileset import FileSet

from octseg.errors import ReadError
from octseg.pullback import Pullback
from octseg.reading import Limits
from octseg.reading.dicom import read_dicom, read_dicom_directory, read_dicom_series
from tests.fakes.dicom_files import FOR_PRESENTATION, pullback_file
from tests.reading.dicom.scene import colour_frames, furthest, grey_frames

FRAMES = colour_frames(5)


def instances(folder: Path, frames: list[Any] = FRAMES, uid: str = "1.2.3", **of_each: Any) -> list[Path]:
    """A file for each frame, under names that say nothing; `of_each` is a function of its number."""
    folder.mkdir(exist_ok=True)
    names = [f"{number:08x}" for number in random.Random(3).sample(range(2**32), len(frames))]
    for number, (name, frame) in enumerate(zip(names, frames, strict=True)):
        elements = {keyword: value(number) for keyword, value in of_each.items()}
        data = pullback_file([frame], SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{number + 1}", **elements)
        (folder / name).write_bytes(data)
    return sorted(folder.iterdir())


def series(paths: list[Path]) -> list[Pullback]:
    return read_dicom_series(paths, "study", "study", Limits())


def test_frames_stand_in_the_order_of_their_instances(tmp_path: Path) -> None:
    paths = instances(tmp_path, InstanceNumber=lambda number: number + 8, SpacingBetweenSlices=lambda _: "0.2")
    (pullback,) = series(paths)
    assert furthest(list(pullback), FRAMES) == 0
    assert furthest(list(pullback.frames(3)), FRAMES[3:]) == 0
    assert (pullback.name, pullback.frame_spacing_mm, pullback.frame_spacing_source) == ("study", 0.2, "dicom")
    assert pullback.warnings == ()


def test_without_numbers_their_places_tell_the_order_and_the_distance(tmp_path: Path) -> None:
    (pullback,) = series(instances(tmp_path, ImagePositionPatient=lambda number: [1, 2, 0.1 * number - 3]))
    assert furthest(list(pullback), FRAMES) == 0
    assert pullback.frame_spacing_mm == pytest.approx(0.1)
    assert any("order of their places" in warning for warning in pullback.warnings)


def test_missing_instances_are_named_and_the_number_of_frames_is_no_evidence(tmp_path: Path) -> None:
    small = [frame[:32, :32] for frame in grey_frames(375)]
    paths = instances(tmp_path, small, InstanceNumber=lambda number: number + 1 if number < 200 else number + 21)
    (pullback,) = series(paths)
    assert pullback.frame_spacing_mm is None
    said = "instances 201, 202, 203 ... of the series are missing, 20 in all: its frames run on, and lengths along"
    assert any(each.startswith(said) and each.endswith("may be too short") for each in pullback.warnings)


def test_series_are_kept_apart_and_other_objects_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    first = instances(tmp_path / "a", InstanceNumber=lambda number: number, SeriesNumber=lambda _: 2)
    second = instances(
        tmp_path / "b", FRAMES[:2], "1.2.4", InstanceNumber=lambda number: number, SeriesNumber=lambda _: 1
    )
    whole = tmp_path / "IMG001"
    whole.write_bytes(pullback_file(FRAMES[:3]))
    other = tmp_path / "report"
    other.write_bytes(pullback_file(FRAMES[:1], Modality="MR"))
    pullbacks = series([*first, *second, whole, other])
    assert [(each.name, len(each)) for each in pullbacks] == [("IMG001", 3), ("study_series2", 2), ("study_series3", 5)]
    assert all("left out: report is a DICOM file of magnetic resonance" in each.warnings[-1] for each in pullbacks)


def test_frames_that_share_a_number_may_be_here_twice_and_that_is_told(tmp_path: Path) -> None:
    """As a PACS sends a series a second time under new names of its instances."""
    paths = instances(tmp_path, [*FRAMES, *FRAMES], InstanceNumber=lambda number: number % len(FRAMES) + 1)
    (pullback,) = series(paths)
    assert pullback.frame_count == 2 * len(FRAMES)
    assert any(each.startswith("5 of the series' 10 frames bear the number of another") for each in pullback.warnings)
    assert not any("no number to each instance" in each for each in pullback.warnings)


def test_a_file_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    paths = instances(tmp_path, InstanceNumber=lambda number: number)
    (tmp_path / "copy").write_bytes(paths[0].read_bytes())
    (pullback,) = series([*paths, tmp_path / "copy"])
    assert furthest(list(pullback), FRAMES) == 0
    assert "1 files of the series are there twice and count once" in pullback.warnings


def test_one_rule_of_levels_holds_for_a_series(tmp_path: Path) -> None:
    frames = [np.full((32, 32), level, np.uint16) for level in (1000, 2000, 4000)]
    frames[0][:4], frames[1][:4], frames[2][:4] = 0, 0, 0
    (pullback,) = series(instances(tmp_path, frames, InstanceNumber=lambda number: number))
    shown = [int(frame[20, 20, 0]) for frame in pullback]
    assert shown == pytest.approx([level * 255 / 4095 for level in (1000, 2000, 4000)], abs=1)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A folder with a DICOMDIR as pydicom writes it, two series on it."""
    source = tmp_path / "source"
    source.mkdir()
    files = FileSet()
    elements = {"StudyInstanceUID": lambda _: "1.2.9", "SeriesNumber": lambda _: 1, "StudyTime": lambda _: "120000"}
    common = {
        **elements,
        "StudyID": lambda _: "1",
        "InstanceNumber": lambda number: number + 1,
        "PatientID": lambda _: "C",
    }
    for path in instances(source, SOPClassUID=lambda _: "1.2.840.10008.5.1.4.1.1.7", **common):
        files.add(path)
    root = tmp_path / "medium"
    files.write(root)
    return root


def test_a_dicomdir_leads_to_its_pullback(medium: Path) -> None:
    (pullback,) = read_dicom_directory(medium / "DICOMDIR", "DICOMDIR", Limits())
    assert furthest(list(pullback), FRAMES) == 0
    assert furthest(list(read_dicom(medium / "DICOMDIR", "DICOMDIR", "DICOMDIR", Limits())), FRAMES) == 0


def test_a_medium_copied_in_small_letters_is_read_and_missing_files_are_counted(medium: Path) -> None:
    files = sorted(path for path in medium.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    files[0].unlink()
    for path in sorted(medium.rglob("*"), key=lambda path: -len(path.parts)):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))
    (pullback,) = read_dicom_directory(medium / "DICOMDIR", "DICOMDIR", Limits())
    assert len(pullback) == 4
    assert "1 of the files that DICOMDIR names are not there" in pullback.warnings


def test_a_dicomdir_that_leads_out_of_its_folder_is_refused(medium: Path) -> None:
    data = (medium / "DICOMDIR").read_bytes()
    parts = (
        next(path for path in medium.rglob("*") if path.is_file() and path.name != "DICOMDIR").relative_to(medium).parts
    )
    listed = "\\".join(parts).encode()
    assert listed in data
    (medium / "DICOMDIR").write_bytes(data.replace(listed, (b"..\\..\\secret" + b" " * 40)[: len(listed)]))
    with pytest.raises(ReadError, match="names a file outside of its folder"):
        read_dicom_directory(medium / "DICOMDIR", "DICOMDIR", Limits())


def test_a_changed_dicomdir_is_pullbacks_or_a_refusal_and_never_another_error(medium: Path) -> None:
    rng, whole, told = random.Random(0), (medium / "DICOMDIR").read_bytes(), set()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(132, len(data))] = rng.choice((0, 255, rng.randrange(256)))
        (medium / "CHANGED").write_bytes(bytes(data))
        try:
            told.add(len(read_dicom_directory(medium / "CHANGED", "CHANGED", Limits())))
        except ReadError as error:
            told.add(str(error))
    assert 1 in told
    assert "CHANGED is a damaged DICOMDIR; give its folder" in told


def test_the_content_of_a_dicomdir_alone_is_refused_in_a_sentence(medium: Path) -> None:
    with pytest.raises(ReadError, match="is a DICOMDIR, the list of a medium's files"):
        read_dicom((medium / "DICOMDIR").read_bytes(), "DICOMDIR", "DICOMDIR", Limits())


def test_a_folder_without_frames_says_why(tmp_path: Path) -> None:
    other = tmp_path / "one"
    other.write_bytes(pullback_file(FRAMES[:1], Modality="CT", SOPClassUID=FOR_PRESENTATION))
    with pytest.raises(ReadError, match="computed tomography"):
        series([other])
