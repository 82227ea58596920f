"""A run's files in one ZIP, as a stream."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from octseg.export.zipping import CHUNK, zipped
from tests.fakes.exported import MODEL, segmented


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run_frames").mkdir()
    (tmp_path / "run_frames" / "run_0001.png").write_bytes(np.random.default_rng(1).bytes(3 * CHUNK))
    (tmp_path / "measures.csv").write_text("lumen\n" * 1000)
    (tmp_path / "run_seg.dcm").write_bytes(b"\0" * 2 * CHUNK)
    return tmp_path


NAMES = ["run_frames/run_0001.png", "run_seg.dcm", "measures.csv"]
NAMES_TOO = ["run_measures.csv", "corrections.jsonl"]


def test_it_comes_in_pieces_and_holds_every_file_whole(folder: Path) -> None:
    pieces = list(zipped(folder, NAMES, segmented().run))
    assert max(map(len, pieces)) < 2 * CHUNK
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["measures.csv", "run_frames/run_0001.png", "run_seg.dcm", "README.txt"]
        for name in NAMES:
            assert archive.read(name) == (folder / name).read_bytes()
        assert archive.getinfo("run_seg.dcm").compress_size < 10_000
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        said = archive.read("README.txt").decode()
    assert MODEL.sha256 in said
    assert "*_seg.dcm        DICOM segmentation, with the patient's data of its source" in said
    assert "GeoJSON" not in said


def test_the_same_files_give_the_same_bytes(folder: Path) -> None:
    run = json.loads(json.dumps(segmented().run))
    assert b"".join(zipped(folder, NAMES, run)) == b"".join(zipped(folder, reversed(NAMES), run))


def test_the_readme_calls_files_by_the_names_that_they_have(folder: Path) -> None:
    for name in NAMES_TOO:
        (folder / name).write_text("held")
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(folder, NAMES_TOO, segmented().run)))) as archive:
        said = archive.read("README.txt").decode()
    assert "*_measures.csv   a row a frame" in said
    assert "corrections.jsonl every stroke" in said
