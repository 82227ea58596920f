"""`python -m hub push-space`: what a Space is made of, what it says of itself, and that it runs from that alone."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from gradio_client import Client, handle_file
from PIL import Image

from hub.errors import HubError
from hub.space import find_checkout
from octseg.phantom import make_phantom
from tests.fakes.app_server import ROOT, App, running_app
from tests.fakes.hub.client import environment, run_client
from tests.fakes.hub.server import HubServer
from tests.test_imports import imported, reaches

WEIGHTS = ROOT / "octseg" / "weights"
CHECKPOINT = {name: (WEIGHTS / name).read_bytes() for name in ("config.json", "model.safetensors")}
NET, SECRET_NET, PAGE, SECRET_PAGE = "lab/net", "lab/secret-net", "lab/page", "lab/secret-page"
BESIDE = {"app.py", "LICENSE", "requirements.txt", "README.md", "OCTSEG_MODEL"}
NO_MODELS = {  # what may be given for a model -> words of the refusal
    "lab/other": "pytorch_model.bin",
    "lab/broken": "model.safetensors",
    "lab/none": "no repository lab/none",
    "lab/net@v9": "no revision v9",
    "net": "no name of a model on the Hub",
    "octseg/weights": "is a folder here",
}
MAIN = """
import contextlib, io, json
from hub.__main__ import main
answers = []
for command in {commands!r}:
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
        status = main(["push-space", *command])
    answers.append((status, said.getvalue()))
print(json.dumps(answers))
"""


class Lab:
    """A Hub with a model, whose branch v1 is another commit than main, and somebody who publishes Spaces there."""

    def __init__(self, hub: HubServer, home: Path) -> None:
        self.hub, self.home = hub, home
        self.token = hub.add_user("ada", orgs=["lab"])
        hub.create_repo("model", NET)
        self.main = hub.put_commit("model", NET, CHECKPOINT)
        self.v1 = hub.put_commit("model", NET, {"NOTES": b"frozen"}, branch="v1")

    def push(self, *commands: tuple[str, ...]) -> list[tuple[int, str]]:
        """Run each push-space, one after the other; exit status and what it said."""
        done = run_client(self.hub, self.home, MAIN.format(commands=commands), self.token)
        return [(status, said) for status, said in json.loads(done.stdout)]

    def variables(self, space: str) -> dict[str, str]:
        found = self.hub.state.repo("spaces", space).meta.get("variables") or {}
        return {name: each["value"] for name, each in found.items()}

    def text(self, space: str, file: str = "README.md", revision: str = "main") -> str:
        return self.hub.files("space", space, revision)[file].decode()

    def front_matter(self, space: str) -> dict[str, Any]:
        front: dict[str, Any] = yaml.safe_load(self.text(space).split("---\n")[1])
        return front


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with HubServer(tmp_path_factory.mktemp("hub")) as hub:
        yield Lab(hub, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def pushed(lab: Lab) -> list[tuple[int, str]]:
    """What two equal pushes said, and then a pull request with another model."""
    return lab.push(*[(PAGE, "--model", f"{NET}@v1")] * 2, (PAGE, "--model", NET, "--create-pr"))


@pytest.fixture(scope="module")
def folder(lab: Lab, pushed: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Space as it is on the Hub, in a folder of its own."""
    return fetched(lab, PAGE, tmp_path_factory.mktemp("space"))


