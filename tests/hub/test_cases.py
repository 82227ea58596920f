"""What of a case is sent and what is not: nothing in it names the patient."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from PIL import Image

from hub.cases import Case, plan
from hub.predicted import predicted_cases
from octseg.pullback import frame_sha256
from octseg.reading import read_pullback
from tests.fakes.predicted import MODEL, PATIENT, made, predict


@pytest.fixture
def case(tmp_path: Path) -> Case:
    out, frames = predict(tmp_path / "one", made(100))
    (found,) = predicted_cases(out, [frames])
    return found


def test_a_case_lies_under_the_hash_of_its_pixels(case: Case) -> None:
    folder = f"cases/{frame_sha256(case.frame)[:16]}"
    names = ("frame.png", "mask.png", "overlay.png", "measures.csv", "measures.json", "report.html")
    assert list(plan(case).files) == [f"{folder}/{name}" for name in names]


def test_the_same_case_gives_the_same_bytes_and_another_frame_another_folder(case: Case) -> None:
    assert plan(case).files == plan(case).files
    other = replace(case, frame=case.frame + np.uint8(1))
    assert not plan(other).files.keys() & plan(case).files.keys()


def test_nothing_that_is_sent_names_the_patient(case: Case) -> None:
    sent = plan(case)
    everything = b"".join(bytes(content) for content in sent.files.values()) + json.dumps(list(sent.rows)).encode()
    for name in (PATIENT, "JANE", "jane_does_model"):
        assert name.encode() not in everything
    assert b"Ruler of the file: 9 dots" in everything


def test_unknown_keys_of_measures_json_stay_here(case: Case) -> None:
    record, run = {**case.record, "patient": "Jane"}, {**case.run, "operator": "Jane"}
    sent = plan(replace(case, record=record, run=run))
    assert not any(b"Jane" in bytes(content) for content in sent.files.values())


def test_no_folder_and_no_other_file_is_named(tmp_path: Path) -> None:
    names = ("MUELLER_1", "MUELLER_2", "SCHMIDT_1", "WEBER_1")
    with ZipFile(tmp_path / "lab.zip", "w") as archive:
        for name in names:
            size = (70, 80, 3) if name == "WEBER_1" else (60, 80, 3)
            archive.writestr(f"HUBER/{name}.bmp", cv2.imencode(".bmp", np.zeros(size, np.uint8))[1].tobytes())
    warnings = read_pullback(tmp_path / "lab.zip").warnings
    assert all(any(name in warning for warning in warnings) for name in ("MUELLER", "SCHMIDT", "WEBER"))
    out, frames = predict(tmp_path / "one", replace(made(100), warnings=(*warnings, "the catheter is dark")))
    (found,) = predicted_cases(out, [frames])
    sent = plan(replace(found, record={**found.record, "folder": "HUBER/pre"}))
    everything = b"".join(bytes(content) for content in sent.files.values()) + json.dumps(list(sent.rows)).encode()
    assert not [name for name in ("MUELLER", "SCHMIDT", "WEBER", "HUBER") if name.encode() in everything]
    assert b"the catheter is dark" in everything


def test_pictures_are_their_pixels_and_no_text(case: Case) -> None:
    files = plan(case).files
    for name, pixels in (("frame", case.frame), ("mask", case.mask), ("overlay", case.overlay)):
        picture = Image.open(io.BytesIO(bytes(files[f"cases/{case.name}/{name}.png"])))
        assert picture.info.keys() <= {"transparency"}
        assert np.array_equal(np.asarray(picture), pixels)


def test_the_tables_hold_the_measures_and_the_hashed_names(case: Case) -> None:
    files = plan(case).files
    (record,) = json.loads(bytes(files[f"cases/{case.name}/measures.json"]))["frames"]
    (row,) = csv.DictReader(io.StringIO(bytes(files[f"cases/{case.name}/measures.csv"]).decode()))
    assert (record["file"], record["case"], record["lipid_core_area_mm2"]) == ("frame.png", case.name, 1.25)
    assert (row["file"], row["lipid_core_area_mm2"]) == ("frame.png", "1.25")
    assert plan(case).rows[0]["lipid_core_area_mm2"] == 1.25


def test_the_report_stands_alone_and_says_scale_model_warnings_and_research_use(case: Case) -> None:
    page = bytes(plan(replace(case, attribution="Ada, CC BY 4.0")).files[f"cases/{case.name}/report.html"]).decode()
    for said in (
        "Research use only, not a medical device",
        "0.00668 mm per pixel, source: ruler",
        f"sha256 {MODEL.sha256}",
        "1.250 mm²",
        "not measured",
        "&lt;b&gt;bold&lt;/b&gt;",
        "Ada, CC BY 4.0",
    ):
        assert said in page
    assert page.count("src=") == page.count('src="data:image/') == 3
    assert "http" not in page


@pytest.mark.parametrize("sentence", ["{stem}_b reaches the edge", "see x{stem}", "of {stem}.png", "{stem}"])
def test_a_long_name_of_a_file_is_left_out_inside_words_too(case: Case, sentence: str) -> None:
    record = {**case.record, "warnings": [sentence.format(stem=PATIENT)]}
    assert not any(PATIENT.encode() in bytes(content) for content in plan(replace(case, record=record)).files.values())


def test_a_short_name_of_a_file_is_left_out_as_a_word_only(case: Case) -> None:
    record = {**case.record, "file": "cap.png", "warnings": ["cap is thin, its capsule is not"]}
    assert b"the file is thin, its capsule is not" in bytes(
        plan(replace(case, record=record)).files[f"cases/{case.name}/report.html"]
    )


def test_the_notice_is_ours_whatever_measures_json_says(case: Case) -> None:
    sent = plan(replace(case, run={**case.run, "notice": "Jane Doe is ill"})).files[f"cases/{case.name}/measures.json"]
    assert json.loads(bytes(sent))["notice"] == "Research use only, not a medical device"


@pytest.mark.parametrize(
    ("source", "name", "shared"),
    [
        ("hub", "org/name", "org/name"),
        ("bundled", "octseg-bundled", "octseg-bundled"),
        ("hub", "Jane Doe", "a folder"),
        ("bundled", "jane_doe", "a folder"),
        ("folder", "org/name", "a folder"),
    ],
)
def test_a_model_is_named_only_where_its_name_is_public(case: Case, source: str, name: str, shared: str) -> None:
    model = {**case.run["model"], "source": source, "name": name}
    assert plan(replace(case, run={**case.run, "model": model})).rows[0]["model"] == shared
