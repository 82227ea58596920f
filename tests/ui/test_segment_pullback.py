"""The page's endpoint `/segment_pullback`, and the recipes of docs/programs.md, over real HTTP."""

import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from octseg.phantom import make_phantom
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.fakes.app_server import ROOT, App, running_app
from tests.ui.test_limits import send

COUNT, SIDE, PATIENCE_S = 4, 704, 60.0
RECIPES = re.findall(r"```(python|bash)\n(.*?)```", (ROOT / "docs" / "programs.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("segment_pullback")) as running:
        yield running


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with IMG001, a short pullback, and frame.png."""
    folder = tmp_path_factory.mktemp("inputs")
    write_dicom(folder / "IMG001", coded(phantom_frames(COUNT, SIDE)), SIDE)
    Image.fromarray(make_phantom(5).frame).save(folder / "frame.png", compress_level=1)
    return folder


def outputs(app: App, folder: Path, file: Path, **named: Any) -> list[Any]:
    client = Client(app.url, download_files=str(folder), verbose=False, analytics_enabled=False)
    job = client.submit(handle_file(file), **named, api_name="/segment_pullback")
    job.result()
    told: list[Any] = job.outputs()
    return told


def test_it_tells_how_far_it_is_and_ends_with_measures_and_files(app: App, inputs: Path, tmp_path: Path) -> None:
    told = outputs(app, tmp_path, inputs / "IMG001", frame_spacing_mm=0.2, formats="nifti, report")
    assert [measures for _, measures, _ in told[:-1]] == [None] * (len(told) - 1)
    done = [progress["done"] for progress, _, _ in told]
    assert (done, done[-1]) == (sorted(done), COUNT)
    progress, along, files = told[-1]
    assert (progress["state"], progress["frame_count"], progress["refused"]) == ("done", COUNT, [])
    assert (along["frame_spacing_mm"], along["pullback"]["last_frame"]) == (0.2, COUNT)
    archive = zipfile.ZipFile(files)
    names = set(archive.namelist())
    assert {"IMG001_report.html", "IMG001_lumen.nii.gz", "IMG001_measures.csv"} <= names
    assert json.loads(archive.read("IMG001_pullback.json"))["pullback"] == along["pullback"]
    assert len([name for name in names if name.endswith("_mask.png")]) == COUNT


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"formats": "stl"}, "stl is no format; there are report, tables, nifti"),
        ({"formats": "nifti"}, "nifti cannot be made: the distance between frames is not known; give frame_spacing_mm"),
        ({"preset": "512"}, "the presets are 704, 1024, 5 mm, 7 mm, 10 mm"),
        ({"frame_spacing_mm": -1.0}, "-1"),
        (
            {"frame_spacing_mm": "0,2"},
            "frame_spacing_mm must be a number of mm, such as 0.2 or 0.00996, or null, not '0,2'",
        ),
        ({"frame_spacing_mm": True}, "frame_spacing_mm must be a number of mm"),
        ({"pixel_spacing_mm": [0.01]}, "pixel_spacing_mm must be a number of mm"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    app: App, inputs: Path, tmp_path: Path, named: dict[str, Any], said: str
) -> None:
    with pytest.raises(AppError, match=re.escape(said)) as told:
        outputs(app, tmp_path, inputs / "IMG001", **named)
    assert str(app.tmp) not in str(told.value)


def test_formats_may_be_a_list(app: App, inputs: Path, tmp_path: Path) -> None:
    _, _, files = outputs(app, tmp_path, inputs / "IMG001", formats=["coco", "labelme"])[-1]
    endings = {name.rpartition(".")[2] for name in zipfile.ZipFile(files).namelist()}
    assert {"json", "png", "csv"} <= endings
    assert "IMG001_coco.json" in zipfile.ZipFile(files).namelist()
    with pytest.raises(AppError, match="stl is no format"):
        outputs(app, tmp_path, inputs / "IMG001", formats=["coco", "stl"])


def test_a_frame_by_itself_is_sent_to_the_other_endpoint(app: App, inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="holds one frame; call /segment for it"):
        outputs(app, tmp_path, inputs / "frame.png")


def test_the_description_names_types_and_meanings(app: App) -> None:
    described = json.loads(send(app, "GET", "/gradio_api/info")[1])["named_endpoints"]
    assert list(described) == ["/segment", "/segment_pullback"]
    told = described["/segment_pullback"]
    assert [(each["parameter_name"], each["parameter_has_default"]) for each in told["parameters"]] == [
        ("file", False),
        ("pixel_spacing_mm", True),
        ("frame_spacing_mm", True),
        ("preset", True),
        ("formats", True),
    ]
    assert "Research use only" in told["description"]
    assert "frame_spacing_mm: millimetres from frame to frame" in told["description"]


def test_who_goes_away_ends_the_pullback(app: App, inputs: Path, tmp_path: Path) -> None:
    long = write_dicom(tmp_path / "IMG002", coded(phantom_frames(COUNT, SIDE)) * 60, SIDE)
    client = Client(app.url, verbose=False, analytics_enabled=False)
    job = client.submit(handle_file(long), api_name="/segment_pullback")
    while not job.outputs():
        time.sleep(0.05)
    job.cancel()
    done = [-1, len(list(app.visitors.glob("*/masks/*.masks")))]
    deadline = time.monotonic() + PATIENCE_S
    while done[-1] != done[-2] and time.monotonic() < deadline:
        time.sleep(2)
        done.append(len(list(app.visitors.glob("*/masks/*.masks"))))
    assert done[-1] == done[-2] < 60 * COUNT


@pytest.mark.parametrize("place", range(len(RECIPES)))
def test_a_recipe_of_the_documentation_works(app: App, inputs: Path, tmp_path: Path, place: int) -> None:
    language, recipe = RECIPES[place]
    if "pip install" in recipe:
        pytest.skip("installs what the tests have")
    if language == "python" and "import" not in recipe:
        recipe = "\n".join(RECIPES[place - 1][1].splitlines()[:3]) + "\n" + recipe
    for path in inputs.iterdir():
        shutil.copy(path, tmp_path)
    recipe = recipe.replace("http://127.0.0.1:7860", app.url)
    command = [sys.executable, "-c", recipe] if language == "python" else ["bash", "-euc", recipe]
    if language == "bash" and shutil.which("curl") is None:
        pytest.skip("there is no curl")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    if language == "python":
        assert "mm2, scale from ruler" in done.stdout or f"done {COUNT} of {COUNT}" in done.stdout
    elif "mask.png" in recipe:
        assert np.asarray(Image.open(tmp_path / "mask.png")).max() in (1, 2, 3, 4)
    else:
        assert zipfile.ZipFile(tmp_path / "results.zip").testzip() is None


@pytest.mark.slow
def test_a_server_that_is_stopped_amid_a_pullback_ends_well_and_leaves_no_file(tmp_path: Path) -> None:
    file = write_dicom(tmp_path / "IMG001", coded(phantom_frames(COUNT, SIDE)) * 30, SIDE)
    folder = tmp_path / "tmp"
    folder.mkdir()
    with running_app(folder, python=sys.executable) as app:
        client = Client(app.url, download_files=str(tmp_path), verbose=False, analytics_enabled=False)
        client.submit(handle_file(file), api_name="/segment_pullback")
        until = time.monotonic() + PATIENCE_S
        while not any(path.suffix == ".jpg" for path in app.visitor_files()) and time.monotonic() < until:
            time.sleep(0.05)
    assert app.process.poll() == 0
    assert [path.name for path in folder.iterdir()] == ["app.log"]
