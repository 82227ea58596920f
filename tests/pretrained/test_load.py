"""from_pretrained by a Hub name: one commit, whole files, and a sentence for whatever goes wrong on the way."""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import octseg
from octseg.errors import CheckpointError, HubUnreachableError
from octseg.phantom import make_phantom
from octseg.pretrained import BUNDLED, load_or_bundled
from tests.fakes.hub.client import run_client
from tests.fakes.hub.process import in_client
from tests.fakes.hub.server import HubServer

FILES = {name: (BUNDLED / name).read_bytes() for name in ("config.json", "model.safetensors", "README.md")}
NAME = "lab/net"


@dataclass(frozen=True)
class Loaded:
    revision: str | None
    sha256: str
    source: str
    notice: str
    warnings: tuple[str, ...]


def load(name: str) -> Loaded:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = octseg.from_pretrained(name, backend="torch")
    said = tuple(str(each.message) for each in caught if each.category is octseg.HubWarning)
    return Loaded(model.identity.revision, model.identity.sha256, model.identity.source, model.notice, said)


def load_each(names: Sequence[str]) -> list[Loaded]:
    return [load(name) for name in names]


def loaded_or_bundled(name: str) -> tuple[str, str]:
    model = load_or_bundled(name)
    return model.identity.source, model.notice


def other_weights() -> dict[str, bytes]:
    """The bundled checkpoint with one threshold changed: another commit whose files load too."""
    config = json.loads(FILES["config.json"])
    config["thresholds"] = dict.fromkeys(config["classes"], 0.4)
    return FILES | {"config.json": json.dumps(config).encode()}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """A Hub with the bundled checkpoint in the public repository lab/net."""
    with HubServer(tmp_path / "hub") as running:
        running.add_user("ada", orgs=("lab",))
        running.create_repo("model", NAME)
        running.put_commit("model", NAME, FILES, lfs=("model.safetensors",))
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def asked(hub: HubServer) -> list[str]:
    """What was asked since the last time, in short."""
    told = [f"{each.method} {each.path.split('?')[0]}" for each in hub.requests]
    hub.clear_requests()
    return told


def test_a_name_gives_the_model_of_one_commit(hub: HubServer, home: Path) -> None:
    found = in_client(hub, home, load, NAME)
    assert found.revision == hub.head("model", NAME)
    assert found.source == "hub"
    assert found.sha256 == hashlib.sha256(FILES["model.safetensors"]).hexdigest()


def test_a_branch_a_tag_and_a_commit_each_give_their_own(hub: HubServer, home: Path) -> None:
    first = hub.head("model", NAME)
    second = hub.put_commit("model", NAME, other_weights(), branch="next")
    names = [f"{NAME}@next", f"{NAME}@main", f"{NAME}@{second}", NAME]
    assert [each.revision for each in in_client(hub, home, load_each, names)] == [second, first, second, first]


def test_a_warm_load_asks_once_and_a_pinned_one_not_at_all(hub: HubServer, home: Path) -> None:
    in_client(hub, home, load, NAME)
    cold = asked(hub)
    in_client(hub, home, load, NAME)
    warm = asked(hub)
    in_client(hub, home, load, f"{NAME}@{hub.head('model', NAME)}")
    assert (len(cold), len(warm), asked(hub)) == (5, 1, [])


def test_offline_the_last_commit_serves_without_a_request(hub: HubServer, home: Path) -> None:
    in_client(hub, home, load, NAME)
    hub.clear_requests()
    found = in_client(hub, home, load, NAME, HF_HUB_OFFLINE="1")
    assert (found.revision, found.notice) == (hub.head("model", NAME), "")
    with pytest.raises(
        HubUnreachableError, match="HF_HUB_OFFLINE forbids to ask the Hub, and no whole copy of lab/else"
    ):
        in_client(hub, home, load, "lab/else", HF_HUB_OFFLINE="1")
    assert hub.requests == []


