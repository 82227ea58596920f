"""What the flags of train.prepare ask for: classes, splits, studies, names, other layouts."""

import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.dataset.folder import read_lines
from tests.fakes.dataset import checked, lines_of, provenance_of
from tests.fakes.prepared import (
    CC_BY,
    box,
    contents,
    disc,
    discs_fold,
    png,
    prepare_folder,
    write_frame,
)
from train import prepare


def test_all_classes_are_kept_where_they_are_asked_for(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--classes", "all", "--size", "128") == 0
    line = lines_of(tmp_path / "dataset")["001_1_001"]
    assert [line[f"{name}_area_px"] for name in ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum")] == [
        *(100, 80, 400, 0)
    ]
    told = provenance_of(tmp_path / "dataset")
    assert told["palette"] == {
        "0": "background",
        "1": "lumen",
        "2": "fibrous_cap",
        "3": "lipid_core",
        "4": "vasa_vasorum",
    }


def test_some_classes_are_kept_in_the_order_of_the_table(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--classes", "lipid_core, lumen") == 0
    assert provenance_of(tmp_path / "dataset")["classes"] == ["lumen", "lipid_core"]
    mask = np.asarray(Image.open(next((tmp_path / "dataset").glob("*/masks/001_1_001.png"))))
    assert set(np.unique(mask)) == {0, 1, 3}


def test_a_split_by_frame_is_marked_as_leaking_wherever_one_may_look(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "dataset"
    assert prepare_folder(fold, out, *CC_BY, "--split", "frame", "--validation-share", "0.5") == 0
    assert "LEAKING SPLIT" in capsys.readouterr().out
    lines = lines_of(out).values()
    assert Counter(line["split"] for line in lines) == {"train": 4, "validation": 4}
    assert all(line["split_leaks"] is True for line in lines)
    assert provenance_of(out)["split"]["leaks"] is True
    card = (out / "README.md").read_text()
    assert "> **LEAKING SPLIT" in card
    assert "leaking-split" in card
    assert "leaks" in (out / "ATTRIBUTION.md").read_text()
    assert checked(out, capsys) == ""


def test_a_split_by_study_is_not_marked_as_leaking(made: Path) -> None:
    assert provenance_of(made)["split"]["leaks"] is False
    assert "LEAKING" not in (made / "README.md").read_text()
    assert all("split_leaks" not in line for line in lines_of(made).values())


def test_without_a_split_all_frames_are_for_training(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--split", "none") == 0
    assert {line["split"] for line in lines_of(tmp_path / "dataset").values()} == {"train"}
    assert checked(tmp_path / "dataset", capsys) == ""


def test_one_study_alone_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fold = discs_fold(tmp_path / "fold", ["001"])
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY) == 1
    assert "add studies, or ask for --split none" in capsys.readouterr().err


def test_folds_number_every_study_and_the_chosen_one_validates(fold: Path, tmp_path: Path) -> None:
    flags = ("--folds", "4", "--validation-fold", "2")
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, *flags) == 0
    lines = lines_of(tmp_path / "dataset").values()
    assert all((line["fold"] == 2) == (line["split"] == "validation") for line in lines)
    folds = {(line["study"], line["fold"]) for line in lines}
    assert sorted(fold for _, fold in folds) == [1, 2, 3, 4]


def test_the_folds_are_the_same_whichever_validates(fold: Path, tmp_path: Path) -> None:
    fold_of = []
    for number in ("1", "3"):
        assert prepare_folder(fold, tmp_path / number, *CC_BY, "--folds", "3", "--validation-fold", number) == 0
        fold_of.append({stem: line["fold"] for stem, line in lines_of(tmp_path / number).items()})
    assert fold_of[0] == fold_of[1]


def test_studies_held_out_are_the_test_part(fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--holdout", "002,004") == 0
    lines = lines_of(tmp_path / "dataset").values()
    assert {line["study"] for line in lines if line["split"] == "test"} == {"002", "004"}
    assert Counter(line["split"] for line in lines) == {"train": 2, "validation": 2, "test": 4}
    assert checked(tmp_path / "dataset", capsys) == ""


def test_a_study_held_out_is_in_no_fold(fold: Path, tmp_path: Path) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--folds", "3", "--holdout", "003") == 0
    lines = lines_of(tmp_path / "dataset").values()
    assert all((line["study"] == "003") == (line["fold"] == 0) == (line["split"] == "test") for line in lines)


def test_the_named_hold_out_takes_those_of_its_studies_that_are_there(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "008", "010", "087"))
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--holdout", "radialmamba") == 0
    assert provenance_of(tmp_path / "dataset")["split"]["studies"]["test"] == ["008", "087"]
    assert provenance_of(tmp_path / "dataset")["split"]["holdout"] == "radialmamba"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--holdout", "009"), "none of the studies to hold out is among the frames"),
        (("--holdout", "001,009"), "there is no study 009 to hold out"),
        (("--studies", "001,7"), "there is no study 7; there are 001, 002, 003, 004"),
        (("--classes", "calcium"), "there is no class calcium"),
        (("--class-map", "lumen"), "is no class map"),
        (("--name-pattern", r"(\d+)"), "needs a group"),
        (("--study-csv", "missing.csv"), "missing.csv cannot be read"),
        (("--size", "16"), "between 64 and 2048"),
        (("--validation-share", "20"), "between 0 and 1, not 20"),
        (("--folds", "9"), "9 folds by study need as many studies"),
        (("--split", "frame", "--holdout", "001"), "by frame it would leak"),
    ],
)
def test_what_the_frames_do_not_allow_is_told_in_one_line(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], said: str
) -> None:
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, *flags) == 1
    told = capsys.readouterr().err
    assert told.startswith("train.prepare: ")
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize(
    ("flags", "advice"),
    [
        ("--source folder --data x", "--out DIR is needed"),
        ("--parquet x", "--out DIR is needed"),
        ("--out y", "say where frames come from"),
        ("--source zenodo --private --out y", "go with --source folder"),
        ("--source zenodo --data x --out y", "go with --source folder"),
        ("--source zenodo --images x --masks x --out y", "go with --source folder"),
        ("--source folder --images x --out y", "--images and --masks go together"),
        ("--source folder --masks x --out y", "--images and --masks go together"),
        ("--source folder --out y", "needs --data PATH, or --images and --masks"),
        ("--source folder --data x --images x --masks x --out y", "needs --data PATH, or --images and --masks"),
        ("--source folder --data x --private --license cc-by-4.0 --out y", "takes no --license"),
        ("--source folder --data x --dry-run", "--source folder fetches nothing"),
        ("--source folder --data x --out y --studies ,", "name at least one study"),
        ("--source folder --data x --out y --folds 0", "must be a whole number from 1, not 0"),
        ("--source folder --data x --out y --max-frames-per-study -3", "must be a whole number from 1, not -3"),
        ("--source folder --data x --out y --workers many", "must be a whole number from 1, not many"),
        ("--source elsewhere --out y", "invalid choice"),
        ("--source folder --data x --out y --split patient", "invalid choice"),
    ],
)
def test_flags_that_make_no_sense_end_with_status_2_and_advice(
    capsys: pytest.CaptureFixture[str], flags: str, advice: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        prepare.main(flags.split())
    assert ended.value.code == 2
    assert advice in capsys.readouterr().err


def test_a_few_frames_of_each_study_can_be_taken(fold: Path, tmp_path: Path) -> None:
    flags = ("--studies", "001,003", "--max-frames-per-study", "1")
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, *flags) == 0
    assert set(lines_of(tmp_path / "dataset")) == {"001_1_001", "003_1_001"}
    attribution = (tmp_path / "dataset" / "ATTRIBUTION.md").read_text()
    assert "only the studies 001, 003 taken" in attribution
    assert "at most 1 frames of each study taken" in attribution


