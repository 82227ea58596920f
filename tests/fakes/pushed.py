"""What `python -m hub push-data` answers, command by command."""

import contextlib
import io
from dataclasses import dataclass
from typing import Any

from octseg.dataset import parquet

NAME = "lab/plaque"
TRAIN = "data/train-00000-of-00001.parquet"
VALIDATION = TRAIN.replace("train", "validation")
SHARDS = {TRAIN, VALIDATION}
SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Pushes:
    """What `push-data` answered, and the commit that was there after each call."""

    token: str
    answers: list[dict[str, Any]]

    def commit(self, place: int) -> str:
        return str(self.answers[place]["out"]).strip().rsplit("/", 1)[-1]


def push(commands: list[list[Any]]) -> list[dict[str, Any]]:
    """`push-data` for each command [bytes of a shard, folder, name, flags...]."""
    from hub.__main__ import main

    answers = []
    for of_shard, *command in commands:
        parquet.SHARD_BYTES = of_shard
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["push-data", *command])
        answers.append({"status": status, "out": out.getvalue(), "err": err.getvalue()})
    return answers
