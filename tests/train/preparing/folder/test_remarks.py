"""Frames that show what a network had better not learn: exchanged colours are put back, all else is told."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.fakes.dataset import provenance_of
from tests.fakes.prepared import phantom, prepare_folder, write_frame

CC_BY = ("--license", "cc-by-4.0")
STUDIES = ("001", "002", "003", "004")


def source(root: Path, *, bgr: str = "", outlined: str = "") -> Path:
    """A frame of each study; of one with red and blue exchanged, of one with the lipid's outline drawn into it."""
    for seed, study in enumerate(STUDIES, start=1):
        made = phantom(seed)
        frame = made.frame.copy()
        if study == outlined:
            cv2.circle(frame, (375, 375), 150, (255, 255, 0), 2)
        if study == bgr:
            frame = np.ascontiguousarray(frame[..., ::-1])
        write_frame(root / "train", f"{study}_1_001", frame, made.masks)
    return root


def frames_of(dataset: Path) -> dict[str, np.ndarray]:
    return {path.name: np.asarray(Image.open(path)) for path in dataset.glob("*/images/*.png")}


@pytest.mark.parametrize("study", ["001", "002"])
def test_exchanged_colours_are_put_back_and_told(study: str, tmp_path: Path) -> None:
    """Of a frame in sepia, and of a grey one that its ruler tells."""
    right, exchanged = source(tmp_path / "right"), source(tmp_path / "bgr", bgr=study)
    for data in (right, exchanged):
        assert prepare_folder(data, data.with_suffix(".dataset"), *CC_BY) == 0
    as_they_are, put_back = (frames_of(data.with_suffix(".dataset")) for data in (right, exchanged))
    for name, frame in as_they_are.items():
        np.testing.assert_array_equal(put_back[name], frame)
    told = provenance_of(tmp_path / "bgr.dataset")["changes"]
    assert "red, green and blue, which were exchanged, put back in 1 of the frames" in told
    assert not any("exchanged" in each for each in provenance_of(tmp_path / "right.dataset")["changes"])


def test_frames_with_something_drawn_over_them_are_named_wherever_one_may_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = tmp_path / "dataset"
    assert prepare_folder(source(tmp_path / "source", outlined="003"), dataset, *CC_BY) == 0
    said = "ines or labels are drawn over tissue in 1 of the frames (003_1_001): where they tell what is to be found"
    assert f"l{said}" in capsys.readouterr().out
    [remark] = provenance_of(dataset)["remarks"]
    assert remark.startswith(f"l{said}")
    assert f"* L{said}" in (dataset / "README.md").read_text()


def test_nothing_is_remarked_on_frames_as_a_console_shows_them(tmp_path: Path) -> None:
    assert prepare_folder(source(tmp_path / "source"), tmp_path / "dataset", *CC_BY) == 0
    assert provenance_of(tmp_path / "dataset")["remarks"] == []


def test_what_is_no_frame_of_oct_is_named(tmp_path: Path) -> None:
    data = source(tmp_path / "source")
    path = next((data / "train").rglob("004_1_001.png"))
    Image.fromarray(255 - np.asarray(Image.open(path).convert("L"))).convert("RGB").save(path)
    assert prepare_folder(data, tmp_path / "dataset", *CC_BY) == 0
    [remark] = provenance_of(tmp_path / "dataset")["remarks"]
    assert remark.startswith("no imaged disc, more than a frame, or other grey levels")
    assert "(004_1_001)" in remark


def test_one_picture_with_two_masks_is_named(tmp_path: Path) -> None:
    data = source(tmp_path / "source")
    seed = next(seed for seed in (1, 2, 3, 4) if phantom(seed).masks["lipid_core"].any())
    one = phantom(seed)
    none = {name: np.zeros_like(mask) for name, mask in one.masks.items()}
    write_frame(data / "train", f"00{seed}_1_002", one.frame, none)
    assert prepare_folder(data, tmp_path / "dataset", *CC_BY) == 0
    [remark] = provenance_of(tmp_path / "dataset")["remarks"]
    assert remark.startswith("2 of the frames are the very same pictures as others and have other masks")
    assert f"(00{seed}_1_001, 00{seed}_1_002)" in remark
