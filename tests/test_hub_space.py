"""`python -m hub push-space`: what a Space is made of, what it says, and that it runs from that alone."""

import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from gradio_client import Client, handle_file
from PIL import Image

import octseg
from hub.errors import HubError
from hub.space import MODEL, find_checkout
from octseg.phantom import make_phantom
from tests.app_server import ROOT, App, running_app
from tests.hub_client import environment, run_client
from tests.hub_server import HubServer

WEIGHTS = ROOT / "octseg" / "weights"
CHECKPOINT = {name: (WEIGHTS / name).read_bytes() for name in ("config.json", "model.safetensors")}
NET, PAGE = "lab/net", "lab/page"
BESIDE = {"app.py", "LICENSE", "requirements.txt", "README.md", MODEL, ".gitattributes"}


class Lab:
    """A Hub with a model at a tag and a later commit, and somebody who publishes Spaces there."""

    def __init__(self, hub: HubServer, home: Path) -> None:
        self.hub, self.home = hub, home
        self.token = hub.add_user("ada", orgs=["lab"])
        hub.create_repo("model", NET)
        self.commit = hub.put_commit("model", NET, CHECKPOINT)

    def push(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hub", "push-space", *arguments]
        return run_client(self.hub, self.home, command, self.token)

    def refused(self, *arguments: str) -> str:
        """What a push that must fail says, which is one line."""
        told = self.run(["push-space", *arguments])
        assert len(told) == 1, told
        return told[0]

    def variables(self) -> dict[str, str]:
        found = self.hub.state.repo("spaces", PAGE).meta.get("variables") or {}
        return {name: each["value"] for name, each in found.items()}

    def card(self, revision: str = "main") -> dict[str, Any]:
        front: dict[str, Any] = yaml.safe_load(self.text(revision).split("---\n")[1])
        return front

    def text(self, revision: str = "main") -> str:
        return self.hub.files("space", PAGE, revision)["README.md"].decode()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with HubServer(tmp_path_factory.mktemp("hub")) as hub:
        yield Lab(hub, tmp_path_factory.mktemp("home"))
