"""What `octseg predict` and the page wrote, read for sharing: whatever is not theirs is refused in one sentence."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from hub.__main__ import main
from hub.cases import plan
from hub.errors import HubError
from hub.predicted import page_case, predicted_cases
from octseg.dataset.publishing import PRIVATE_KEYWORD, PRIVATE_TEXT
from octseg.errors import OctsegError, PublishingError
from octseg.export.png import rgb_png
from octseg.reading.private import mark_of
from tests.fakes.predicted import PATIENT, as_page, made, predict


def spoilt(folder: Path, place: Sequence[str], value: Any) -> None:
    """Another value in measures.json, at a key of its head, its model or, after "frames", its first frame."""
    told = json.loads((folder / "measures.json").read_text())
    *way, last = place
    inner = told
    for key in way:
        inner = inner[key][0] if key == "frames" else inner[key]
    inner[last] = value
    (folder / "measures.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model",), None),
        (("model", "name"), None),
        (("model", "source"), ["hub"]),
        (("device",), 5),
        (("octseg",), "\ud800"),
        (("frames",), []),
        (("frames", "lipid_arc_deg"), float("nan")),
        (("frames", "lipid_arc_deg"), 10**400),
        (("frames", "lipid_arc_deg"), "90"),
        (("frames", "lipid_arc_deg"), [90.0]),
        (("frames", "lipid_arcs_deg"), 90.0),
        (("frames", "meets_tcfa_criteria"), 1),
        (("frames", "lipid_cores"), "x"),
        (("frames", "lipid_cores"), [{"arc_deg": 90.0}]),
        (("frames", "pixel_spacing_evidence"), 5),
        (("frames", "warnings"), None),
        (("frames", "warnings"), [None]),
        (("frames", "warnings"), ["\ud800"]),
        (("frames", "file"), ["a.png"]),
        (("frames", "intervals_95"), None),
        (("frames", "intervals_95"), "x"),
        (("frames", "intervals_95"), {"lipid_arc_deg": [1.0]}),
        (("frames", "intervals_95"), {"Jane Doe": None}),
    ],
)
def test_a_measures_json_that_says_something_else_is_refused(
    tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    out, frames = predict(tmp_path, made(100))
    spoilt(out, place, value)
    with pytest.raises(HubError, match="is not what this version writes; run `octseg predict` again"):
        list(predicted_cases(out, [frames]))


@pytest.mark.parametrize("key", ["pixel_spacing_mm", "height", "warnings", "lipid_arc_deg"])
def test_a_measures_json_that_lacks_a_part_is_refused(tmp_path: Path, key: str) -> None:
    out, frames = predict(tmp_path, made(100))
    told = json.loads((out / "measures.json").read_text())
    del told["frames"][0][key]
    (out / "measures.json").write_text(json.dumps(told))
    with pytest.raises(HubError, match="is not what this version writes"):
        list(predicted_cases(out, [frames]))


def test_a_measures_json_without_an_end_of_its_depth_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (out / "measures.json").write_text("[" * 100_000)
    with pytest.raises(HubError, match="is not what this version writes"):
        list(predicted_cases(out, [frames]))


def test_intervals_are_shared_with_their_measures(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    spoilt(out, ("frames", "intervals_95"), {"lipid_arc_deg": [80.0, 100.0], "lumen_area_mm2": None})
    (found,) = predicted_cases(out, [frames])
    report = plan(found).files[f"cases/{found.name}/report.html"]
    assert "95 %: 80 to 100" in bytes(report).decode()


def test_an_attribution_that_is_no_text_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    with pytest.raises(HubError, match="the attribution holds characters that are no text"):
        list(predicted_cases(out, [frames], "Ada \udcff"))


@pytest.mark.parametrize("name", ["measures.json", "frame.png"])
def test_a_file_that_the_page_keeps_no_more_is_told(tmp_path: Path, name: str) -> None:
    page = as_page(tmp_path)
    (page / name).unlink()
    with pytest.raises(HubError, match="the server keeps no files of this frame any more; measure it again"):
        page_case(page)


@pytest.mark.parametrize("kind", ["no file", "a file for a folder", "a NUL", "a long name"])
@pytest.mark.parametrize("what", ["folder", "frames"])
def test_an_odd_path_is_told_in_one_sentence(
    tmp_path: Path, what: str, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    out, frames = predict(tmp_path, made(100))
    odd = {
        "no file": tmp_path / "none",
        "a file for a folder": out / "measures.json" / "x",
        "a NUL": "a\0b",
        "a long name": "x" * 5000,
    }[kind]
    folder, given = (odd, frames) if what == "folder" else (out, odd)
    assert main(["push-results", str(folder), "ada/results", "--frames", str(given)]) == 1
    said = capsys.readouterr().err
    assert (said[:5], said.count("\n")) == ("hub: ", 1)


def test_a_frame_that_is_not_there_is_told(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (frames / f"{PATIENT}.png").unlink()
    with pytest.raises(HubError, match="is not among --frames"):
        list(predicted_cases(out, [frames]))


def test_a_frame_of_the_same_name_from_another_folder_is_not_taken_for_it(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    Image.fromarray(made(101).frame).save(frames / f"{PATIENT}.png")
    with pytest.raises(HubError, match="has changed since it was measured"):
        list(predicted_cases(out, [frames]))
    (frames / "b").mkdir()
    Image.fromarray(made(100).frame).save(frames / "b" / f"{PATIENT}.png")
    assert len(list(predicted_cases(out, [frames]))) == 1


def test_a_frame_behind_a_link_is_found_as_predict_finds_it(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "images").symlink_to(frames)
    assert len(list(predicted_cases(out, [tmp_path / "project"]))) == 1


def test_a_mask_of_the_same_name_is_passed_over(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (frames / "a_mask").mkdir()
    made(100).palette_mask().save(frames / "a_mask" / f"{PATIENT}.png")
    assert len(list(predicted_cases(out, [tmp_path / "frames"]))) == 1


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("measures.json", "has no measures.json"), (f"{PATIENT}_mask.png", "the mask of frame 1 of .* is not in out")],
)
def test_a_file_that_is_missing_is_told_in_one_sentence(tmp_path: Path, missing: str, reason: str) -> None:
    out, frames = predict(tmp_path, made(100))
    (out / missing).unlink()
    with pytest.raises(OctsegError, match=reason):
        list(predicted_cases(out, [frames]))


def test_a_frame_that_bears_the_mark_of_private_data_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    mark = PngImagePlugin.PngInfo()
    mark.add_text(PRIVATE_KEYWORD, PRIVATE_TEXT)
    Image.fromarray(made(100).frame).save(frames / f"{PATIENT}.png", pnginfo=mark)
    with pytest.raises(PublishingError, match="mark of private frames"):
        list(predicted_cases(out, [frames]))


def test_a_private_frame_in_a_zip_file_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    with zipfile.ZipFile(tmp_path / "frames.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{PATIENT}.png", rgb_png(made(100).frame, mark_of(private=True)))
    (frames / f"{PATIENT}.png").unlink()
    with pytest.raises(PublishingError, match="mark of private frames"):
        list(predicted_cases(out, [tmp_path / "frames.zip"]))
