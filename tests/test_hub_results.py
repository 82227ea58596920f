"""Sharing results: what is sent and what is not, where it goes, and how it is taken back."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from hub.cases import Case, plan
from hub.errors import HubError
from hub.predicted import predicted_cases
from octseg.errors import PublishingError
from octseg.export.run import RunWriter
from octseg.measurement.frame import FrameMeasures
from octseg.publishing import PRIVATE_KEYWORD, PRIVATE_TEXT
from octseg.pullback import PixelScale, frame_sha256
from octseg.result import FrameResult, ModelIdentity
from tests.hub_client import environment, run_client
from tests.hub_server import HubServer

PATIENT = "DOE_JANE_19450312"
REPOSITORY = "ada/results"
MODEL = ModelIdentity(name="jane_does_model", source="folder", revision=None, sha256="ab" * 32)


def square(top: int, size: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top : top + size, 10 : 10 + size] = True
    return mask


def made(level: int, name: str = PATIENT) -> FrameResult:
    """A result of 60 x 80 px whose frame has one grey level and whose file has a patient's name."""
    masks = {"lumen": square(5, 30), "lipid_core": square(25, 20)}
    return FrameResult(
        name=name,
        file=f"{name}.png",
        frame=np.full((60, 80, 3), level, np.uint8),
        masks=masks,
        probabilities={},
        measures=FrameMeasures(lipid_core_area_px=400.0, lipid_core_area_mm2=1.25, lipid_arc_deg=90.0),
        scale=PixelScale(pixel_spacing_mm=0.00668, source="ruler", evidence=f"Ruler of {name}.png: 9 dots"),
        device="cpu",
        backend="torch",
        model=MODEL,
        warnings=(f"{name} reaches the edge", "<b>bold</b>"),
    )


def predict(folder: Path, *results: FrameResult) -> tuple[Path, Path]:
    """What `octseg predict` writes for frames, and the folder of these frames, which bear a patient's name."""
    frames, out = folder / "frames", folder / "out"
    frames.mkdir(parents=True)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Patient", PATIENT)
    with RunWriter(out, MODEL, "cpu", "torch") as writer:
        for result in results:
            exif = Image.Exif()
            exif[0x010E] = PATIENT
            Image.fromarray(result.frame).save(frames / result.file, pnginfo=texts, exif=exif)
            files = {"mask_file": f"{result.name}_mask.png", "overlay_file": f"{result.name}_overlay.png"}
            writer.write(result, result.name, files)
    return out, frames


@pytest.fixture
def case(tmp_path: Path) -> Case:
    out, frames = predict(tmp_path / "one", made(100))
    (found,) = predicted_cases(out, [frames])
    return found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as running:
        yield running


# What a case is made of


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
    everything = b"".join(bytes(content) for content in sent.files.values()) + json.dumps(sent.row).encode()
    for name in (PATIENT, "JANE", "jane_does_model"):
        assert name.encode() not in everything
    assert b"Ruler of the file: 9 dots" in everything


def test_unknown_keys_of_measures_json_stay_here(case: Case) -> None:
    record, run = {**case.record, "patient": "Jane"}, {**case.run, "operator": "Jane"}
    sent = plan(replace(case, record=record, run=run))
    assert not any(b"Jane" in bytes(content) for content in sent.files.values())


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
    assert plan(case).row["lipid_core_area_mm2"] == 1.25


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


# What is read


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


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("measures.json", "has no measures.json"), (f"{PATIENT}_mask.png", "missing or cannot be read")],
)
def test_a_file_that_is_missing_is_told_in_one_sentence(tmp_path: Path, missing: str, reason: str) -> None:
    out, frames = predict(tmp_path, made(100))
    (out / missing).unlink()
    with pytest.raises(HubError, match=reason):
        list(predicted_cases(out, [frames]))


def test_a_frame_that_bears_the_mark_of_private_data_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    mark = PngImagePlugin.PngInfo()
    mark.add_text(PRIVATE_KEYWORD, PRIVATE_TEXT)
    Image.fromarray(made(100).frame).save(frames / f"{PATIENT}.png", pnginfo=mark)
    with pytest.raises(PublishingError, match="mark of private frames"):
        list(predicted_cases(out, [frames]))


# What the Hub holds afterwards


def push(hub: HubServer, folder: Path, token: str | None, *flags: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hub", "push-results", *map(str, flags)]
    return subprocess.run(
        command,
        env=environment(hub, folder / "home", token),
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_results_go_to_a_private_repository_in_a_commit_a_case_and_only_once(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("ada")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    first = push(hub, tmp_path, token, out, REPOSITORY, "--frames", frames, "--yes")
    assert first.returncode == 0, first.stderr
    assert hub.is_private("dataset", REPOSITORY)
    titles = hub.commits("dataset", REPOSITORY)
    assert sum(title.startswith("Share result") for title in titles) == 2
    links = first.stdout.split()
    assert links[-1] == f"{hub.url}/datasets/{REPOSITORY}/commit/{hub.head('dataset', REPOSITORY)}"
    files = hub.files("dataset", REPOSITORY)
    rows = [json.loads(line) for line in files["metadata.jsonl"].splitlines()]
    assert [row["image_file_name"] in files for row in rows] == [True, True]
    again = push(hub, tmp_path, token, out, REPOSITORY, "--frames", frames, "--yes")
    assert again.returncode == 0, again.stderr
    assert hub.commits("dataset", REPOSITORY) == titles


def test_another_share_adds_a_line_and_undo_takes_it_and_its_files_out(hub: HubServer, tmp_path: Path) -> None:
    """In one process, since each takes seconds to start: share a, share b, take b back by its link."""
    token = hub.add_user("bea")
    predict(tmp_path / "a", made(100, "a"))
    predict(tmp_path / "b", made(150, "b"))
    code = f"""
        import contextlib, io
        from hub.__main__ import main
        def run(*flags):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                assert main(["push-results", *flags]) == 0
            return printed.getvalue().strip()
        for name in "ab":
            link = run("{tmp_path}/" + name + "/out", "bea/results", "--frames", "{tmp_path}/" + name, "--yes")
        run("--undo", link, "bea/results")
        assert main(["push-results", "--undo", "{"0" * 40}", "bea/results"]) == 1
    """
    done = run_client(hub, tmp_path / "home", code, token)
    files = hub.files("dataset", "bea/results")
    name = frame_sha256(made(100).frame)[:16]
    assert [json.loads(line)["case"] for line in files["metadata.jsonl"].splitlines()] == [name]
    assert {path.split("/")[1] for path in files if path.startswith("cases/")} == {name}
    assert hub.commits("dataset", "bea/results")[0] == f"Take back result {frame_sha256(made(150).frame)[:16]}"
    assert "history still holds it" in done.stderr