def fetched(lab: Lab, space: str, folder: Path) -> Path:
    for name, content in lab.hub.files("space", space).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def pinned(package: str) -> str:
    """The line of constraints.txt that pins a package."""
    found = re.search(rf"^{package}==.+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert found is not None
    return found[0]


def segmented(app: App, folder: Path) -> dict[str, Any]:
    """What /segment says of the model that outlined a phantom."""
    frame = folder / "phantom.png"
    Image.fromarray(make_phantom(1).frame).save(frame)
    client = Client(app.url, download_files=str(folder), verbose=False, analytics_enabled=False)
    measures, *_ = client.predict(handle_file(frame), api_name="/segment")
    assert measures["frames"][0]["lumen_area_px"] > 0
    model: dict[str, Any] = measures["model"]
    return model


def test_the_space_holds_the_app_and_the_packages_that_it_imports_and_nothing_else(lab: Lab, pushed: object) -> None:
    packages = [name for name in ("octseg", "hub", "train") if reaches(imported(ROOT / "app.py"), name)]
    tracked = subprocess.run(["git", "ls-files", *packages], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("this is no git checkout, so it cannot be said what belongs to it")
    assert set(lab.hub.files("space", PAGE)) - {".gitattributes"} == BESIDE | set(tracked.stdout.split())


def test_the_same_push_again_makes_no_commit(lab: Lab, pushed: list[tuple[int, str]]) -> None:
    assert [status for status, _ in pushed[:2]] == [0, 0]
    assert "nothing was new" in pushed[1][1]
    assert lab.hub.commits("space", PAGE).count("Publish the octseg app") == 1


def test_variable_file_and_preload_name_the_one_commit_that_the_revision_led_to(lab: Lab, pushed: object) -> None:
    front = lab.front_matter(PAGE)
    assert lab.v1 != lab.main
    assert lab.variables(PAGE) == {"OCTSEG_MODEL": f"{NET}@{lab.v1}"}
    assert lab.text(PAGE, "OCTSEG_MODEL") == f"{NET}@{lab.v1}\n"
    assert front["preload_from_hub"] == [f"{NET} config.json,model.safetensors {lab.v1}"]
    assert front["models"] == [NET]
    assert f"{lab.hub.url}/{NET}/tree/{lab.v1}" in lab.text(PAGE)


def test_a_pull_request_changes_neither_the_space_nor_its_variable(lab: Lab, pushed: list[tuple[int, str]]) -> None:
    status, said = pushed[2]
    assert status == 0, said
    assert lab.text(PAGE, "OCTSEG_MODEL", revision="refs/pr/1") == f"{NET}@{lab.main}\n"
    assert lab.text(PAGE, "OCTSEG_MODEL") == f"{NET}@{lab.v1}\n"
    assert lab.variables(PAGE) == {"OCTSEG_MODEL": f"{NET}@{lab.v1}"}
    assert f"once it is merged, set the Space's OCTSEG_MODEL to {NET}@{lab.main}" in said


def test_the_front_matter_is_that_of_a_gradio_space_with_sign_in(lab: Lab, pushed: object) -> None:
    front = lab.front_matter(PAGE)
    expected = {
        "sdk": "gradio",
        "sdk_version": pinned("gradio").partition("==")[2],
        "python_version": "3.12",
        "app_file": "app.py",
        "hf_oauth": True,
        "hf_oauth_scopes": ["contribute-repos"],
        "license": "apache-2.0",
        "startup_duration_timeout": "15m",
        "suggested_hardware": "zero-a10g",
    }
    assert {name: front.get(name) for name in expected} == expected
    assert {"title", "emoji", "colorFrom", "colorTo", "tags"} <= front.keys()
    assert len(front["short_description"]) <= 60
    assert lab.hub.state.repo("spaces", PAGE).meta["sdk"] == "gradio"


def test_requirements_suit_a_zero_gpu_space(lab: Lab, pushed: object) -> None:
    required = [line.split("#")[0].strip() for line in lab.text(PAGE, "requirements.txt").splitlines()]
    assert "torch>=2.8" in required
    assert "spaces" in required
    assert not [line for line in required if line.startswith("-") or "==" in line or "://" in line]


@pytest.mark.slow
def test_the_uploaded_folder_alone_answers_with_its_model(lab: Lab, folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(folder / "octseg" / "__pycache__", ignore_errors=True)
    client = environment(lab.hub, tmp_path / "home", PYTHONPATH="", PYTHONDONTWRITEBYTECODE="")
    with running_app(tmp_path, folder, sys.executable, **client) as app:
        model = segmented(app, tmp_path)
    assert (model["source"], model["name"], model["revision"]) == ("hub", NET, lab.v1)
    assert (folder / "octseg" / "__pycache__").is_dir()  # so octseg was imported from there


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_its_own_requirements_are_all_that_the_uploaded_folder_needs(lab: Lab, folder: Path, tmp_path: Path) -> None:
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    gradio = f"gradio=={lab.front_matter(PAGE)['sdk_version']}"
    for command in (
        [sys.executable, "-m", "venv", str(tmp_path / "venv")],
        [*install, pinned("torch")],  # the CPU build, where the index has one
        [*install, "--requirement", str(folder / "requirements.txt"), gradio],
    ):
        subprocess.run(command, check=True, cwd=tmp_path)
    chosen = {"OCTSEG_MODEL": f"{NET}@{lab.main}"}  # goes before the file, which says v1
    client = environment(lab.hub, tmp_path / "home", PYTHONPATH="", **chosen)
    with running_app(tmp_path, folder, python, **client) as app:
        model = segmented(app, tmp_path)
    assert (model["source"], model["name"], model["revision"]) == ("hub", NET, lab.main)


@pytest.mark.slow
def test_a_second_push_replaces_what_is_ours_and_keeps_what_others_wrote(lab: Lab) -> None:
    page = "lab/edited-page"
    lab.push((page, "--model", f"{NET}@v1"))
    written = lab.text(page).replace("# octseg\n", "# Edited inside of our block\n") + "\n## How our lab uses it\n"
    theirs = {"README.md": written.encode(), "notes.md": b"ours", "octseg/gone.py": b"1", "octseg/errors.py": b"2"}
    lab.hub.put_commit("space", page, theirs)
    lab.hub.state.repo("spaces", page).change(variables={})
    ((status, said),) = lab.push((page, "--model", f"{NET}@v1", "--tag", "v1.0"))
    files = lab.hub.files("space", page, "v1.0")
    assert status == 0, said
    assert "octseg/gone.py" not in files
    assert files["octseg/errors.py"] == (ROOT / "octseg" / "errors.py").read_bytes()
    assert files["notes.md"] == b"ours"
    assert "## How our lab uses it" in lab.text(page)
    assert "Edited" not in lab.text(page)
    assert lab.variables(page) == {"OCTSEG_MODEL": f"{NET}@{lab.v1}"}


def test_a_model_that_is_not_open_is_not_preloaded_and_the_card_says_what_it_needs(lab: Lab) -> None:
    lab.hub.create_repo("model", SECRET_NET, private=True)
    lab.hub.put_commit("model", SECRET_NET, CHECKPOINT)
    ((status, said),) = lab.push((SECRET_PAGE, "--model", SECRET_NET, "--private"))
    assert status == 0, said
    assert lab.hub.is_private("space", SECRET_PAGE)
    assert "preload_from_hub" not in lab.front_matter(SECRET_PAGE)
    for told in (said, lab.text(SECRET_PAGE)):
        assert f"give the Space a secret HF_TOKEN that may read {SECRET_NET}" in told


@pytest.fixture(scope="module")
def refused(lab: Lab) -> dict[str, tuple[int, str]]:
    """Model -> what a push with it said; the last would be good if it had not to be paid for."""
    lab.hub.create_repo("model", "lab/other")
    lab.hub.put_commit("model", "lab/other", {"config.json": b"{}", "pytorch_model.bin": b"\x80\x04"})
    lab.hub.create_repo("model", "lab/broken")
    lab.hub.put_commit("model", "lab/broken", {**CHECKPOINT, "model.safetensors": b"no weights"})
    lab.hub.fail("POST /api/repos/create", "status", code=402)
    answers = lab.push(*(("lab/never", "--model", model) for model in (*NO_MODELS, NET)))
    return dict(zip((*NO_MODELS, NET), answers, strict=True))


@pytest.mark.parametrize("model", NO_MODELS)
def test_no_space_is_made_of_what_is_no_model_on_the_hub(
    lab: Lab, refused: dict[str, tuple[int, str]], model: str
) -> None:
    status, said = refused[model]
    assert status == 1
    assert NO_MODELS[model] in said
    assert len(said.splitlines()) == 1
    assert not lab.hub.repo_exists("space", "lab/never")


def test_a_plan_that_has_to_be_paid_for_is_told(refused: dict[str, tuple[int, str]]) -> None:
    status, said = refused[NET]
    assert status == 1
    assert "the Hub asks for a paid plan to make lab/never" in said


def test_an_octseg_that_is_installed_without_its_app_says_where_to_push_from(tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"no app\.py beside the octseg package.*clone"):
        find_checkout(tmp_path)
