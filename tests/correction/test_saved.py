"""Saved results opened without a model: what is opened, where its frames come from, and what is refused and why."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hub.cases import Case, plan
from octseg.correction.corrections import Corrections
from octseg.correction.frames import CaseFrames, Given
from octseg.correction.measuring import Measuring
from octseg.correction.saved import open_saved
from octseg.correction.unpacking import unpacked
from octseg.drawing.palette import palette_indices
from octseg.errors import CorrectionError, OwnResultError
from octseg.export.kept import Kept
from octseg.export.provenance import run_record
from octseg.pullback import Pullback
from octseg.reading import read_pullback
from octseg.ui.downloads import files_of
from tests.fakes.corrected import MODEL, SIDE, disc, opened, result_of, save_results, vessel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_results(tmp_path, vessel(3), frames=False)


def stack(path: Path, frames: list[np.ndarray]) -> Given:
    first, *others = map(Image.fromarray, frames)
    first.save(path, save_all=True, append_images=others)
    return Given(("vessel.dcm",), lambda: [read_pullback(path)])


def test_frames_are_taken_from_what_was_given(folder: Path, tmp_path: Path) -> None:
    case = open_saved(folder)
    assert CaseFrames(case).missing() == list(case.stems)
    frames = CaseFrames(case, [stack(tmp_path / "v.tif", [each.frame for each in vessel(3)])])
    assert frames.missing() == []
    np.testing.assert_array_equal(frames("vessel_0002"), vessel(3)[1].frame)


def test_a_frame_of_other_pixels_is_refused(folder: Path, tmp_path: Path) -> None:
    others = [each.frame for each in vessel(3)]
    others[1] = others[1] // 2
    frames = CaseFrames(open_saved(folder), [stack(tmp_path / "v.tif", others)])
    frames("vessel_0001")
    with pytest.raises(CorrectionError, match=r"frame 2 of vessel\.dcm is not the one that was outlined"):
        frames("vessel_0002")


def test_of_two_files_of_one_name_the_right_one_is_taken(folder: Path, tmp_path: Path) -> None:
    right = stack(tmp_path / "v.tif", [each.frame for each in vessel(3)])
    wrong = stack(tmp_path / "w.tif", [each.frame for each in vessel(3, seed=4)])
    frames = CaseFrames(open_saved(folder), [wrong, right])
    np.testing.assert_array_equal(frames("vessel_0003"), vessel(3)[2].frame)


def test_what_the_page_gives_of_a_pullback_is_opened_as_it_is(tmp_path: Path) -> None:
    phantoms = vessel(3)
    (tmp_path / "kept").mkdir()
    kept = Kept(tmp_path / "kept")
    for number, phantom in enumerate(phantoms, start=1):
        kept.add(replace(result_of(phantom, number), name="IMG001", file="IMG001"))
    pullback = Pullback(name="IMG001", frame_count=3, read_frames=lambda: iter([each.frame for each in phantoms]))
    out = tmp_path / "unpacked"
    out.mkdir()
    files_of(["tables", "masks", "labelme"], kept.segmented(pullback), out, "IMG001")
    case = open_saved(out)
    frames = CaseFrames(case)
    assert list(case.stems) == ["IMG001_0001", "IMG001_0002", "IMG001_0003"]
    assert frames.missing() == []
    np.testing.assert_array_equal(case.labels("IMG001_0002"), palette_indices(phantoms[1].masks))
    np.testing.assert_array_equal(frames("IMG001_0002"), phantoms[1].frame)


def test_doubt_lies_beside_its_mask_and_is_no_frame(tmp_path: Path) -> None:
    doubt = disc((SIDE, SIDE), 300, 300, 20).astype(np.uint8) * 128
    folder = save_results(tmp_path, vessel(3), frames=False, withdrawn=2, doubt=doubt)
    case = open_saved(folder)
    assert [case.doubt(stem) is not None for stem in case.stems] == [True, False, True]
    np.testing.assert_array_equal(case.doubt("vessel_0001"), doubt)
    assert case.doubt("vessel_0002") is None
    with pytest.raises(OwnResultError, match="another picture that this program drew"):
        read_pullback(folder / "vessel_0001_doubt.png")
    Image.new("L", (3, 3)).save(folder / "vessel_0003_doubt.png")  # of another frame
    assert case.doubt("vessel_0003") is None


def test_what_the_page_gives_holds_its_doubt(tmp_path: Path) -> None:
    doubt = disc((SIDE, SIDE), 300, 300, 20).astype(np.uint8) * 255
    kept, out = Kept(tmp_path), tmp_path / "unpacked"
    kept.add(replace(result_of(vessel(3)[0], 1), doubt=doubt))
    kept.add(result_of(vessel(3)[1], 2))
    out.mkdir()
    pullback = Pullback(name="vessel", frame_count=2, read_frames=lambda: iter([each.frame for each in vessel(3)]))
    files_of(["tables", "masks"], kept.segmented(pullback), out, "vessel")
    case = open_saved(out)
    np.testing.assert_array_equal(case.doubt("vessel_0001"), doubt)
    assert case.doubt("vessel_0002") is None


def test_a_shared_case_is_opened_as_it_is(tmp_path: Path) -> None:
    result = result_of(vessel(3)[1], 1)
    overlay = np.asarray(result.overlay())
    run, record = run_record(MODEL, "cpu", "torch", "f32"), result.to_record()
    shared = plan(Case(frame=result.frame, mask=palette_indices(result.masks), overlay=overlay, run=run, record=record))
    for name, content in shared.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    case, corrections = opened(tmp_path / "cases" / shared.name)
    frames = CaseFrames(case)
    assert isinstance(corrections, Corrections)
    assert frames.missing() == []
    shown = Measuring(case, frames).original(next(iter(case.stems)))
    assert shown.measures.lumen_area_mm2 == record["lumen_area_mm2"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda told: told.pop("model"), "is not one that this version writes"),
        (lambda told: told["frames"][0].pop("frame_sha256"), "is not one that this version writes"),
        (lambda told: told["frames"][0].update(frame_sha256="x"), "is not one that this version writes"),
        (lambda told: told["frames"][0].update(pixel_spacing_mm="0.01"), "is not one that this version writes"),
        (lambda told: told.update(frames=[]), "or has no frame"),
        (lambda told: told["frames"][0].update(mask_file="../up.png", file="x.png"), "the mask of frame 1"),
        (lambda told: told["frames"][1].update(mask_file="vessel_0001_mask.png"), "names one mask for two frames"),
    ],
)
def test_results_that_are_none_are_refused(folder: Path, damage, said: str) -> None:
    told = json.loads((folder / "measures.json").read_text())
    damage(told)
    (folder / "measures.json").write_text(json.dumps(told))
    with pytest.raises(CorrectionError, match=said):
        open_saved(folder)


def test_a_folder_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorrectionError, match=r"has no measures\.json"):
        open_saved(tmp_path)
    with pytest.raises(CorrectionError, match="there is no folder"):
        open_saved(tmp_path / "none")


def test_a_mask_that_is_another_picture_is_told_when_it_is_asked_for(folder: Path) -> None:
    case = open_saved(folder)
    Image.fromarray(np.zeros((704, 704), np.uint8)).save(folder / "vessel_0001_mask.png")
    with pytest.raises(CorrectionError, match="is no palette mask of its frame"):
        case.labels("vessel_0001")


def zipped(folder: Path, path: Path, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(folder.rglob("*.*")):
            if each.is_file():
                archive.write(each, each.relative_to(folder))
        for name, content in more.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def test_a_zip_file_is_unpacked_beside_it_and_found_again(tmp_path: Path) -> None:
    path = zipped(save_results(tmp_path, vessel(3)), tmp_path / "IMG001_results.zip")
    folder = unpacked(path)
    case = open_saved(folder)
    assert folder == tmp_path / "IMG001_results"
    assert CaseFrames(case).missing() == []
    (folder / "corrections.jsonl").write_text("kept")
    assert unpacked(path) == folder
    assert (folder / "corrections.jsonl").read_text() == "kept"


def test_a_zip_file_that_was_damaged_on_its_way_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "run_results.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.json", bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    content[40:60] = b"\xff" * 20  # within what was deflated
    path.write_bytes(content)
    with pytest.raises(CorrectionError, match="can be unpacked; download it again"):
        unpacked(path)


def test_a_zip_file_of_something_else_is_not_unpacked(tmp_path: Path, folder: Path) -> None:
    path = zipped(folder, tmp_path / "other.zip", run__exe=b"MZ")
    with pytest.raises(CorrectionError, match=r"it holds run\.exe"):
        unpacked(path)
    (tmp_path / "cut.zip").write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CorrectionError, match="can be unpacked"):
        unpacked(tmp_path / "cut.zip")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cut.zip", "other.zip", "results"]


def test_a_picture_beside_a_pullbacks_file_is_no_frame_of_it(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(3))
    told = json.loads((folder / "measures.json").read_text())
    lone = {**told["frames"][0], "file": "lone.png", "mask_file": "lone_mask.png"}
    (folder / "lone_mask.png").write_bytes((folder / "vessel_0001_mask.png").read_bytes())
    told["frames"].append(lone)
    (folder / "measures.json").write_text(json.dumps(told))
    case = open_saved(folder)
    assert case.vessels == {"vessel": ["vessel_0001", "vessel_0002", "vessel_0003"]}
    assert case.vessel("lone") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("frame_spacing_mm", "0.2"),
        ("frame_spacing_mm", True),
        ("frame_spacing_mm", float("inf")),
        ("frame_spacing_mm", -0.2),
        ("range", {"first_frame": "1", "last_frame": 2}),
        ("range", {"first_frame": 2, "last_frame": 1}),
        ("range", [1, 2]),
        ("warnings", None),
        ("warnings", [{}]),
        ("en_face", None),
        ("en_face", {}),
    ],
)
def test_a_vessel_that_no_run_writes_is_refused_in_a_sentence(tmp_path: Path, key: str, value: object) -> None:
    folder = save_results(tmp_path, vessel(2))
    told = json.loads((folder / "vessel_pullback.json").read_text())
    (folder / "vessel_pullback.json").write_text(json.dumps({**told, key: value}))
    with pytest.raises(CorrectionError, match=r"^vessel_pullback\.json is not one that this version writes"):
        open_saved(folder)


def test_a_corrected_frame_whose_intervals_are_all_none_has_none_along_the_vessel(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    told = json.loads((folder / "measures.json").read_text())
    told["frames"][0]["intervals_95"] = {"lumen_area_mm2": [1.0, 2.0], "lipid_arc_deg": None}
    told["frames"][1]["intervals_95"] = {"lumen_area_mm2": None, "lipid_arc_deg": None}
    (folder / "measures.json").write_text(json.dumps(told))
    assert [along.intervals for along in open_saved(folder).along("vessel")] == [{"lumen_area_mm2": (1.0, 2.0)}, None]


def test_frames_are_known_by_their_pixels_where_the_page_called_their_file_otherwise(
    folder: Path, tmp_path: Path
) -> None:
    """As a ZIP file, which is `vessel` on the page and `vessel.zip` at home."""
    case = open_saved(folder)
    right, other = tmp_path / "right.tif", tmp_path / "other.tif"
    stack(right, [phantom.frame for phantom in vessel(3)])
    stack(other, [phantom.frame for phantom in reversed(vessel(3))])
    given = [Given((path.name,), lambda path=path: [read_pullback(path)], (path,)) for path in (other, right)]  # type: ignore[misc]
    frames = CaseFrames(case, given)
    assert frames.missing() == []
    for stem, phantom in zip(case.stems, vessel(3), strict=True):
        np.testing.assert_array_equal(frames(stem), phantom.frame)
    assert CaseFrames(case, given[:1]).missing() == list(case.stems)
