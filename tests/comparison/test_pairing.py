"""Which frames of two readings are one, where patients' frames are named alike."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.comparison.formats import open_reading
from octseg.comparison.pairing import paired
from octseg.comparison.reading import FrameRead, Reading
from octseg.drawing.palette import palette_image
from octseg.errors import ReadError
from octseg.export.contours.coco import write_coco
from octseg.export.contours.labelme import write_labelme
from octseg.export.segmented import Segmented
from tests.fakes.exported import segmented

CLASSES = ("lumen",)


def drawn(side: int) -> np.ndarray:
    mask = np.zeros((40, 40), bool)
    mask[:side, :side] = True
    return mask


def results(root: Path, *, sha256: bool = False) -> Path:
    """Of frame_1 and frame_2 of P01 and of P02, whose lumens are squares of 11, 12, 21 and 22 pixels."""
    root.mkdir()
    records = []
    for patient in (1, 2):
        for number in (1, 2):
            mask = f"frame_{number}{'' if patient == 1 else '-2'}_mask.png"
            palette_image({"lumen": drawn(10 * patient + number)}).save(root / mask)
            about = {"file": f"frame_{number}.png", "folder": f"P0{patient}", "frame": number, "mask_file": mask}
            of_pixels = {"frame_sha256": f"{patient}{number}" * 32} if sha256 else {}
            records.append({**about, **of_pixels, "pixel_spacing_mm": None, "withdrawn": None})
    (root / "measures.json").write_text(json.dumps({"frames": records}))
    return root


def masks(root: Path, *patients: int) -> Path:
    """Of the same frames, in folders of their own."""
    for patient in patients:
        folder = root / f"P0{patient}"
        folder.mkdir(parents=True)
        for number in (1, 2):
            pixels = drawn(10 * patient + number).astype(np.uint8) * 255
            Image.fromarray(pixels).save(folder / f"frame_{number}.png")
    return root


def sides(found: Reading, reference: Reading) -> list[tuple[int, int]]:
    """Of the lumens that are taken for one."""
    pairs, _ = paired(found, reference)
    return [tuple(int(np.sqrt(each.read()["lumen"].sum())) for each in pair) for pair in pairs]  # type: ignore[misc]


@pytest.mark.parametrize("patient", [1, 2])
def test_one_patient_s_masks_are_those_of_the_folder_of_its_name(tmp_path: Path, patient: int) -> None:
    found = open_reading(results(tmp_path / "out"))
    reference = open_reading(masks(tmp_path / "masks", 1, 2) / f"P0{patient}", binary_class="lumen")
    first = 10 * patient
    assert sides(found, reference) == [(first + 1, first + 1), (first + 2, first + 2)]
    assert sides(reference, found) == [(first + 1, first + 1), (first + 2, first + 2)]


def test_masks_in_a_folder_for_each_patient_are_paired_by_these(tmp_path: Path) -> None:
    tree = masks(tmp_path / "masks", 2, 1)
    found, reference = open_reading(results(tmp_path / "out")), open_reading(tree, binary_class="lumen")
    same = [(11, 11), (12, 12), (21, 21), (22, 22)]
    assert sides(found, reference) == same
    assert sides(reference, reference) == same


def test_masks_of_nobody_knows_whom_are_refused(tmp_path: Path) -> None:
    found = open_reading(results(tmp_path / "out"))
    (masks(tmp_path / "masks", 2) / "P02").rename(tmp_path / "expert")
    reference = open_reading(tmp_path / "expert", binary_class="lumen")
    with pytest.raises(ReadError, match=r"out has frame_1 in several folders \(P01, P02\), and expert does not tell"):
        paired(found, reference)


def test_masks_named_as_the_results_name_them_are_those(tmp_path: Path) -> None:
    found = open_reading(results(tmp_path / "out"))
    (tmp_path / "edited").mkdir()
    for path in (tmp_path / "out").glob("*_mask.png"):
        path.replace(tmp_path / "edited" / path.name)
    other = [replace(each, read=lambda: {"lumen": drawn(5)}) for each in found.frames]
    assert sides(replace(found, frames=other), open_reading(tmp_path / "edited")) == [(5, n) for n in (11, 12, 21, 22)]


def test_a_file_says_in_which_folder_its_frames_lie() -> None:
    """As COCO's file_name may."""
    frames = [
        FrameRead(f"f{'-2' if n else ''}", 1, dict, folder=f"P0{n + 1}", own_stem="f" if n else None) for n in (0, 1)
    ]
    found = Reading("out", frames, CLASSES)
    reference = Reading("x.json", [FrameRead("f", 1, dict, folder="data/P02"), FrameRead("g", 2, dict)], CLASSES)
    [(ours, _)], _ = paired(found, reference)
    assert ours.folder == "P02"


