"""Whether the results of a case are those that were made, and whose pictures they are of.

The tables of a cohort are read from the cases' own files, which other programs can open and write.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octseg.cohort.folder import content_of_file
from octseg.export.pullback import SUFFIX
from octseg.export.run import CSV_NAME, JSON_NAME
from octseg.reading.names import listed


@dataclass(frozen=True)
class Checked:
    """What is known of a case's results.

    failures: what of its input could not be read. changed: why none of their numbers can be told, in a sentence; empty
    where they are as they were made. noted: what else is not as it was made. pictures: a sum over the pixels of all
    frames, in any order.
    """

    failures: tuple[str, ...] = ()
    changed: str = ""
    noted: str = ""
    pictures: str = ""


def checked(results: Path, manifest: Mapping[str, Any]) -> Checked:
    """Of a case that is done. Contents are read of its tables alone: the pictures of a cohort have gigabytes."""
    told = manifest["files"]
    there = {path.relative_to(results).as_posix() for path in results.rglob("*")}
    gone = [name for name in told if name not in there]
    summed_up = [name for name in told if name == JSON_NAME or name.endswith(SUFFIX)]
    anew = f"remove cases/{results.name}, with what was corrected in it, and the same command makes it anew"
    if changed := [name for name in summed_up if name in gone or content_of_file(results / name) != told[name]]:
        return Checked(
            changed=f"{listed(changed)} of its results {_were(changed)} changed or removed since they were made, so "
            f"its numbers are left out: {anew}"
        )
    noted = [f"{listed(gone)} of its results {_were(gone)} removed: {anew}"] if gone else []
    if CSV_NAME in there and CSV_NAME in told and content_of_file(results / CSV_NAME) != told[CSV_NAME]:
        noted.append(f"its {CSV_NAME} was changed, and the numbers here are those of {JSON_NAME}")
    return Checked(tuple(manifest["failures"]), noted="; ".join(noted), pictures=_pictures(results))


def _were(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _pictures(results: Path) -> str:
    frames = json.loads((results / JSON_NAME).read_bytes())["frames"]
    return hashlib.sha256("".join(sorted(frame["frame_sha256"] for frame in frames)).encode()).hexdigest()
