"""`jobs`: `octseg cohort` on Hugging Face Jobs, for pullbacks that lie in a dataset repository.

python -m hub jobs org/pullbacks org/results --install SPEC --flags="--frame-spacing 0.2"

The cases are mounted at the commit that was looked at, to be read alone; results go to a bucket. One job works in one
folder of results: what a bucket does with locks is not known. A job that ends early goes on when it is sent again.
"""

import argparse
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from huggingface_hub import HfApi, JobHardware, JobInfo, Volume, get_token

from hub.errors import HubError
from hub.options import AddParser, say
from hub.push_results import SIGN_IN
from hub.repository import Repository, require_name
from octseg.commands.counts import from_1
from octseg.export.locking import UNLOCKED
from octseg.pretrained import patiently, told

CASES, RESULTS = "/cases", "/results"  # where they lie in the job
LABEL = "octseg-results"
IMAGE = "python:3.12"
OWN_FLAGS = ("--out", "--worker", "--workers", "--ray", "--dry-run")
OPEN_STAGES = ("SCHEDULING", "RUNNING")
NAME = re.compile(r"[\w.-]{1,60}")
POLL_S = 15.0


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What a job is asked for. table: of the cases, in their repository; "" for its whole tree. name: of the results.

    image: "" for one of Python alone. install: what pip brings into it; "" where octseg is in the image.
    flags: of `octseg cohort`.
    """

    cases: str
    bucket: str
    table: str = ""
    name: str = "cohort"
    workers: int = 8
    flavor: str = JobHardware.CPU_UPGRADE.value
    timeout: str = "12h"
    attempts: int = 3
    image: str = ""
    install: str = ""
    send_private: bool = False
    flags: tuple[str, ...] = ()


def add_command(add: AddParser) -> None:
    """`jobs ORG/CASES ORG/BUCKET`."""
    parser = add("jobs", help="run `octseg cohort` on Hugging Face Jobs, which costs money")
    parser.add_argument("cases", metavar="ORG/CASES", help="dataset repository with the pullbacks")
    parser.add_argument("bucket", metavar="ORG/BUCKET", help="bucket for the results, made private if there is none")
    parser.add_argument("--list", dest="table", default="", metavar="FILE.csv", help="table of the cases, in ORG/CASES")
    parser.add_argument("--name", default="cohort", help="folder of the results (default: %(default)s)")
    parser.add_argument("--workers", type=from_1, default=8, metavar="N", help="as many as the flavor has cores")
    parser.add_argument("--flavor", default=JobHardware.CPU_UPGRADE.value, help="hardware (default: %(default)s)")
    parser.add_argument("--timeout", default="12h", help="after which the job is ended (default: %(default)s)")
    parser.add_argument("--attempts", type=from_1, default=3, help="how often a job that fails is begun in all")
    parser.add_argument("--image", default="", help=f"a Docker image with octseg, else {IMAGE} with --install")
    parser.add_argument(
        "--install", default="", metavar="SPEC", help="what pip installs, as 'octseg[cohort] @ git+...'"
    )
    parser.add_argument(
        "--send-private",
        action="store_true",
        help="have private cases read by machines of Hugging Face: see to it that you may",
    )
    parser.add_argument("--wait", action="store_true", help="stay until the job has ended")
    parser.add_argument(
        "--flags", type=shlex.split, default=[], metavar='="..."', help="of `octseg cohort`, as one text"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    names = JobOptions.__dataclass_fields__.keys() - {"flags"}
    asked = JobOptions(**{name: getattr(options, name) for name in names}, flags=tuple(options.flags))
    token = get_token()
    if token is None:
        raise HubError(SIGN_IN.replace("to share with", "to start a job with"))
    api = HfApi(token=token)
    job = start(api, asked)
    say(f"the job writes to {asked.bucket}, folder {asked.name}; `hf jobs logs {job.id}` shows how far it is")
    print(job.url)
    return _waited(api, job) if options.wait else 0


def start(api: HfApi, asked: JobOptions) -> JobInfo:
    """Start the job of a cohort; HubError where its cases or results would be seen by others than may."""
    _require_right(asked)
    head = Repository(api, "dataset", asked.cases).head()
    if head is None:
        raise HubError(f"there is no dataset repository {asked.cases}, or the token may not see it")
    if asked.table and asked.table not in head.hashes:
        raise HubError(f"{asked.cases} has no file {asked.table}; --list is a table in that repository")
    if head.private and not asked.send_private:
        raise HubError(
            f"{asked.cases} is private, and a job reads it on machines of Hugging Face: if you may send these cases "
            "there, say so with --send-private"
        )
    patiently(partial(api.create_bucket, asked.bucket, private=True, exist_ok=True), asked.bucket, doing="make")
    bucket = patiently(partial(api.bucket_info, asked.bucket), asked.bucket)
    if head.private and not bucket.private:
        raise HubError(
            f"the bucket {asked.bucket} is public, so results of private cases do not go there: take another"
        )
    _require_alone(api, asked)
    mounted = [
        Volume(type="dataset", source=asked.cases, mount_path=CASES, revision=head.commit, read_only=True),
        Volume(type="bucket", source=asked.bucket, mount_path=RESULTS),
    ]
    ask = partial(
        api.run_job,
        image=asked.image or IMAGE,
        command=["bash", "-c", command_of(asked)],
        env={UNLOCKED: "1", "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
        flavor=asked.flavor,
        timeout=asked.timeout,
        attempts=asked.attempts,
        labels={LABEL: _label(asked)},
        volumes=mounted,
        namespace=asked.bucket.partition("/")[0],
    )
    return _once(ask, asked.bucket.partition("/")[0])


def command_of(asked: JobOptions) -> str:
    """What the job runs: octseg is installed where it is not in the image, then the cohort is done."""
    cases = f"{CASES}/{asked.table}" if asked.table else CASES
    words = [
        "python",
        "-m",
        "octseg",
        "cohort",
        cases,
        "--out",
        f"{RESULTS}/{asked.name}",
        "--workers",
        str(asked.workers),
    ]
    steps = [shlex.join([*words, *asked.flags])]
    if asked.install:
        steps.insert(0, shlex.join(["pip", "install", "--quiet", "--no-cache-dir", asked.install]))
    return " && ".join(steps)


def _require_right(asked: JobOptions) -> None:
    """HubError for names that lead elsewhere, and for flags that are the job's own."""
    for name in (asked.cases, asked.bucket):
        require_name(name)
    if not (asked.image or asked.install):
        raise HubError("say where the job has octseg from: --install SPEC for pip, or --image with octseg in it")
    if not NAME.fullmatch(asked.name) or asked.name.startswith("."):
        raise HubError(f"--name {asked.name} is no name of a folder: letters, digits, dots, dashes, at most 60")
    if own := [flag for flag in asked.flags if flag.partition("=")[0] in OWN_FLAGS]:
        raise HubError(f"{own[0]} is set by the job itself: leave it out of --flags")


