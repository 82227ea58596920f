"""`octseg review`: what it says before a page is opened, and that it loads neither a model nor what makes one."""

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.cli import main
from octseg.correction.exporting import export
from octseg.correction.frames import CaseFrames
from octseg.correction.log import KeptLog
from octseg.correction.measuring import Measuring
from octseg.correction.runs import changes
from tests.fakes.corrected import opened, save_results, vessel
from tests.fakes.review_server import ROOT, running_review


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["review", *map(str, arguments), "--no-browser"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_no_torch_and_no_gradio_are_loaded() -> None:
    code = (
        "import sys, octseg.ui.review.server; print([m for m in ('torch', 'openvino', 'gradio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_link_of_results_with_their_frames_is_printed(tmp_path: Path) -> None:
    with running_review(save_results(tmp_path, vessel(2)), "--reader", "AB", anew=True) as review:
        assert review.url.startswith("http://127.0.0.1:")
        assert len(review.url.rstrip("/").rsplit("/", 1)[1]) >= 20


def test_a_review_in_which_nothing_was_done_leaves_nothing(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    before = sorted(folder.iterdir())
    with running_review(folder):
        pass
    assert sorted(folder.iterdir()) == before


def test_without_frames_it_says_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_results(tmp_path, vessel(2), frames=False)
    assert "give with --frames what `octseg predict` was given (vessel.dcm)" in refused(capsys, folder)
    Image.fromarray(vessel(2)[0].frame).save(tmp_path / "other.png")
    assert "--frames names no frame of results" in refused(capsys, folder, "--frames", tmp_path / "other.png")


def test_a_log_that_somebody_else_works_on_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_results(tmp_path, vessel(2))
    _, corrections = opened(folder)
    assert "another run is correcting results" in refused(capsys, folder)
    corrections.log.close()


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give a folder that `octseg predict --out` wrote" in refused(capsys, tmp_path)


@pytest.mark.parametrize("name", ["../x", "a b", "x" * 21, "A/B"])
def test_a_reader_is_called_what_a_file_can_be(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["review", str(tmp_path), "--reader", name])
    assert ended.value.code == 2
    assert "is no name for a reader" in capsys.readouterr().err


def test_a_port_that_is_taken_and_one_that_is_none_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_results(tmp_path, vessel(2))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "is taken: choose another" in refused(capsys, folder, "--port", taken.getsockname()[1])
    with pytest.raises(SystemExit):
        main(["review", str(folder), "--port", "70000"])
    assert "70000 is no port" in capsys.readouterr().err


def accepted(tmp_path: Path) -> tuple[Path, KeptLog]:
    """Results whose first frame was accepted, and the log of that, which is to be closed."""
    folder = save_results(tmp_path, vessel(2))
    _, corrections = opened(folder, reader="")
    corrections.judge("vessel_0001", "accepted")
    return folder, corrections.log


def test_corrected_results_are_written_without_a_page_also_while_one_is_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, log = accepted(tmp_path)
    assert main(["review", str(folder), "--export", "report,nifti"]) == 0
    log.close()
    assert f"in {folder / 'corrected'}." in capsys.readouterr().out
    assert (folder / "corrected" / "vessel_report.html").is_file()
    assert (folder / "corrected" / "vessel_labels.nii.gz").is_file()
    assert [path.name for path in (folder / "corrected" / "img").iterdir()] == ["vessel_0001.png"]


def test_an_export_that_the_frames_do_not_allow_is_told_and_the_others_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, log = accepted(tmp_path)
    log.close()
    assert main(["review", str(folder), "--export", "report,dicom-seg"]) == 1
    assert "no DICOM SEG is written" in capsys.readouterr().err
    assert (folder / "corrected" / "vessel_report.html").is_file()


def test_a_reader_who_has_corrected_nothing_has_nothing_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_results(tmp_path, vessel(2))
    assert "results has no corrections_CD.jsonl" in refused(capsys, folder, "--reader", "CD", "--export", "report")
    with pytest.raises(SystemExit):
        main(["review", str(folder), "--export", "zip"])
    assert "zip is no export; there are coco" in capsys.readouterr().err


def test_what_a_review_exported_is_not_reviewed_by_its_own_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_results(tmp_path, vessel(2))
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0001")
    corrections.draw("vessel_0001", "eraser", changes(before, np.zeros_like(before)), "lumen", overruled=True)
    made = export(case, corrections, Measuring(case, CaseFrames(case)))
    corrections.log.close()
    assert "corrected_AB holds what a review by AB has exported" in refused(capsys, made.folder)
    assert "review the folder that it lies in" in refused(capsys, made.folder, "--reader", "EF", "--export", "coco")
