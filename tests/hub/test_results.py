"""Sharing results: where they go, and how they are taken back."""

import json
import os
import pty
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import ClassVar

import pytest
from huggingface_hub import HfApi

from hub.__main__ import main
from hub.cards.results import with_rows, without_cases
from hub.errors import HubError
from hub.results import offer, place, take_back
from octseg.pullback import frame_sha256
from tests.fakes.forking import python
from tests.fakes.hub.client import environment, run_client
from tests.fakes.hub.server import Fault, HubServer
from tests.fakes.predicted import as_page, made, predict

LINK = "LINK"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.mark.parametrize("name", ["a\0b", "ada", "ada/re\0sults", ""])
def test_what_is_no_name_of_a_repository_is_told_as_such(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    out, frames = predict(tmp_path, made(100))
    for flags in ([str(out), name, "--frames", str(frames)], ["--undo", "d0bb" * 10, name]):
        assert main(["push-results", *flags]) == 1
        assert capsys.readouterr().err.endswith(f"hub: {name} is no name of a repository; give org/name\n")


def test_lines_may_hold_other_line_ends_and_begin_with_a_byte_order_mark() -> None:
    standing = '\ufeff{"case": "a", "attribution": "Ada\u2028Bob\x85"}\r\n\n{"case": "b"}'
    assert without_cases(["b"])(standing) == '{"case": "a", "attribution": "Ada\u2028Bob\x85"}\n'


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "5", '{"image": "cat"}', '{"case": 5}', '{"case": "a"}\n{"case": "a", "cat": 1}', "x"]
)
def test_a_table_of_something_else_is_not_touched(line: str) -> None:
    with pytest.raises(HubError, match="is no table of octseg results, so it is not touched"):
        with_rows([{"case": "b"}])(line)


@dataclass(frozen=True)
class Done:
    """One command: its exit status, its words, and the link that it printed last."""

    status: int
    stdout: str
    stderr: str

    @property
    def link(self) -> str:
        return self.stdout.split()[-1]


def push(hub: HubServer, home: Path, token: str, *commands: Sequence[str | Path]) -> list[Done]:
    """`push-results` with each list of flags, one after the other in one process, which takes seconds to start.

    LINK among the flags stands for the link that was printed last.
    """
    code = f"""
        import contextlib, io, json
        from hub.__main__ import main
        link = ""
        for flags in json.loads({json.dumps([[str(flag) for flag in flags] for flags in commands])!r}):
            words = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(words[0]), contextlib.redirect_stderr(words[1]):
                status = main(["push-results", *(link if flag == {LINK!r} else flag for flag in flags)])
            link = (words[0].getvalue().split() or [link])[-1]
            print(json.dumps([status, *(each.getvalue() for each in words)]))
    """
    done = run_client(hub, home, code, token)
    assert token not in done.stdout + done.stderr
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


def table(hub: HubServer, repository: str) -> list[str]:
    """The cases in the table of a repository."""
    lines = hub.files("dataset", repository).get("metadata.jsonl", b"").splitlines()
    return [json.loads(line)["case"] for line in lines]


def case_of(level: int) -> str:
    return frame_sha256(made(level).frame)[:16]