def _require_alone(api: HfApi, asked: JobOptions) -> None:
    """HubError where a job works in the same folder, which could not be told by locks."""
    labels = {LABEL: _label(asked)}
    namespace = asked.bucket.partition("/")[0]
    ask = partial(api.list_jobs, status=list(OPEN_STAGES), labels=labels, namespace=namespace)
    found: Sequence[JobInfo] = patiently(lambda: list(ask()), asked.bucket)
    if found:
        raise HubError(f"a job works in {asked.bucket}, folder {asked.name} already: {found[0].url}; wait for it")


def _once(ask: Any, namespace: str) -> JobInfo:
    """Asked once: a second job would be paid for, too."""
    try:
        job: JobInfo = ask()
    except Exception as error:  # of whatever kind the client raises; `told` gives a bug back as it is
        ours = told(error, f"a job in {namespace}", doing="start")
        if ours is error:
            raise
        raise HubError(f"{ours}; look with `hf jobs ps` whether it was started, before you run this again") from error
    return job


def _waited(api: HfApi, job: JobInfo) -> int:
    """Until it has ended; 0 where that was well."""
    ask = partial(api.wait_for_job, job.id, poll_interval=POLL_S, namespace=job.owner.name)
    ended = patiently(ask, f"the job {job.id}")
    stage = getattr(ended.status.stage, "value", ended.status.stage)
    if stage == "COMPLETED":
        return 0
    message = f", {ended.status.message}" if ended.status.message else ""
    say(f"the job ended with {stage}{message}: the same command goes on where it stopped")
    return 1


def _label(asked: JobOptions) -> str:
    return f"{asked.bucket.replace('/', '--')}--{asked.name}"
