"""From a pullback on the page to its files on one's own disk."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.browser.conftest import Visit

COUNT, SIDE = 5, 704


@pytest.fixture(scope="session")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dicom(tmp_path_factory.mktemp("files") / "IMG007", coded(phantom_frames(COUNT, SIDE)), SIDE)


@pytest.fixture
def done(visit: Visit, run_file: Path) -> Iterator[Visit]:
    visit.page.set_input_files("#oct-upload input[type=file]", run_file)
    visit.page.wait_for_selector(".oct-pullback[data-state=done] [data-shown]")
    yield visit
    assert visit.complaints == []


def downloaded(visit: Visit, tmp_path: Path) -> Path:
    with visit.page.expect_download() as download:
        visit.page.click(".oct-downloads [data-act=take]")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_report_is_one_click_away_and_stands_by_itself(done: Visit, tmp_path: Path) -> None:
    report = downloaded(done, tmp_path)
    assert report.name == "IMG007_report.html"
    text = report.read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "<script" not in text


def test_formats_that_need_a_distance_say_so_until_it_is_given(done: Visit, tmp_path: Path) -> None:
    page = done.page
    assert page.is_disabled(".oct-downloads [value=nifti]")
    assert "Needs the distance between frames" in page.inner_text(".oct-downloads label:has([value=nifti])")
    page.fill("[data-frame-spacing]", "0.2")
    page.click("[data-run-asks=spacing]")
    page.wait_for_selector(".oct-downloads [value=nifti]:enabled")
    page.click(".oct-downloads [data-act=all]")
    assert not page.is_checked(".oct-downloads [value=dicom-seg]")
    results = zipfile.ZipFile(downloaded(done, tmp_path))
    assert results.filename is not None
    assert results.filename.endswith("IMG007_results.zip")
    assert results.testzip() is None
    names = results.namelist()
    assert {"IMG007_labels.nii.gz", "IMG007_report.html", "IMG007_overlay.mp4", "README.txt"} <= set(names)
    assert not [name for name in names if name.endswith(".dcm")]


def test_files_with_another_spacing_than_is_shown_are_offered_no_more(done: Visit) -> None:
    page = done.page
    for spacing in ("0.4", "0.7"):
        page.fill("[data-frame-spacing]", spacing)
        page.keyboard.press("Enter")
        page.wait_for_selector(f".oct-taken >> text={spacing} mm, entered by you")
        if spacing == "0.4":
            with page.expect_download():
                page.click("[data-act=take]")
            page.wait_for_selector(".oct-downloads-said a")
            assert page.evaluate("document.activeElement.dataset.act") == "take"  # the keyboard goes on from there
    page.wait_for_selector(".oct-downloads-said >> text=spacing was changed since files were made: download them anew")
    assert page.query_selector(".oct-downloads-said a") is None


def test_no_format_chosen_is_a_sentence(done: Visit) -> None:
    done.page.uncheck(".oct-downloads [value=report]")
    done.page.click(".oct-downloads [data-act=take]")
    assert done.page.inner_text(".oct-downloads-said") == "Choose a format first."


def test_what_is_no_longer_held_is_answered_in_a_sentence(done: Visit) -> None:
    answer = done.page.request.get(f"{done.page.url}octseg/results/{'0' * 32}/0")
    assert (answer.status, answer.text()) == (
        404,
        "The server no longer holds these files; make them again on the page.",
    )
