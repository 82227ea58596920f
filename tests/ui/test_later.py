"""Files of a frame, made when somebody asks for one."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.errors import OctsegError, ReadError
from octseg.phantom import make_phantom
from octseg.pullback import PixelScale
from octseg.ui.later import MAKERS, Later
from octseg.view.capture import imaged
from tests.fakes.exported import frame_of, masks_of, result_of
from tests.fakes.full_disk import files_limited_to


@pytest.fixture
def promised(tmp_path: Path) -> tuple[Later, dict[str, Path]]:
    source = tmp_path / "IMG001.png"
    Image.fromarray(frame_of(1)).save(source)
    folder = tmp_path / "files"
    folder.mkdir()
    later = Later()
    return later, later.promise(result_of(1), source, folder)


def test_nothing_is_written_until_it_is_asked_for(promised: tuple[Later, dict[str, Path]]) -> None:
    later, files = promised
    assert list(files) == list(MAKERS)
    later.make(files["mask.png"])
    assert [path for path in files.values() if path.exists()] == [files["mask.png"]]
    mask = np.asarray(Image.open(files["mask.png"]))
    assert np.array_equal(mask == 1, masks_of(1)["lumen"] & (mask == 1))
    assert np.array_equal(mask == 4, masks_of(1)["vasa_vasorum"])


def test_the_zip_has_what_the_single_files_have(promised: tuple[Later, dict[str, Path]]) -> None:
    later, files = promised
    for path in files.values():
        later.make(path)
    archive = zipfile.ZipFile(io.BytesIO(files["octseg.zip"].read_bytes()))
    assert archive.read("IMG001_mask.png") == files["mask.png"].read_bytes()
    assert archive.read("IMG001_overlay.png") == files["overlay.png"].read_bytes()
    record = json.loads(files["measures.json"].read_text())["frames"][0]
    assert (record["height"], record["width"], record["frame_sha256"]) == (
        61,
        53,
        result_of(1).to_record()["frame_sha256"],
    )


def test_the_table_by_itself_is_that_of_the_zip(promised: tuple[Later, dict[str, Path]]) -> None:
    later, files = promised
    for name in ("octseg.zip", "measures.csv"):
        later.make(files[name])
    (row,) = csv.DictReader(files["measures.csv"].read_text().splitlines())
    archive = zipfile.ZipFile(io.BytesIO(files["octseg.zip"].read_bytes()))
    (in_zip,) = csv.DictReader(archive.read("measures.csv").decode().splitlines())
    assert {name: row[name] for name in in_zip if name in row} == {n: v for n, v in in_zip.items() if n in row}
    assert set(row) <= set(in_zip)


def test_the_zip_has_where_variants_disagree_if_they_were_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "IMG001.png"
    Image.fromarray(frame_of(1)).save(source)
    doubt = np.random.default_rng(1).integers(0, 256, frame_of(1).shape[:2], np.uint8)
    later = Later()
    path = later.promise(replace(result_of(1), doubt=doubt), source, tmp_path)["octseg.zip"]
    later.make(path)
    with zipfile.ZipFile(path) as archive, Image.open(io.BytesIO(archive.read("IMG001_doubt.png"))) as picture:
        assert np.array_equal(np.asarray(picture), doubt)


@pytest.mark.parametrize("name", ["other_mask.png", "IMG001_mask.png.part", "IMG001.png", "../IMG001_mask.png"])
def test_what_was_not_promised_is_not_made(promised: tuple[Later, dict[str, Path]], name: str) -> None:
    later, files = promised
    folder = files["mask.png"].parent
    later.make(folder / name)
    assert list(folder.iterdir()) == []


def test_a_frame_that_is_gone_and_a_full_disk_are_sentences(promised: tuple[Later, dict[str, Path]]) -> None:
    later, files = promised
    with files_limited_to(10), pytest.raises(OctsegError, match="could not be written"):
        later.make(files["overlay.png"])
    later.make(files["overlay.png"])
    (files["mask.png"].parent.parent / "IMG001.png").unlink()
    with pytest.raises(ReadError, match="no longer has this frame; send it again"):
        later.make(files["mask.png"])


def test_what_is_shared_is_a_folder_of_its_own(promised: tuple[Later, dict[str, Path]]) -> None:
    later, files = promised
    shared = later.shareable(files["mask.png"].parent)
    assert {path.name for path in shared.iterdir()} == {"mask.png", "overlay.png", "measures.json", "frame.png"}
    assert np.array_equal(np.asarray(Image.open(shared / "frame.png")), frame_of(1))


def test_the_overlay_made_later_keeps_off_a_consoles_strip_too(tmp_path: Path) -> None:
    frame = make_phantom(1).frame
    strip = np.random.default_rng(0).integers(20, 200, (frame.shape[0] // 3, *frame.shape[1:]), np.uint8)
    shown = np.concatenate([frame, strip])
    none = {name: np.zeros(shown.shape[:2], bool) for name in masks_of(1)}
    scale = PixelScale(pixel_spacing_mm=0.01, source="user")
    result = replace(result_of(1), frame=shown, masks=none, scale=scale, disc=imaged(shown))
    source = tmp_path / "IMG001.png"
    Image.fromarray(shown).save(source)
    later = Later()
    path = later.promise(result, source, tmp_path)["overlay.png"]
    later.make(path)
    assert np.array_equal(np.asarray(Image.open(path))[len(frame) :], strip)