def test_results_go_to_a_private_repository_in_a_commit_a_case_and_only_once(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("ada")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    command = [out, "ada/results", "--frames", frames, "--yes"]
    first, again = push(hub, tmp_path / "home", token, command, command)
    assert (first.status, again.status) == (0, 0), first.stderr + again.stderr
    assert hub.is_private("dataset", "ada/results")
    assert hub.commits("dataset", "ada/results")[:2] == [f"Share result {case_of(150)}", f"Share result {case_of(100)}"]
    assert hub.commits("dataset", "ada/results")[2:] == ["initial commit"]
    assert first.link == f"{hub.url}/datasets/ada/results/commit/{hub.head('dataset', 'ada/results')}"
    files = hub.files("dataset", "ada/results")
    assert table(hub, "ada/results") == [case_of(100), case_of(150)]
    assert files[f"cases/{case_of(100)}/frame.png"].startswith(b"\x89PNG")
    assert b"Research use only" in files["README.md"]


def test_what_goes_where_is_listed_before_anything_is_sent(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("bob")
    out, frames = predict(tmp_path, made(100))
    hub.clear_requests()
    where = [out, "bob/results", "--frames", frames]
    dry, unasked = push(hub, tmp_path / "home", token, [*where, "--dry-run"], where)
    assert "1 frame(s), 6 files, go to bob/results, a new private dataset repository:" in dry.stderr
    assert f"cases/{case_of(100)}/overlay.png" in dry.stderr
    assert "the pixels of every frame are shared as they are" in dry.stderr
    assert (dry.status, unasked.status) == (0, 1)
    assert "nothing was sent: nobody can be asked here; say --yes if it may be" in unasked.stderr
    assert {request.method for request in hub.requests} == {"GET"}
    assert not hub.repo_exists("dataset", "bob/results")


@pytest.mark.parametrize(("answers", "public"), [("y no", None), ("y no personal data", True)])
def test_on_a_terminal_each_step_is_typed(hub: HubServer, tmp_path: Path, answers: str, public: bool | None) -> None:
    user = f"cyd-{len(answers)}"
    token = hub.add_user(user)
    out, frames = predict(tmp_path, made(100))
    ours, theirs = pty.openpty()
    os.write(ours, (answers.replace(" ", "\n", 1) + "\n").encode())
    flags = [str(out), f"{user}/results", "--frames", str(frames), "--public"]
    (tmp_path / "home").mkdir()
    done = python(["-m", "hub", "push-results", *flags], environment(hub, tmp_path / "home", token), os.ttyname(theirs))
    assert done.returncode == (0 if public else 1), done.stderr
    assert hub.repo_exists("dataset", f"{user}/results") == bool(public)
    if public:
        assert not hub.is_private("dataset", f"{user}/results")


def test_a_public_repository_is_refused_unless_it_is_agreed_to_twice(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("dan")
    hub.create_repo("dataset", "dan/open")
    out, frames = predict(tmp_path, made(100))
    where = [out, "dan/open", "--frames", frames, "--yes"]
    private, once, twice = push(
        hub, tmp_path / "home", token, where, [*where, "--public"], [*where, "--public", "--yes-no-personal-data"]
    )
    assert (private.status, once.status, twice.status) == (1, 1, 0), twice.stderr
    assert "dan/open is public, so everybody could see what is sent there" in private.stderr
    assert "say --yes-no-personal-data if it may be" in once.stderr
    assert table(hub, "dan/open") == [case_of(100)]


def test_undo_takes_out_what_its_commit_shared_and_no_more(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("eva")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    _, undone, second, unknown = push(
        hub,
        tmp_path / "home",
        token,
        [out, "eva/results", "--frames", frames, "--yes"],
        ["--undo", LINK, "eva/results"],
        ["--undo", LINK, "eva/results"],
        ["--undo", "0" * 40, "eva/results"],
    )
    assert undone.status == 0, undone.stderr
    assert "history still holds it" in undone.stderr
    assert "shared no result, so there is nothing to take back" in second.stderr
    assert (second.status, unknown.status) == (1, 1)
    assert table(hub, "eva/results") == [case_of(100)]
    folders = {path.split("/")[1] for path in hub.files("dataset", "eva/results") if path.startswith("cases/")}
    assert folders == {case_of(100)}
    assert hub.commits("dataset", "eva/results")[0] == f"Take back result {case_of(150)}"


def commit(title: str, message: str, name: str = "c" * 40) -> SimpleNamespace:
    return SimpleNamespace(commit_id=name, title=title, message=message)


def history_of(monkeypatch: pytest.MonkeyPatch, *commits: SimpleNamespace) -> list[str]:
    """The Hub's answer to what commits there are; the list holds the revisions that it is asked for."""
    asked: list[str] = []

    def answer(_api: HfApi, _repository: str, *, revision: str, repo_type: str) -> list[SimpleNamespace]:
        asked.append(revision)
        return list(commits)

    monkeypatch.setattr(HfApi, "list_repo_commits", answer)
    return asked


@pytest.mark.parametrize("pasted", ["{}", " {} ", "{}/", "https://hf.co/datasets/a/b/commit/{}?x=1", "x/commit/{}#a"])
def test_a_pasted_link_is_a_commit(monkeypatch: pytest.MonkeyPatch, pasted: str) -> None:
    asked = history_of(monkeypatch)
    with pytest.raises(HubError, match="shared no result"):
        take_back(pasted.format("d0bb" * 10), "ada/results", "hf_none")
    assert asked == ["d0bb" * 10]


@pytest.mark.parametrize(
    "title", ["Add scans", "Share result", "Take back result 0123456789abcdef", "Share 2 resultss"]
)
def test_a_commit_of_somebody_elses_is_not_taken_back(monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    history_of(monkeypatch, commit(title, "cases/0123456789abcdef"))
    with pytest.raises(HubError, match="commit ccccccc of ada/scans shared no result"):
        take_back("c" * 40, "ada/scans", "hf_none")


def test_what_was_shared_again_stays_when_the_older_commit_is_taken_back(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("kim")
    out, frames = predict(tmp_path, made(100))
    command = [out, "kim/results", "--frames", frames, "--yes"]
    first, again = push(hub, tmp_path / "home", token, command, [*command, "--attribution", "Ada, CC BY 4.0"])
    (refused,) = push(hub, tmp_path / "home2", token, ["--undo", first.link, "kim/results"])
    assert refused.status == 1
    assert f"was shared again by commit {again.link.rpartition('/')[2][:7]}; take that back" in refused.stderr
    assert table(hub, "kim/results") == [case_of(100)]


def test_a_line_that_somebody_adds_meanwhile_is_kept(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("fay")
    hub.create_repo("dataset", "fay/results", private=True)
    out, frames = predict(tmp_path, made(100))
    meanwhile = hub.fail(r"POST .*/fay/results/commit/", "delay", seconds=1.5)
    adding = threading.Thread(target=add_line_while, args=(hub, meanwhile))
    adding.start()
    (done,) = push(hub, tmp_path / "home", token, [out, "fay/results", "--frames", frames, "--yes"])
    adding.join()
    assert done.status == 0, done.stderr
    assert table(hub, "fay/results") == ["theirs", case_of(100)]


def add_line_while(hub: HubServer, fault: Fault) -> None:
    """Commit a line of somebody else's while the request that `fault` holds up waits."""
    until = time.monotonic() + 60
    while not fault.met and time.monotonic() < until:
        time.sleep(0.02)
    hub.put_commit("dataset", "fay/results", {"metadata.jsonl": b'{"case": "theirs"}\n'})


def test_who_may_not_write_opens_a_pull_request_with_all_cases(hub: HubServer, tmp_path: Path) -> None:
    hub.add_user("gus", orgs={"lab": "write"})
    token = hub.add_user("hal", orgs={"lab": "read"})
    hub.create_repo("dataset", "lab/results", private=True)
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    where = [out, "lab/results", "--frames", frames, "--yes"]
    refused, opened = push(hub, tmp_path / "home", token, where, [*where, "--create-pr"])
    assert refused.status == 1
    assert "may not write to lab/results" in refused.stderr
    assert opened.status == 0, opened.stderr
    assert opened.link == f"{hub.url}/datasets/lab/results/discussions/1"
    assert table(hub, "lab/results") == []
    assert hub.commits("dataset", "lab/results", "refs/pr/1")[0] == "Share 2 results"


def test_a_repository_of_other_things_is_not_touched(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("ivy")
    hub.create_repo("dataset", "ivy/cats", private=True)
    hub.put_commit("dataset", "ivy/cats", {"cat.png": b"cat"})
    out, frames = predict(tmp_path, made(100))
    (done,) = push(hub, tmp_path / "home", token, [out, "ivy/cats", "--frames", frames, "--yes"])
    assert "ivy/cats holds other things than results already" in done.stderr
    assert hub.commits("dataset", "ivy/cats")[0] == "Add files"


@pytest.mark.slow
def test_the_viewer_sees_three_pictures_and_the_measures_of_each_case(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("joe")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    push(hub, tmp_path / "home", token, [out, "joe/results", "--frames", frames, "--yes"])
    code = """
        import numpy as np
        from datasets import load_dataset
        rows = load_dataset("joe/results", split="results")
        print(sorted(rows.features), [np.unique(np.array(row["mask"])).tolist() for row in rows])
        print([(row["image"].size, row["overlay"].size, row["lipid_core_area_mm2"]) for row in rows])
    """
    told = run_client(hub, tmp_path / "home", code, token).stdout
    assert "'image'" in told
    assert "'overlay'" in told
    assert "[[0, 1, 3], [0, 1, 3]]" in told
    assert "[((80, 60), (80, 60), 1.25), ((80, 60), (80, 60), 1.25)]" in told


class Echo(BaseHTTPRequestHandler):
    """A server that repeats what it is sent, as a proxy that explains itself might."""

    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        said = f"do not know {self.headers.get('Authorization')}"
        self.heard.append(said)
        body = json.dumps({"error": said}).encode()
        self.send_response(400)
        self.send_header("X-Error-Message", said)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def test_a_token_that_the_server_repeats_is_in_no_traceback_and_no_message(tmp_path: Path) -> None:
    token = "hf_" + "Secret7" * 5
    out, frames = predict(tmp_path, made(100))
    (tmp_path / "home").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = f"""
            from hub.__main__ import main
            main(["push-results", {str(out)!r}, "ada/results", "--frames", {str(frames)!r}, "--yes"])
            from hub.results import place
            place("ada/results", {token!r})
        """
        told = environment(f"http://127.0.0.1:{server.server_port}", tmp_path / "home", token)
        done = python(["-c", dedent(code)], told)
        server.shutdown()
    assert any(token in said for said in Echo.heard)
    assert "do not know Bearer hf_..." in done.stderr
    assert "hub: the Hub refuses ada/results (status 400)" in done.stderr
    assert "Secret7" not in done.stdout + done.stderr


@pytest.mark.parametrize("answer", [{}, [], None, {"name": None}, {"name": ""}, "ada"])
def test_an_account_without_a_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(HfApi, "whoami", lambda _api: answer)
    with pytest.raises(HubError, match="the Hub does not say whose token it is"):
        offer(as_page(tmp_path), "", "hf_none", public=False, attribution="")


def test_what_is_no_token_is_refused_before_it_is_sent_and_not_repeated() -> None:
    with pytest.raises(HubError, match="what was given as a token is none") as refused:
        place("ada/results", "hf_pass word")
    assert "pass" not in str(refused.value)
