"""Two readers' logs of one case compared as they lie there."""

import json
from pathlib import Path

import numpy as np
import pytest

from octseg.cli import main
from octseg.correction.corrections import Corrections
from octseg.correction.log import LOG, CorrectionLog, head_of, log_name
from octseg.correction.reading import reading_of
from octseg.correction.runs import changes
from octseg.correction.saved import open_saved
from octseg.errors import CorrectionError
from tests.fakes.corrected import LUMEN, SIDE, disc, painted, save_results, vessel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frame 1 corrected by both, 2 by the first and accepted by the second, 3 rejected by one, 4 seen by one."""
    out = save_results(tmp_path, vessel(4))
    case = open_saved(out)
    for reader, radius, drawn in (("AB", 110.0, (1, 2, 3)), ("", 170.0, (1, 3, 4))):
        log = CorrectionLog(out / log_name(reader), head_of(case.run, reader))
        corrections = Corrections(case, log)
        for number in drawn:
            before = corrections.labels(f"vessel_{number:04d}")
            after = painted(before, disc(before.shape, SIDE / 2, SIDE / 2, radius), LUMEN)
            corrections.draw(f"vessel_{number:04d}", "brush", changes(before, after), "lumen", overruled=True)
        if reader == "AB":
            corrections.judge("vessel_0003", "rejected", "blood")
        else:
            corrections.judge("vessel_0002", "accepted")
        log.close()
    return out


def test_a_log_is_a_reading_of_all_frames_as_they_are_now(folder: Path) -> None:
    case = open_saved(folder)
    reading = reading_of(case, "AB")
    assert [frame.judged for frame in reading.frames] == [True, True, False, False]
    assert [frame.judged for frame in reading_of(case, "").frames] == [True, True, True, True]
    own = case.labels("vessel_0001") == LUMEN
    expected = own | disc((SIDE, SIDE), SIDE / 2, SIDE / 2, 110.0)
    np.testing.assert_array_equal(reading.frames[0].read()["lumen"], expected)
    np.testing.assert_array_equal(reading.frames[3].read()["lumen"], case.labels("vessel_0004") == LUMEN)


def test_the_command_compares_two_logs_and_draws_on_the_frames(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "agreement"
    assert main(["compare", str(folder), "--readers", "AB", "", "--out", str(out)]) == 0
    told = json.loads((out / "comparison.json").read_text())
    assert [frame["frame"] for frame in told["frames"]] == ["vessel_0001", "vessel_0002"]
    assert "2 frames that not both readers have corrected or accepted are left out" in capsys.readouterr().err
    page = (out / "comparison.html").read_text()
    assert "<b>AB</b> against <b>a reader without a name</b>" in page
    assert "Outlines by AB are solid and blue" in page
    assert "image/jpeg" in page
    assert sorted(path.name for path in folder.glob("*.jsonl")) == ["corrections.jsonl", "corrections_AB.jsonl"]


def test_what_is_asked_for_wrongly_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CorrectionError, match=r"has no corrections_XY\.jsonl; it has corrections\.jsonl"):
        reading_of(open_saved(folder), "XY")
    for log in folder.glob("corrections*.jsonl"):
        log.unlink()
    with pytest.raises(
        CorrectionError, match="nothing in it was corrected yet: correct its outlines first, on the page"
    ):
        reading_of(open_saved(folder), "")
    for flags, said in (
        ([], "give two readings, or one folder of results and --readers AB CD"),
        ([str(folder), "--readers", "AB", ""], "give one folder of results with --readers"),
    ):
        assert main(["compare", str(folder), *flags, "--out", "x"]) == 1
        assert said in capsys.readouterr().err


def test_a_log_of_another_model_is_refused(folder: Path) -> None:
    case = open_saved(folder)
    path = folder / "corrections_AB.jsonl"
    path.write_text(path.read_text().replace("cdcd", "abab", 1))
    with pytest.raises(CorrectionError, match="corrects outlines of another model"):
        reading_of(case, "AB")


def test_a_reader_is_not_compared_with_themselves(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(folder), "--readers", "AB", "AB", "--out", str(tmp_path / "out")]) == 1
    assert "give two readers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reader"),
    [("corrections.jsonl", ""), ("corrections_A-B_1.jsonl", "A-B_1"), ("corrections_.jsonl", None), ("x.jsonl", None)],
)
def test_a_log_is_known_by_what_its_reader_may_be_called(name: str, reader: str | None) -> None:
    found = LOG.fullmatch(name)
    assert (found and (found[1] or "")) == reader
    assert reader is None or log_name(reader) == name
