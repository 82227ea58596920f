"""A reader's corrections: kept whatever ends the process, undone across frames, and of these frames alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.classes import PALETTE
from octseg.correction.frames import CaseFrames
from octseg.correction.log import CorrectionLog, head_of
from octseg.correction.measuring import Measuring
from octseg.correction.runs import changes
from octseg.errors import CorrectionError, HeldError
from octseg.export.png import indexed_png
from octseg.export.provenance import made_here
from tests.fakes.corrected import LIPID, LUMEN, SIDE, disc, opened, painted, save_results, vessel

FIRST, SECOND = "vessel_0001", "vessel_0002"
SPOT = disc((SIDE, SIDE), 80, 352, 12)  # in the wall, where there is no tissue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_results(tmp_path, vessel(2))


def draw(corrections, frame: str, mask: np.ndarray, label: int = LIPID, **more: bool) -> None:
    before = corrections.labels(frame)
    corrections.draw(frame, "brush", changes(before, painted(before, mask, label)), "lipid_core", **more)


def test_a_stroke_is_there_when_the_log_is_opened_again(folder: Path) -> None:
    case, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    drawn = corrections.labels(FIRST).copy()
    corrections.log.close()
    assert (drawn[SPOT] == LIPID).all()
    _, again = opened(folder)
    np.testing.assert_array_equal(again.labels(FIRST), drawn)
    np.testing.assert_array_equal(again.labels(SECOND), case.labels(SECOND))
    assert again.touched() == [FIRST]
    assert again.state(FIRST) == "corrected"
    assert again.state(SECOND) == "model"


@pytest.mark.parametrize("runs", [[], [0, 3, 0, 0], [0, 3, 0, 0, 5, 2, 0, 0]])
def test_a_stroke_that_changes_nothing_is_none(folder: Path, runs: list[int]) -> None:
    _, corrections = opened(folder)
    log = corrections.log.content()
    with pytest.raises(CorrectionError, match="no stroke"):
        corrections.draw(FIRST, "brush", runs, "lipid_core")
    assert corrections.state(FIRST) == "model"
    assert corrections.touched() == []
    assert not corrections.can_undo
    assert corrections.log.content() == log


def test_the_log_says_who_when_of_what_and_by_which_model(folder: Path) -> None:
    case, corrections = opened(folder, reader="AB")
    draw(corrections, FIRST, SPOT)
    head, line = map(json.loads, corrections.log.path.read_text().splitlines())
    assert head["model"]["sha256"] == "cd" * 32
    assert line["reader"] == "AB"
    assert line["time"].startswith("20")
    assert line["frame_sha256"] == case.record(FIRST)["frame_sha256"]
    assert (line["number"], line["class"], line["kind"]) == (1, "lipid_core", "brush")
    assert sum(line["runs"][1::4]) == SPOT.sum()


def test_undo_and_redo_go_across_frames_and_a_new_opening(folder: Path) -> None:
    _, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    draw(corrections, SECOND, SPOT)
    assert corrections.undo() == SECOND
    corrections.log.close()
    case, again = opened(folder)
    np.testing.assert_array_equal(again.labels(SECOND), case.labels(SECOND))
    assert again.undo() == FIRST
    np.testing.assert_array_equal(again.labels(FIRST), case.labels(FIRST))
    assert again.undo() is None
    assert again.redo() == FIRST
    assert again.redo() == SECOND
    assert again.redo() is None
    assert (again.labels(SECOND)[SPOT] == LIPID).all()


def test_a_new_stroke_ends_what_can_be_done_again(folder: Path) -> None:
    _, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    corrections.undo()
    assert corrections.can_redo
    draw(corrections, SECOND, SPOT)
    assert not corrections.can_redo


@pytest.mark.parametrize("cut", [1, 30])
def test_a_line_that_a_crash_cut_off_is_left_out_and_no_other(folder: Path, cut: int) -> None:
    _, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    draw(corrections, SECOND, SPOT)
    path = corrections.log.path
    corrections.log.close()
    path.write_bytes(path.read_bytes()[:-cut])
    _, again = opened(folder)
    assert "cut off" in again.log.note
    assert again.touched() == [FIRST]
    draw(again, SECOND, SPOT)
    again.log.close()
    assert opened(folder)[1].touched() == [FIRST, SECOND]


def test_a_line_that_is_damaged_in_the_middle_is_told(folder: Path) -> None:
    _, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    draw(corrections, SECOND, SPOT)
    corrections.log.close()
    lines = corrections.log.path.read_text().splitlines()
    corrections.log.path.write_text("\n".join([lines[0], lines[1][:50], lines[2]]) + "\n")
    with pytest.raises(CorrectionError, match=r"line 2 of corrections\.jsonl is damaged"):
        opened(folder)


def test_a_log_of_other_frames_is_refused(folder: Path, tmp_path: Path) -> None:
    _, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    corrections.log.close()
    other = save_results(tmp_path / "other", vessel(2, seed=4))
    (other / "corrections.jsonl").write_bytes(corrections.log.path.read_bytes())
    with pytest.raises(CorrectionError, match="of other frames: vessel_0001"):
        opened(other)


def test_a_log_of_another_models_outlines_is_refused(folder: Path) -> None:
    case, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    corrections.log.close()
    run = {**case.run, "model": {**case.run["model"], "sha256": "00" * 32}}
    with pytest.raises(CorrectionError, match="another model"):
        CorrectionLog(corrections.log.path, head_of(run, ""))


def test_outlines_that_were_made_anew_are_told(folder: Path) -> None:
    _, corrections = opened(folder)
    draw(corrections, FIRST, SPOT)
    corrections.log.close()
    mask = folder / f"{FIRST}_mask.png"
    with Image.open(mask) as picture:
        labels = np.asarray(picture)
    mask.write_bytes(indexed_png(painted(labels, SPOT, LUMEN), PALETTE, made_here()))
    with pytest.raises(CorrectionError, match="other outlines of vessel_0001 than those that lie here"):
        opened(folder)[1].labels(FIRST)


def test_one_process_corrects_a_case_at_a_time(folder: Path) -> None:
    _, corrections = opened(folder)
    with pytest.raises(HeldError, match="another run is correcting results"):
        opened(folder)
    corrections.log.close()
    assert not corrections.log.path.exists()  # nothing was drawn


def test_lipid_in_the_lumen_is_drawn_only_knowingly(folder: Path) -> None:
    case, corrections = opened(folder)
    lumen = case.labels(FIRST) == LUMEN
    with pytest.raises(CorrectionError, match="Overrule"):
        draw(corrections, FIRST, lumen)
    assert corrections.revision == 0
    draw(corrections, FIRST, lumen, overruled=True)
    assert corrections.strokes(FIRST)[0].overruled


def test_numbers_follow_and_the_saved_ones_stay(folder: Path) -> None:
    case, corrections = opened(folder)
    measuring = Measuring(case, CaseFrames(case))
    before = measuring.original(FIRST)
    draw(corrections, FIRST, case.labels(FIRST) > LUMEN, label=0)
    after = measuring.result(FIRST, corrections.labels(FIRST))
    mm = case.record(FIRST)["pixel_spacing_mm"]
    assert after.measures.lipid_arc_deg == 0
    assert after.measures.lumen_area_mm2 == pytest.approx((case.labels(FIRST) == LUMEN).sum() * mm**2, rel=0.01)
    assert before.measures.lumen_area_mm2 == pytest.approx(case.record(FIRST)["lumen_area_mm2"], rel=1e-6)


def test_two_thousand_strokes_are_read_again(folder: Path) -> None:
    case, corrections = opened(folder)
    shape = case.labels(FIRST).shape
    for number in range(40):
        draw(corrections, FIRST, disc(shape, 60 + number, 352, 9), label=0 if number % 2 else LIPID, overruled=True)
    path = corrections.log.path
    corrections.log.close()
    lines = path.read_text().splitlines()
    strokes, undone = lines[1:], [json.dumps({"kind": "undo", "of": number}) for number in range(40, 0, -1)]
    path.write_text("\n".join([lines[0], *(strokes + undone) * 24, *strokes]) + "\n")
    _, again = opened(folder)
    assert (again.labels(FIRST) != case.labels(FIRST)).any()
    assert again.revision == 2 * 40 * 24 + 40