def test_with_the_hub_down_the_last_good_commit_serves_with_a_warning(hub: HubServer, home: Path) -> None:
    first = in_client(hub, home, load, NAME).revision
    hub.put_commit("model", NAME, other_weights())
    hub.stop()
    found = in_client(hub, home, load, NAME)
    assert found.revision == first
    assert found.warnings == (found.notice,)
    assert "lab/net is used as it was on" in found.notice
    assert f"commit {first[:7]}" in found.notice
    with pytest.raises(HubUnreachableError, match="the Hub does not answer for lab/net@v1, and no whole copy"):
        in_client(hub, home, load, f"{NAME}@v1")


def test_what_a_killed_download_left_is_cleared_and_one_that_goes_on_is_not(hub: HubServer, home: Path) -> None:
    in_client(hub, home, load, NAME)
    blob = next(home.rglob("snapshots/*/model.safetensors")).resolve()
    old, new = (blob.with_name(f"{blob.name}.{mark}.incomplete") for mark in ("0a1b2c3d", "4e5f6a7b"))
    for part in (old, new):
        part.write_bytes(b"some")
    os.utime(old, (0, time.time() - 2 * 3600))
    in_client(hub, home, load, NAME)
    assert (old.exists(), new.exists(), blob.exists()) == (False, True, True)


@pytest.mark.slow
def test_a_commit_of_which_only_a_part_arrived_leaves_the_one_before_it_in_use(hub: HubServer, home: Path) -> None:
    """The stock client would point main at the new commit, and have neither."""
    first = in_client(hub, home, load, NAME).revision
    second = hub.put_commit("model", NAME, other_weights() | {"model.safetensors": FILES["model.safetensors"] + b" "})
    hub.fail(r"(GET|HEAD) /lab/net/resolve/[0-9a-f]+/model.safetensors", "status", times=99)
    found = in_client(hub, home, load, NAME)
    assert (found.revision == first, second != first, bool(found.notice)) == (True, True, True)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_byte_that_arrives_wrong_is_noticed_and_fetched_again(hub: HubServer, home: Path, file: str) -> None:
    where = r"GET /lab/net/resolve/.*config.json" if file == "config.json" else r"GET /(?!api|lab/).*"
    flip = hub.fail(where, "flip")
    assert in_client(hub, home, load, NAME).revision == hub.head("model", NAME)
    assert flip.met == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [NAME, "pinned"])