@pytest.mark.parametrize("write", [write_coco, write_labelme])
def test_what_was_exported_of_one_patient_knows_its_frames_by_their_pixels(tmp_path: Path, write: object) -> None:
    made = segmented(count=2)
    records = [{**each, "frame_sha256": f"2{number}" * 32} for number, each in enumerate(made.records, 1)]
    told: Segmented = replace(made, records=records, stems=["frame_1", "frame_2"])
    (tmp_path / "P02_frames").mkdir()
    names = write(told, tmp_path, "P02")  # type: ignore[operator]
    found = open_reading(results(tmp_path / "out", sha256=True))
    exported = (tmp_path / names[0]) if len(names) == 1 else (tmp_path / names[0]).parent
    pairs, _ = paired(found, open_reading(exported))
    assert [(ours.folder, theirs.stem) for ours, theirs in pairs] == [("P02", "frame_1"), ("P02", "frame_2")]


def test_frames_exported_anew_are_those_of_their_folder_though_their_pixels_are_others(tmp_path: Path) -> None:
    """A hash that no frame of the other has tells nothing."""
    found = open_reading(results(tmp_path / "out", sha256=True))
    anew = [
        FrameRead(f"frame_{n}", n, lambda n=n: {"lumen": drawn(20 + n)}, sha256="0" * 64, folder="P02") for n in (1, 2)
    ]
    assert sides(found, Reading("P02", anew, CLASSES)) == [(21, 21), (22, 22)]


def test_frames_beside_and_in_a_folder_are_paired_with_masks_that_lie_so(tmp_path: Path) -> None:
    frames = [FrameRead("f", 1, dict), FrameRead("f-2", 1, dict, folder="sub", own_stem="f")]
    tree = [
        FrameRead("./f", 1, dict, folder=".", own_stem="f"),
        FrameRead("sub/f", 1, dict, folder="sub", own_stem="f"),
    ]
    pairs, _ = paired(Reading("out", frames, CLASSES), Reading("masks", tree, CLASSES))
    assert [(ours.folder, theirs.folder) for ours, theirs in pairs] == [("", "."), ("sub", "sub")]


def test_pictures_in_folders_below_others_are_told_and_not_read(tmp_path: Path) -> None:
    (masks(tmp_path / "b", 1) / "P01").rename(tmp_path / "tree")
    (masks(tmp_path / "c", 2) / "P02").rename(tmp_path / "tree" / "old")
    reading = open_reading(tmp_path / "tree", binary_class="lumen")
    assert [frame.stem for frame in reading.frames] == ["frame_1", "frame_2"]
    assert reading.notes == ("pictures in folders below tree are not read (2): give such a folder by itself",)


def test_of_each_patient_s_folder_the_files_named_as_masks_are_read(tmp_path: Path) -> None:
    tree = masks(tmp_path, 1)
    for path in sorted((tree / "P01").iterdir()):
        path.rename(path.with_name(f"{path.stem}_mask.png"))
    shades = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(shades).save(tree / "P01" / "frame_1_overlay.png")
    assert [frame.stem for frame in open_reading(tree, binary_class="lumen").frames] == ["frame_1", "frame_2"]


def test_letters_that_a_disk_parts_from_their_accents_are_the_same() -> None:
    names = ("Mu\u0308ller_1", "Mu\u0308ller_2"), ("M\u00fcller_1", "M\u00fcller_2")
    first, second = (Reading("r", [FrameRead(name, None, dict) for name in of], CLASSES) for of in names)
    assert len(paired(first, second)[0]) == 2
