"""push-model: one commit that is read back, a card that keeps what people wrote, and nothing private."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import octseg
from hub.cards.merging import BEGIN, END, merged, split
from hub.client import How, Published
from hub.errors import HubError, RaceError
from hub.model import push_model
from octseg.errors import CheckpointError, HubUnreachableError, PublishingError
from octseg.phantom import make_phantom
from octseg.pretrained import BUNDLED
from tests.fakes.hub.client import run_client
from tests.fakes.hub.process import in_client
from tests.fakes.hub.server import HubServer

NAME = "lab/net"


def push(folder: Path, name: str = NAME) -> Published:
    return push_model(folder, name)


def push_twice(folder: Path, name: str) -> list[Published]:
    return [push_model(folder, name), push_model(folder, name)]


def masks(name: str) -> dict[str, np.ndarray]:
    return octseg.from_pretrained(name, backend="torch").segment(make_phantom(2).frame).masks


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder as a training leaves it."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "run"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def token(hub: HubServer) -> str:
    return hub.add_user("ada", orgs=("lab",))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def commits(hub: HubServer, name: str = NAME) -> list[str]:
    return [title for title in hub.commits("model", name) if title.startswith("Publish weights")]


def test_what_is_pushed_is_loaded_by_another_process_with_the_same_masks(
    hub: HubServer, token: str, home: Path, run: Path
) -> None:
    done = in_client(hub, home, push, run, token=token)
    found = in_client(hub, home / "other", masks, f"{NAME}@{done.commit}")
    here = octseg.from_pretrained(run, backend="torch").segment(make_phantom(2).frame).masks
    assert {name: mask.tobytes() for name, mask in found.items()} == {name: m.tobytes() for name, m in here.items()}
    assert sorted(hub.files("model", NAME)) == [".gitattributes", "README.md", "config.json", "model.safetensors"]
    assert hub.lfs_files("model", NAME) == {"model.safetensors"}
    assert done.url.endswith(f"/lab/net/commit/{done.commit}")


def test_the_same_folder_again_makes_no_commit(hub: HubServer, token: str, home: Path, run: Path) -> None:
    first, second = in_client(hub, home, push_twice, run, NAME, token=token)
    assert (first.changed, second.changed, second.commit == first.commit) == (True, False, True)
    assert len(commits(hub)) == 1


def test_private_and_a_tag_are_as_asked_for(hub: HubServer, token: str, home: Path, run: Path) -> None:
    command = ["-m", "hub", "push-model", str(run), NAME, "--private", "--tag", "v1.0"]
    printed = run_client(hub, home, command, token=token).stdout
    assert hub.is_private("model", NAME)
    head = hub.head("model", NAME)
    assert hub.state.repo("models", NAME).refs["refs/tags/v1.0"] == head
    assert printed.strip() == f"{hub.url}/lab/net/commit/{head}"
    (run / "README.md").touch()
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"software": {"octseg": "9"}}))
    with pytest.raises(HubError, match=r"the tag v1.0 of lab/net names another commit already .*, and tags are not"):
        in_client(hub, home, push_private_tagged, run, token=token)


def push_private_tagged(folder: Path) -> Published:
    return push_model(folder, NAME, How(private=True, tag="v1.0"))


def test_private_is_refused_where_the_repository_is_public(hub: HubServer, token: str, home: Path, run: Path) -> None:
    hub.create_repo("model", NAME)
    with pytest.raises(HubError, match="lab/net is public already, so --private cannot hold"):
        in_client(hub, home, push_private_tagged, run, token=token)
    assert commits(hub) == []


def push_as_pull_request(folder: Path) -> Published:
    return push_model(folder, NAME, How(create_pr=True))


def test_without_the_right_to_write_a_pull_request_is_opened(hub: HubServer, home: Path, run: Path, token: str) -> None:
    hub.create_repo("model", NAME)
    eve = hub.add_user("eve")
    with pytest.raises(CheckpointError, match="the token that was sent may not write to lab/net"):
        in_client(hub, home, push, run, token=eve)
    done = in_client(hub, home, push_as_pull_request, run, token=eve)
    assert done.pull_request is not None
    assert "model.safetensors" in hub.files("model", NAME, "refs/pr/1")
    assert "model.safetensors" not in hub.files("model", NAME)


def test_a_readme_written_by_hand_is_kept(hub: HubServer, token: str, home: Path, run: Path) -> None:
    written = "---\nlicense: other\nlanguage: ru\n---\n# Our lab's model\n\nAsk Ada.\n"
    hub.create_repo("model", NAME)
    hub.put_commit("model", NAME, {"README.md": written.encode()})
    in_client(hub, home, push, run, token=token)
    front, text = split(hub.files("model", NAME)["README.md"].decode())
    assert text.startswith("# Our lab's model\n\nAsk Ada.\n")
    assert (front["language"], front["license"]) == ("ru", "apache-2.0")
    assert text.count(BEGIN) == text.count(END) == 1


def test_only_the_marked_block_of_a_readme_is_written_anew() -> None:
    first = merged("---\nlicense: mit\n---\nold words\n", None)
    by_hand = first.replace(BEGIN, f"above\n{BEGIN}").replace(END, f"{END}\nbelow")
    second = merged("---\nlicense: cc0-1.0\n---\nnew words\n", by_hand)
    assert re.sub(r"\s+", " ", split(second)[1]).strip() == f"above {BEGIN} new words {END} below"
    assert split(second)[0] == {"license": "cc0-1.0"}
    assert merged("---\nlicense: cc0-1.0\n---\nnew words\n", second) == second


def test_our_lines_inside_a_code_block_are_somebodys_text() -> None:
    by_hand = f"---\na: 1\n---\n```\n{BEGIN}\n{END}\n```\n"
    text = split(merged("---\na: 2\n---\nours", by_hand))[1]
    assert text.startswith(f"```\n{BEGIN}\n{END}\n```\n")
    assert text.rstrip().endswith(f"{BEGIN}\nours\n{END}")


@pytest.mark.parametrize("start", ["", "\n", "\ufeff", "\r\n"])
@pytest.mark.parametrize("front", ["---\n---\n", "---\nb: 1\n---\n", "---\r\nb: 1\r\n---\r\n"])
def test_there_is_one_front_matter_however_it_was_written(start: str, front: str) -> None:
    keys, text = split(merged("---\na: 2\n---\nours", f"{start}{front}theirs\n"))
    assert keys["a"] == 2
    assert "---" not in text.replace(BEGIN, "").replace(END, "")


@pytest.mark.parametrize("readme", ["---\n: [\n---\ntext", f"---\na: 1\n---\n{BEGIN}\ncut off"])
def test_a_readme_that_is_not_understood_is_not_touched(readme: str) -> None:
    with pytest.raises(HubError, match=r"is not touched; mend it|mend it or take both out"):
        merged("---\na: 2\n---\nours", readme)


def test_the_card_holds_what_config_json_says(hub: HubServer, token: str, home: Path, run: Path) -> None:
    in_client(hub, home, push, run, token=token)
    front, text = split(hub.files("model", NAME)["README.md"].decode())
    config = json.loads((run / "config.json").read_text())
    results = front["model-index"][0]["results"]  # type: ignore[index]
    values = {each["name"]: each["value"] for each in results[0]["metrics"]}
    assert values["Dice, pooled, lipid_core"] == config["metrics"]["unseen patients"]["dice_pooled"]["lipid_core"]
    for words in (
        "Research use only",
        'octseg.from_pretrained("lab/net")',
        "10.5281/zenodo.14478210",
        "cc-by-4.0",
        "186 frames of the study 001",
        "The authors do not endorse this model",
        config["metrics"]["protocol"][:60],
        "## Scale",
        config["calibration"]["made_from"]["intervals"],
    ):
        assert words in text, words
    assert yaml.safe_dump(front)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datasets": [{"name": "lab frames", "private": True}]}, "trained on lab frames, .* says that it is private"),
        ({"datasets": [{"name": "lab frames"}]}, "trained on lab frames, .* does not say that it is public"),
        ({"datasets": []}, "does not say what it was trained on"),
        ({"datasets": [{"name": "octseg phantoms", "private": True}]}, "trained on octseg phantoms, .* it is private"),
        ({"datasets": [{"name": "lab frames", "private": False}]}, "trained on lab frames, .* names no licence"),
        ({"validation": {"used": "3 frames of the study MUELLER"}}, "looked at on frames of which"),
        ({"thresholds": {"studies": ["MUELLER"], "private": True}}, "its thresholds were chosen on frames of which"),
    ],
)
def test_weights_of_private_frames_are_refused_before_any_request(
    hub: HubServer, token: str, home: Path, run: Path, change: dict[str, Any], words: str
) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"training": config["training"] | change}))
    with pytest.raises(PublishingError, match=words):
        in_client(hub, home, push, run, token=token)
    assert hub.requests == []


def test_figures_that_config_json_does_not_have_or_that_are_private_are_left_out_and_that_is_said(
    hub: HubServer, token: str, home: Path, run: Path
) -> None:
    """The card shows what config.json has of a set whose details are not published."""
    held: dict[str, Any] = json.loads((run / "config.json").read_text())["metrics"]
    other = {**held["phantoms"], "dice_pooled": {"lumen": 0.1}}
    sets = {
        "unseen patients": held["unseen patients"],
        "unseen patients, private": {**other, "private": True, "studies": ["MUELLER"]},
        "unseen patients of Lab B": other,
        "phantoms": other,
    }
    (run / "metrics.json").write_text(json.dumps(sets))
    said = run_client(hub, home, ["-m", "hub", "push-model", str(run), NAME], token=token).stderr
    assert list(json.loads(hub.files("model", NAME)["metrics.json"])) == ["unseen patients"]
    assert "unseen patients, private of metrics.json is left out: nothing says that its frames are public" in said
    assert "unseen patients of Lab B of metrics.json is left out: config.json does not have it; store it with" in said
    assert "phantoms of metrics.json is left out: config.json has other figures of it; store these with" in said
    card = hub.files("model", NAME)["README.md"].decode()
    assert "| phantoms of other optics | 100 |" in card
    assert "MUELLER" not in card


@pytest.mark.slow
@pytest.mark.parametrize(
    ("match", "kind", "how"),
    [
        ("GET /api/models/lab/net", "status", {"times": 2}),
        ("POST /api/models/lab/net/commit", "status", {"times": 2}),
        ("POST /api/models/lab/net/commit", "status", {"after": True}),
        ("POST /api/models/lab/net/commit", "drop", {}),
        ("POST /api/models/lab/net/commit", "drop", {"after": True}),
        ("POST /api/models/lab/net/preupload", "status", {"times": 1}),
        ("POST /lab/net.git/info/lfs/objects/batch", "status", {"times": 1}),
        ("PUT /", "status", {"times": 2}),
        ("PUT /", "flip", {}),
    ],
)
def test_a_fault_on_the_way_up_is_got_over_in_one_commit(
    hub: HubServer, token: str, home: Path, run: Path, match: str, kind: Any, how: dict[str, Any]
) -> None:
    hub.create_repo("model", NAME)
    fault = hub.fail(match, kind, **how)
    done = in_client(hub, home, push, run, token=token)
    assert fault.met >= 1
    assert len(commits(hub)) == 1
    assert hub.files("model", NAME, done.commit)["model.safetensors"] == (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize("tag", ["", "..", "v 1", "main", "refs/heads/x", "v1~^:"])
def test_what_is_no_name_for_a_tag_is_refused_before_any_request(tag: str, run: Path) -> None:
    with pytest.raises(HubError, match=r"is no name for a tag; give one such as v1\.0"):
        push_model(run, NAME, How(tag=tag))


def test_a_readme_that_is_no_text_is_not_touched(hub: HubServer, token: str, home: Path, run: Path) -> None:
    hub.create_repo("model", NAME)
    hub.put_commit("model", NAME, {"README.md": b"caf\xe9\n"})
    with pytest.raises(HubError, match=r"README\.md of lab/net is no text in UTF-8, so it is not touched"):
        in_client(hub, home, push, run, token=token)
    assert hub.files("model", NAME)["README.md"] == b"caf\xe9\n"


def push_two_pull_requests(folder: Path) -> list[str | None]:
    return [push_model(folder, NAME, How(create_pr=True)).pull_request for _ in range(2)]


def test_the_same_pull_request_is_not_opened_twice(hub: HubServer, token: str, home: Path, run: Path) -> None:
    hub.create_repo("model", NAME)
    first, second = in_client(hub, home, push_two_pull_requests, run, token=token)
    assert first == second is not None


def test_what_is_made_public_meanwhile_is_told(hub: HubServer, token: str, home: Path, run: Path) -> None:
    hub.create_repo("model", NAME, private=True)
    waiting = hub.fail("POST /api/models/lab/net/preupload", "delay", seconds=3.0)
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(in_client, hub, home, push_privately, run, token=token)
        while not waiting.met and not pushing.done():
            time.sleep(0.01)
        hub.state.repo("models", NAME).change(visibility="public")
        with pytest.raises(HubError, match="lab/net was made public meanwhile, so all can see commit"):
            pushing.result()


def push_privately(folder: Path) -> Published:
    return push_model(folder, NAME, How(private=True))


def test_what_somebody_committed_meanwhile_is_not_written_over(
    hub: HubServer, token: str, home: Path, run: Path
) -> None:
    """The other commit comes between the look at the repository and ours, which waits before it is sent."""
    hub.create_repo("model", NAME)
    waiting = hub.fail("POST /api/models/lab/net/preupload", "delay", seconds=3.0)
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(in_client, hub, home, push, run, token=token)
        while not waiting.met and not pushing.done():
            time.sleep(0.01)
        hub.put_commit("model", NAME, {"note.txt": b"theirs"})
        with pytest.raises(RaceError, match="somebody else changed lab/net meanwhile; nothing was written over"):
            pushing.result()
    assert commits(hub) == []
    assert hub.files("model", NAME)["note.txt"] == b"theirs"


def test_without_the_hub_a_sentence_is_told_and_the_folder_is_whole(
    hub: HubServer, token: str, home: Path, run: Path
) -> None:
    hub.stop()
    with pytest.raises(HubUnreachableError, match="the Hub does not answer for lab/net"):
        in_client(hub, home, push, run, token=token)
    assert (run / "model.safetensors").read_bytes() == (BUNDLED / "model.safetensors").read_bytes()


def test_a_token_is_nowhere_in_what_is_said(hub: HubServer, home: Path, run: Path, token: str) -> None:
    """In output, errors and tracebacks, where the Hub refuses and where it repeats the token in its answer."""
    code = (
        "import logging, sys, traceback; logging.basicConfig(level=logging.DEBUG)\n"
        "from pathlib import Path; from hub.model import push_model\n"
        "try: print(push_model(Path(sys.argv[1]), sys.argv[2]))\n"
        "except Exception: traceback.print_exc()\n"
    )
    said = ""
    for name in (NAME, "somebody-else/net"):
        done = run_client(hub, home, ["-c", code, str(run), name], token=token)
        said += done.stdout + done.stderr
    assert "somebody-else/net" in said
    assert token not in said
    assert token.removeprefix("hf_")[:8] not in said
