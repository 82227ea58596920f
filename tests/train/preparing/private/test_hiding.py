"""A lab's own frames: no name of a patient comes through."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.dataset.folder import read_lines
from octseg.dataset.publishing import PRIVATE_TEXT
from tests.fakes.lab import CANARIES, SIDE, STUDIES, prepare_private
from tests.fakes.prepared import CC_BY, box, contents, disc, planes_of, png, prepare_folder
from train import prepare


def stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*/images/*.png")}


def test_no_canary_is_in_any_byte_of_a_private_dataset(private: Path) -> None:
    for name, content in contents(private).items():
        for canary in CANARIES:
            assert canary.lower().encode() not in content.lower(), name
            assert canary.lower() not in name.lower()


def test_no_canary_is_printed_by_any_command_on_private_data(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even of files that are left out: they are told by their hashes."""
    shutil.copytree(lab, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    masks, images = Path("data/masks"), Path("data/images")
    (masks / "Baumgartner-run7-20240131-0008.png").write_bytes(b"damaged")
    (masks / "Lindqvist-run7-20240131-0008.png").unlink()
    (images / "Okonkwo-run7-20240131-00008.png").write_bytes(png(disc(1)))  # by its number the same as 0008
    (masks / "Okonkwo-run7-20240131-00008.png").write_bytes(png(np.zeros((128, 128), np.uint8)))
    assert prepare_private(Path("data"), Path("ours"), "--max-bad", "0") == 1
    assert prepare_private(Path("data"), Path("ours")) == 0
    assert prepare_private(Path("data"), Path("ours")) == 1
    assert prepare.main(["--check", "ours"]) == 0
    assert prepare.main(["--preview", "ours"]) == 0
    told = capfd.readouterr()
    assert "3 of 7 files are not right" in told.err
    assert "left out: 3 files" in told.out
    for canary in CANARIES:
        assert canary.lower() not in (told.out + told.err).lower()
        assert all(canary.lower().encode() not in content.lower() for content in contents(Path("ours")).values())


def test_a_study_that_is_not_there_does_not_print_those_that_are(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare_private(lab, tmp_path / "ours", "--studies", "Nobody") == 1
    said = capsys.readouterr().err
    assert "Nobody" in said
    assert not any(study in said for study in STUDIES)


def test_private_options_that_name_studies_leave_no_trace(lab: Path, tmp_path: Path) -> None:
    flags = ("--studies", "Baumgartner,Lindqvist,Okonkwo", "--holdout", "Okonkwo")
    assert prepare_private(lab, tmp_path / "ours", *flags) == 0
    assert len(read_lines(tmp_path / "ours", "test")) == 2
    for content in contents(tmp_path / "ours").values():
        assert all(study.encode() not in content for study in STUDIES)


def test_names_burned_in_beside_the_disc_are_gone_and_the_tissue_is_not(lab: Path, tmp_path: Path) -> None:
    assert prepare_private(lab, tmp_path / "ours", "--size", str(SIDE)) == 0
    row, col = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    away = np.hypot(row, col)
    paths = sorted((tmp_path / "ours").glob("*/images/*.png"))
    assert len(paths) == 6
    originals = [np.asarray(Image.open(path)) for path in sorted((lab / "images").iterdir())]
    assert all(original[away > 83].max() == 255 for original in originals)
    inside = {original[away < 77].tobytes() for original in originals}
    for path in paths:
        frame = np.asarray(Image.open(path))
        assert frame[away > 83].max() == 0
        assert frame[away < 77].tobytes() in inside


def test_every_picture_of_a_private_dataset_bears_the_mark(private: Path) -> None:
    unmarked = [
        name
        for name, content in contents(private).items()
        if name.endswith(".png") and PRIVATE_TEXT.encode() not in content
    ]
    assert unmarked == []


def test_provenance_card_and_sheet_of_private_data_say_so(private: Path) -> None:
    provenance = json.loads((private / "provenance.json").read_text())
    assert provenance["private"] is True
    assert provenance["publishable"] is False
    assert provenance["licence"] is None
    assert provenance["source"] == {"files": [], "kind": "folder"}
    assert "Private data: not to be published" in (private / "README.md").read_text()


def test_the_key_lies_beside_the_dataset_for_its_owner_alone(private: Path) -> None:
    key = private.with_name("ours.key.json")
    assert key.stat().st_mode & 0o777 == 0o600
    names = json.loads(key.read_text())["names"]
    assert set(STUDIES) <= set(names.values())
    assert {line["study"] for split in ("train", "validation") for line in read_lines(private, split)} == {
        name.removeprefix("study ") for name, stands_for in names.items() if stands_for in STUDIES
    }
    assert "secret" not in "".join(contents(private))


def test_a_key_inside_of_the_dataset_is_refused(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ours"
    for key in (out / "key.json", out / "train" / "key.json", tmp_path / "x" / ".." / "ours" / "key.json"):
        assert prepare_private(lab, out, "--key", str(key)) == 1
        assert "the key file must lie outside the dataset folder" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_no_key_is_left_alone(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key.json").write_text('{"mine": 1}')
    assert prepare_private(lab, tmp_path / "ours", "--key", str(tmp_path / "key.json")) == 1
    assert "key.json is no key file of this program" in capsys.readouterr().err
    assert (tmp_path / "key.json").read_text() == '{"mine": 1}'


def test_the_same_key_gives_the_same_hashes_and_another_key_others(lab: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    assert prepare_private(lab, tmp_path / "first", "--key", str(key)) == 0
    secret = json.loads(key.read_text())["secret"]
    assert prepare_private(lab, tmp_path / "second", "--key", str(key)) == 0
    assert prepare_private(lab, tmp_path / "other") == 0
    assert stems(tmp_path / "first") == stems(tmp_path / "second")
    assert stems(tmp_path / "first").isdisjoint(stems(tmp_path / "other"))
    assert json.loads(key.read_text())["secret"] == secret
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_later_batch_adds_to_the_key_and_loses_no_name(lab: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    assert prepare_private(lab, tmp_path / "a", "--key", str(key), "--studies", "Baumgartner,Lindqvist") == 0
    assert prepare_private(lab, tmp_path / "b", "--key", str(key), "--studies", "Lindqvist,Okonkwo") == 0
    assert set(STUDIES) <= set(json.loads(key.read_text())["names"].values())


def test_the_check_of_a_private_dataset_passes(private: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--check", str(private)]) == 0
    assert "private: no publishing command takes it" in capsys.readouterr().out


def test_private_frames_fed_back_as_a_public_source_are_refused(
    private: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "validation"):
        shutil.copytree(private / split, tmp_path / "again" / split)
    flags = ("--name-pattern", r"(?P<study>\w+)_(?P<series>\w+)_(?P<frame>\d+)", "--class-map", "3=lipid_core")
    flags += ("--yes-no-personal-data",)  # drawn by lot, pseudonyms may read like numbers of a hospital
    assert prepare_folder(tmp_path / "again", tmp_path / "open", *CC_BY, *flags) == 1
    assert "bears the mark of private data; prepare it with --private" in capsys.readouterr().err
    assert not (tmp_path / "open").exists()


def test_private_masks_fed_back_with_unmarked_frames_are_refused(private: Path, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        shutil.copytree(private / split, tmp_path / "again" / split)
        for path in (tmp_path / "again" / split / "images").iterdir():
            Image.fromarray(np.asarray(Image.open(path))).save(path)
    flags = ("--name-pattern", r"(?P<study>\w+)_(?P<series>\w+)_(?P<frame>\d+)", "--class-map", "3=lipid_core")
    assert prepare_folder(tmp_path / "again", tmp_path / "open", *CC_BY, *flags) == 1


def test_masks_of_four_planes_of_a_lab_are_taken_too(tmp_path: Path) -> None:
    masks = {"lumen": box(60, 60, 10, 10), "lipid_core": box(30, 40, 20, 20)}
    for study in ("A", "B"):
        for kind, name, content in (
            ("images", f"{study}1.png", png(disc(ord(study)))),
            ("masks", f"{study}1.tif", b""),
        ):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / kind / name).write_bytes(content)
        Image.fromarray(planes_of(masks)).save(tmp_path / "data" / "masks" / f"{study}1.tif")
    flags = ("--private", "--name-pattern", r"(?P<study>[A-Z])\d", "--classes", "lumen,lipid_core")
    assert prepare_folder(tmp_path / "data", tmp_path / "ours", *flags) == 0
    (line,) = read_lines(tmp_path / "ours", "validation")
    assert (line["lumen_area_px"], line["lipid_core_area_px"]) == (25, 100)
