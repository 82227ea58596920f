"""Whole runs of train.prepare on folders whose studies a CSV file tells."""

from pathlib import Path

import pytest

from tests.fakes.dataset import lines_of, provenance_of
from tests.fakes.prepared import box, disc, planes_of, png, prepare_folder
from train import prepare


def frames_of_patients(root: Path) -> Path:
    """images/P1/frame_001.png and so on: P1 has frames 1 and 2, P2 2 and 3, and twice as many pixels of lipid."""
    rows = ["file,study"]
    for patient, frame in ((1, 1), (1, 2), (2, 2), (2, 3)):
        name = f"P{patient}/frame_{frame:03d}.png"
        lipid = planes_of({"lipid_core": box(40, 40, patient * 10, 20)})[..., 2]
        for kind, content in (("images", png(disc(10 * patient + frame))), ("masks", png(lipid))):
            (root / kind / name).parent.mkdir(parents=True, exist_ok=True)
            (root / kind / name).write_bytes(content)
        rows.append(f"C:\\lab\\{name.replace('/', chr(92))},patient {patient}")
    (root / "studies.csv").write_text("\n".join(rows))
    return root


@pytest.mark.parametrize("way", ["data", "two folders"])
def test_each_patient_keeps_its_own_frames_though_all_bear_the_same_names(tmp_path: Path, way: str) -> None:
    root = frames_of_patients(tmp_path / "lab")
    two = ("--images", str(root / "images"), "--masks", str(root / "masks"))
    given = ("--data", str(root)) if way == "data" else two
    flags = ("--source", "folder", *given, "--study-csv", str(root / "studies.csv"), "--size", "128")
    assert prepare.main([*flags, "--out", str(tmp_path / "dataset")]) == 0
    found = {
        (line["study"], line["frame"], line["lipid_core_area_px"]) for line in lines_of(tmp_path / "dataset").values()
    }
    assert found == {("patient 1", 1, 200), ("patient 1", 2, 200), ("patient 2", 2, 400), ("patient 2", 3, 400)}


def test_of_a_private_file_that_is_there_twice_no_name_is_written(tmp_path: Path) -> None:
    root = frames_of_patients(tmp_path / "lab")
    for kind in ("images", "masks"):
        source = root / kind / "P1" / "frame_001.png"
        (root / kind / "P1" / "frame_001.bmp").write_bytes(source.read_bytes())
    flags = ("--study-csv", str(root / "studies.csv"), "--private")
    assert prepare_folder(root, tmp_path / "dataset", *flags) == 0
    left_out = provenance_of(tmp_path / "dataset")["excluded"]
    assert len(left_out) == 2
    assert "frame_001" not in str(left_out)
