"""Weights to start from: torchvision's names and timm's, and fetched over real HTTP as the Hub serves them."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from octseg.errors import CheckpointError
from octseg.model.mobilenetv2 import STAGES, MobileNetV2
from tests.fakes.forking import python
from train.learning.imagenet import load_encoder, locate

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = (
    "import sys; from octseg.errors import OctsegError; from train.learning.imagenet import locate\n"
    "try: print(locate(sys.argv[1]))\n"
    "except OctsegError as error: sys.exit(str(error))"
)


def timm_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's weights under the names that timm's own network gave them (timm 1.0.31, mobilenetv2_100).

    Written from timm's side, block by block; a classifier is there as in a real file.
    """
    named = {"classifier.weight": torch.zeros(1000, 1280), "classifier.bias": torch.zeros(1000)}
    ends = [
        ("features.0.0", "conv_stem"),
        ("features.0.1", "bn1"),
        ("features.18.0", "conv_head"),
        ("features.18.1", "bn2"),
    ]
    pairs = list(ends)
    number = 1
    for stage, (_, _, repeats, _) in enumerate(STAGES):
        for place in range(repeats):
            ours, theirs = f"features.{number}.conv", f"blocks.{stage}.{place}"
            layers = (
                ("conv_dw", "bn1", "conv_pw", "bn2")
                if stage == 0
                else ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
            )
            places = ("0.0", "0.1", "1", "2") if stage == 0 else ("0.0", "0.1", "1.0", "1.1", "2", "3")
            pairs += [(f"{ours}.{at}", f"{theirs}.{layer}") for at, layer in zip(places, layers, strict=True)]
            number += 1
    for ours, theirs in pairs:
        of_layer = {key: value for key, value in weights.items() if key.startswith(f"{ours}.")}
        assert of_layer
        named |= {f"{theirs}{key.removeprefix(ours)}": value for key, value in of_layer.items()}
    return named


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return MobileNetV2().state_dict()


@pytest.fixture(scope="module")
def timm_file(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
    save_file(timm_names(weights), path)
    return path


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_weights_under_timms_names_are_the_same_weights(weights: dict[str, Tensor], timm_file: Path) -> None:
    assert same(load_encoder(timm_file), weights)


def test_counts_of_batches_may_be_left_out(weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file({key: value for key, value in weights.items() if "num_batches" not in key}, tmp_path / "w.safetensors")
    assert load_encoder(tmp_path / "w.safetensors").keys() == weights.keys()


@pytest.mark.parametrize("change", ["drop", "add", "reshape"])
def test_another_network_is_refused_naming_what_does_not_fit(
    weights: dict[str, Tensor], tmp_path: Path, change: str
) -> None:
    other = {key: value.clone() for key, value in weights.items()}
    if change == "drop":
        del other["features.5.conv.2.weight"]
    elif change == "add":
        other["features.5.conv.9.weight"] = torch.zeros(3)
    else:
        other["features.5.conv.2.weight"] = torch.zeros(3)
    save_file(other, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=r"w.safetensors holds no MobileNetV2 1.0: features.5.conv"):
        load_encoder(tmp_path / "w.safetensors")


def test_what_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(CheckpointError, match=r"w.pth cannot be read as safetensors"):
        load_encoder(tmp_path / "w.pth")


def test_a_name_that_is_neither_file_nor_repository_is_refused() -> None:
    with pytest.raises(
        CheckpointError, match=r"there is no file absent.safetensors; give a safetensors file, or a Hub"
    ):
        locate("some/where/absent.safetensors")


@dataclass
class Hub:
    """A file as the Hub serves it. flips: so many of the next answers have a wrong byte. paths: what was asked."""

    content: bytes
    port: int = 0
    flips: int = 0
    paths: list[str] = field(default_factory=list)


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, *, with_body: bool) -> None:
            hub.paths.append(f"{self.command} {self.path}")
            if not self.path.startswith("/timm/mobilenetv2_100.ra_in1k/"):
                self.send_error_code(404, "RepoNotFound")
                return
            if "/resolve/main/" not in self.path and COMMIT not in self.path:
                self.send_error_code(404, "RevisionNotFound")
                return
            content = bytearray(hub.content)
            if with_body and hub.flips:
                hub.flips -= 1
                content[len(content) // 2] ^= 0xFF
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(hub.content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def send_error_code(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def log_message(self, *args: object) -> None: ...

    return Handler


@pytest.fixture
def hub(timm_file: Path) -> Iterator[Hub]:
    running = Hub(timm_file.read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(running))
    running.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield running
    server.shutdown()
    server.server_close()


def fetched(hub: Hub, home: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`locate(name)` in a process of its own, where HF_ENDPOINT can still be set."""
    settings = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.port}", "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    environment = {**os.environ, **settings, "HF_HUB_DISABLE_TELEMETRY": "1", **more}
    return python(["-c", FETCH, name], environment)


def test_weights_come_from_the_hub_and_then_from_its_cache(
    hub: Hub, tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    done = fetched(hub, tmp_path, "timm/mobilenetv2_100.ra_in1k")
    assert done.returncode == 0, done.stderr
    assert same(load_encoder(Path(done.stdout.strip())), weights)
    hub.paths.clear()
    offline = fetched(hub, tmp_path, "timm/mobilenetv2_100.ra_in1k", HF_HUB_OFFLINE="1")
    assert offline.stdout == done.stdout
    assert hub.paths == []


def test_a_byte_that_arrives_wrong_is_noticed_and_the_file_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """The client itself looks at the size alone."""
    hub.flips = 1
    done = fetched(hub, tmp_path, "timm/mobilenetv2_100.ra_in1k")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == hub.content
    assert sum(path.startswith("GET") for path in hub.paths) == 2


def test_a_file_that_always_arrives_wrong_is_told_of_in_one_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.flips = 9
    done = fetched(hub, tmp_path, "timm/mobilenetv2_100.ra_in1k")
    assert "model.safetensors of timm/mobilenetv2_100.ra_in1k arrived damaged twice" in done.stderr.splitlines()[-1]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("timm/absent", "there is no repository timm/absent on the Hub, or it is private: check the name, or sign in"),
        ("timm/mobilenetv2_100.ra_in1k@v9", "timm/mobilenetv2_100.ra_in1k has no revision v9"),
    ],
)
def test_what_is_not_on_the_hub_is_told_of_in_one_sentence(hub: Hub, tmp_path: Path, name: str, sentence: str) -> None:
    done = fetched(hub, tmp_path, name)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(sentence)


def test_without_hub_and_cache_one_sentence_says_so(hub: Hub, tmp_path: Path) -> None:
    done = fetched(hub, tmp_path, "timm/mobilenetv2_100.ra_in1k", HF_HUB_OFFLINE="1")
    assert done.stderr.splitlines()[-1].startswith("HF_HUB_OFFLINE forbids to ask the Hub, and model.safet")


def test_the_real_weights_of_development_load(real_weights: Path) -> None:
    assert same(load_encoder(real_weights), load_file(real_weights))