def test_frames_taken_of_a_study_are_spread_evenly(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "002"), per_study=9)
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--max-frames-per-study", "3") == 0
    frames = [line["frame"] for line in lines_of(tmp_path / "dataset").values() if line["study"] == "001"]
    assert sorted(frames) == [1, 4, 7]


def test_studies_whose_names_differ_in_an_umlaut_keep_their_own_frames(tmp_path: Path) -> None:
    rows = ["file,study,frame"]
    for place, study in enumerate(("Müller", "Möller")):
        write_frame(
            tmp_path / "fold",
            f"f{place}",
            disc(place, 64, 64, radius_px=30.0),
            {"lipid_core": box(20, 20, 5, 5, (64, 64))},
        )
        rows.append(f"f{place}.png,{study},1")
    (tmp_path / "names.csv").write_text("\n".join(rows), encoding="utf-8")
    flags = ("--study-csv", str(tmp_path / "names.csv"), "--workers", "1")
    assert prepare_folder(tmp_path / "fold", tmp_path / "dataset", *flags) == 0
    for split in ("train", "validation"):
        (line,) = read_lines(tmp_path / "dataset", split)
        frame = np.asarray(Image.open(tmp_path / "dataset" / split / line["image_file_name"]))
        place = ("Müller", "Möller").index(line["study"])
        np.testing.assert_array_equal(frame, disc(place, 64, 64, radius_px=30.0))


def test_binary_masks_of_a_lab_are_read_from_two_folders(tmp_path: Path) -> None:
    for study in ("A", "B"):
        for kind, content in (("pics", png(disc(ord(study)))), ("truth", png(box(30, 40, 20, 20) * np.uint8(255)))):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{study}-7{'_seg' * (kind == 'truth')}.png").write_bytes(content)
    flags = ["--source", "folder", "--images", str(tmp_path / "pics"), "--masks", str(tmp_path / "truth")]
    flags += ["--name-pattern", "(?P<study>[A-Z])-(?P<frame>[0-9]+)", "--size", "64", "--out", str(tmp_path / "out")]
    assert prepare.main([*flags, *CC_BY]) == 0
    lines = lines_of(tmp_path / "out")
    assert {stem: line["lipid_core_area_px"] for stem, line in lines.items()} == {"A_1_007": 100, "B_1_007": 100}


def test_a_zip_file_gives_the_same_frames_as_its_folder(fold: Path, made: Path, tmp_path: Path) -> None:
    archive = tmp_path / "fold_1.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in contents(fold).items():
            target.writestr(f"fold_1/{name}", content)
    assert prepare_folder(archive, tmp_path / "dataset", *CC_BY) == 0
    here, there = contents(tmp_path / "dataset"), contents(made)
    told = {"provenance.json", "README.md", "SHA256SUMS"}
    assert {name: here[name] for name in here.keys() - told} == {name: there[name] for name in there.keys() - told}
    (source,) = provenance_of(tmp_path / "dataset")["source"]["files"]
    assert source["file"] == "fold_1.zip"
    assert source["bytes"] == archive.stat().st_size
    assert source["md5"] == subprocess.run(["md5sum", archive], capture_output=True, text=True).stdout[:32]


def test_a_zip_file_whose_download_was_cut_off_is_refused(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "fold_1.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in contents(fold).items():
            target.writestr(name, content)
    archive.write_bytes(archive.read_bytes()[:-500])
    assert prepare_folder(archive, tmp_path / "dataset", *CC_BY) == 1
    assert "its download is not complete" in capsys.readouterr().err