def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(hub: HubServer, home: Path, name: str) -> None:
    asked_for = name if name == NAME else f"{NAME}@{hub.head('model', NAME)}"
    in_client(hub, home, load, asked_for)
    blob = next(home.rglob("snapshots/*/model.safetensors")).resolve()
    damaged = bytearray(blob.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    blob.write_bytes(damaged)
    assert in_client(hub, home, load, asked_for).sha256 == hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    assert blob.read_bytes() == FILES["model.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("match", "kind", "times"),
    [
        ("GET /api/models/lab/net", "status", 2),
        ("GET /api/models/lab/net", "drop", 1),
        ("GET /lab/net/resolve/.*config.json", "status", 2),
        ("GET /(?!api|lab/).*", "status", 2),
        ("GET /(?!api|lab/).*", "cut", 2),
    ],
)
def test_what_passes_is_asked_for_again(hub: HubServer, home: Path, match: str, kind: Any, times: int) -> None:
    fault = hub.fail(match, kind, times=times)
    found = in_client(hub, home, load, NAME)
    assert (found.revision, found.notice, fault.met) == (hub.head("model", NAME), "", times)


@pytest.mark.slow
def test_private_and_gated_repositories_open_with_a_token(hub: HubServer, home: Path) -> None:
    ada, eve = hub.add_token("ada"), hub.add_user("eve")
    for repository, terms in (("lab/own", {"private": True}), ("lab/gated", {"gated": True})):
        hub.create_repo("model", repository, **terms)
        hub.put_commit("model", repository, FILES, lfs=("model.safetensors",))
        assert in_client(hub, home / "ada", load, repository, token=ada).source == "hub"
    with pytest.raises(CheckpointError, match="there is no repository lab/own on the Hub, or it is private"):
        in_client(hub, home / "eve", load, "lab/own", token=eve)
    for token in (eve, None):
        with pytest.raises(CheckpointError, match="lab/gated is open to some only; ask for access on its page"):
            in_client(hub, home / "eve", load, "lab/gated", token=token)
    with pytest.raises(CheckpointError, match=r"does not take the token|or it is private"):
        in_client(hub, home / "eve", load, "lab/own", token="hf_revoked")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("lab/nothing", "there is no repository lab/nothing on the Hub, or it is private: check the name"),
        ("lab/net@v9", "lab/net has no revision v9; give one of its branches, tags or commits"),
        ("lab/pickled", "lab/pickled has pytorch_model.bin but no model.safetensors: a Python pickle can run code"),
        ("lab/bare", "lab/bare has no config.json, so the network of its weights is unknown"),
        ("lab/other", "the checkpoint lab/other cannot be used: config.json has no format_version"),
        ("lab/newer", "the checkpoint lab/newer cannot be used: config.json has format 9.0, this version reads 1.x"),
        ("lab/exchanged", r"model.safetensors in lab/exchanged has sha256 \w+..., config.json says"),
        ("lab/unfitting", "model.safetensors in lab/unfitting lacks [0-9]+ weights|in lab/unfitting has shape|surplus"),
        ("lab/huge", "config.json of lab/huge has 70,000 bytes; more than 65,536 is not read"),
    ],
)
def test_what_cannot_be_loaded_gets_its_sentence(hub: HubServer, home: Path, name: str, sentence: str) -> None:
    repository = name.partition("@")[0]
    config = json.loads(FILES["config.json"])
    contents: dict[str, dict[str, bytes]] = {
        "lab/pickled": {"config.json": FILES["config.json"], "pytorch_model.bin": b"\x80\x04N."},
        "lab/bare": {"model.safetensors": FILES["model.safetensors"]},
        "lab/other": FILES | {"config.json": b'{"model_type": "segformer"}'},
        "lab/newer": FILES | {"config.json": json.dumps(config | {"format_version": "9.0"}).encode()},
        "lab/exchanged": FILES | {"model.safetensors": FILES["model.safetensors"][:-1] + b"\0"},
        "lab/unfitting": FILES
        | {"config.json": json.dumps(config | {"network": config["network"] | {"aspp_channels": 128}}).encode()},
        "lab/huge": FILES | {"config.json": b" " * 70_000},
    }
    if repository in contents:
        hub.create_repo("model", repository)
        hub.put_commit("model", repository, contents[repository], lfs=("model.safetensors",))
    with pytest.raises(CheckpointError, match=sentence):
        in_client(hub, home, load, name)


def test_a_name_that_is_wrong_is_not_answered_from_the_cache(hub: HubServer, home: Path) -> None:
    """A repository that was taken away is gone, whatever lies in the cache."""
    in_client(hub, home, load, NAME)
    hub.state.repo("models", NAME).change(visibility="private")
    with pytest.raises(CheckpointError, match="there is no repository lab/net on the Hub, or it is private"):
        in_client(hub, home, load, NAME)


@pytest.mark.slow
def test_the_app_starts_with_the_bundled_model_where_the_hub_is_down(hub: HubServer, home: Path) -> None:
    hub.stop()
    source, notice = in_client(hub, home, loaded_or_bundled, NAME)
    assert source == "bundled"
    assert notice.startswith(
        "lab/net could not be loaded, so the bundled model is used instead: the Hub does not answer"
    )


@pytest.mark.slow
def test_the_command_segments_with_a_model_of_the_hub(hub: HubServer, home: Path, tmp_path: Path) -> None:
    """The commit stands in measures.json, and a stop-gap is told on stderr."""
    Image.fromarray(make_phantom(0).frame).save(tmp_path / "frame.png")
    out = tmp_path / "out"
    command = ["-m", "octseg", "predict", str(tmp_path / "frame.png"), "--out", str(out)]
    command += ["--model", NAME, "--backend", "torch"]
    run_client(hub, home, command)
    told = json.loads((out / "measures.json").read_text())["model"]
    assert told == {
        "name": NAME,
        "source": "hub",
        "revision": hub.head("model", NAME),
        "sha256": hashlib.sha256(FILES["model.safetensors"]).hexdigest(),
    }
    hub.stop()
    again = run_client(hub, home, command)
    assert again.stderr.count("octseg: the Hub does not answer for lab/net; lab/net is used as it was on") == 1
    assert np.array(Image.open(out / "frame_mask.png")).any()
