"""`jobs`: what a job is asked for, and what is refused before it costs anything."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.errors import HubError
from hub.jobs import JobOptions, command_of
from octseg.cli import main as octseg_main
from tests.fakes.forking import python
from tests.fakes.hub.client import environment
from tests.fakes.hub.server import HubServer


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer(tmp_path / "hub") as running:
        running.token = running.add_user("ada")  # type: ignore[attr-defined]
        yield running


def cases(hub: HubServer, name: str = "ada/pullbacks", *, private: bool = False) -> str:
    hub.create_repo("dataset", name, private=private)
    return hub.put_commit("dataset", name, {"list.csv": b"path\nA\n", "A/1.png": b"x"})


def jobs(hub: HubServer, home: Path, *flags: str) -> tuple[int, str, str]:
    """Status, stdout, stderr of the command."""
    home.mkdir(exist_ok=True)
    token = hub.token  # type: ignore[attr-defined]
    ran = python(["-m", "hub", "jobs", *flags, "--install", "octseg"], environment(hub, home, token))
    assert token not in ran.stdout + ran.stderr
    return ran.returncode, ran.stdout, ran.stderr


def test_a_job_reads_the_cases_at_their_commit_and_writes_to_a_private_bucket(hub: HubServer, tmp_path: Path) -> None:
    commit = cases(hub)
    flags = ("--list", "list.csv", "--workers", "4", "--flags=--frame-spacing 0.2 --uncertainty")
    status, said, _ = jobs(hub, tmp_path / "home", "ada/pullbacks", "ada/results", *flags)
    assert status == 0
    [job] = hub.jobs()
    assert said.strip() == f"{hub.url}/jobs/ada/{job['id']}"
    mounted = {each["mountPath"]: each for each in job["volumes"]}
    assert mounted["/cases"]["revision"] == commit
    assert mounted["/cases"]["readOnly"] is True
    assert (mounted["/results"]["type"], mounted["/results"]["source"]) == ("bucket", "ada/results")
    assert hub.bucket("ada/results")["private"] is True
    assert not job.get("secrets")
    words = shlex.split(job["command"][2])
    asked = ["--out", "/results/cohort", "--workers", "4", "--frame-spacing", "0.2", "--uncertainty"]
    assert words[: words.index("&&")] == ["pip", "install", "--quiet", "--no-cache-dir", "octseg"]
    assert words[words.index("&&") + 1 :] == ["python", "-m", "octseg", "cohort", "/cases/list.csv", *asked]
    assert (job["timeoutSeconds"], job["attempts"]) == (12 * 3600, 3)


def test_what_a_job_runs_is_a_command_that_octseg_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert octseg_main(["phantom", "--out", str(tmp_path / "vessels"), "--count", "1", "--pullback", "2"]) == 0
    asked = JobOptions(cases="ada/pullbacks", bucket="ada/results", flags=("--frame-spacing", "0.2", "--dry-run"))
    words = shlex.split(command_of(asked).rpartition("&&")[2])[2:]
    places = {"/cases": str(tmp_path / "vessels"), "/results/cohort": str(tmp_path / "out")}
    assert octseg_main([places.get(word, word) for word in words[1:]]) == 0
    assert "2 pictures, all frames" in capsys.readouterr().out


def test_private_cases_are_refused_without_a_flag_and_never_go_to_a_public_bucket(
    hub: HubServer, tmp_path: Path
) -> None:
    cases(hub, private=True)
    status, _, said = jobs(hub, tmp_path / "home", "ada/pullbacks", "ada/results")
    assert status == 1
    assert "say so with --send-private" in said
    assert hub.bucket("ada/results") is None
    hub.add_bucket("ada/open", private=False)
    status, _, said = jobs(hub, tmp_path / "home", "ada/pullbacks", "ada/open", "--send-private")
    assert status == 1
    assert "the bucket ada/open is public" in said
    assert hub.jobs() == []
    assert jobs(hub, tmp_path / "home", "ada/pullbacks", "ada/results", "--send-private")[0] == 0
    assert len(hub.jobs()) == 1


def test_two_jobs_do_not_work_in_one_folder_and_one_goes_on_when_the_other_has_ended(
    hub: HubServer, tmp_path: Path
) -> None:
    cases(hub)
    command = ("ada/pullbacks", "ada/results")
    assert jobs(hub, tmp_path / "home", *command)[0] == 0
    status, _, said = jobs(hub, tmp_path / "home", *command)
    assert (status, len(hub.jobs())) == (1, 1)
    assert "a job works in ada/results, folder cohort already" in said
    assert jobs(hub, tmp_path / "home", *command, "--name", "other")[0] == 0
    hub.jobs()[0]["status"] = {"stage": "ERROR", "message": "out of time"}
    assert jobs(hub, tmp_path / "home", *command)[0] == 0


@pytest.mark.parametrize(("stage", "expected"), [("COMPLETED", 0), ("ERROR", 1)])
def test_waiting_tells_how_the_job_ended(hub: HubServer, tmp_path: Path, stage: str, expected: int) -> None:
    cases(hub)
    hub.jobs_end_as(stage)
    status, _, said = jobs(hub, tmp_path / "home", "ada/pullbacks", "ada/results", "--wait")
    assert status == expected
    assert ("the job ended with ERROR" in said) is bool(expected)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"flags": ("--out=/tmp",)}, "--out=/tmp is set by the job itself"),
        ({"flags": ("--workers", "3")}, "--workers is set by the job itself"),
        ({"install": ""}, "say where the job has octseg from"),
        ({"name": "../x"}, "is no name of a folder"),
        ({"bucket": "results"}, "is no name of a repository; give org/name"),
    ],
)
def test_what_leads_elsewhere_is_refused_before_the_hub_is_asked(changed: dict[str, Any], said: str) -> None:
    from huggingface_hub import HfApi

    from hub.jobs import start

    asked = JobOptions(**{"cases": "ada/pullbacks", "bucket": "ada/results", "install": "octseg", **changed})
    with pytest.raises(HubError, match=said):
        start(HfApi(endpoint="http://127.0.0.1:9", token="hf_none"), asked)


def test_words_of_the_user_are_words_in_the_job_too() -> None:
    hostile: Sequence[str] = ("--model", "a; rm -rf /", "$(id)", "`id`")
    asked = JobOptions(cases="a/b", bucket="a/c", table="my list.csv", install="", flags=tuple(hostile))
    assert shlex.split(command_of(asked))[4:] == [
        *("/cases/my list.csv", "--out", "/results/cohort", "--workers", "8"),
        *hostile,
    ]
