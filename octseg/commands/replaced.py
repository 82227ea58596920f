"""What a run into a folder that holds results of another would take from its tables, and from readers' work."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from octseg.commands.frame_range import FrameRange
from octseg.commands.inputs import Item
from octseg.correction.log import logs_in
from octseg.errors import OctsegError
from octseg.export.run import CSV_NAME

SHOWN = 3


def left_behind(out: Path, items: Iterable[Item], frames: FrameRange) -> list[str]:
    """Inputs whose frames are in the tables of `out`, in whole or in part, and will not be when `items` were done."""
    known = {name for item in items for path in (item.path, *item.files) for name in (path.name, path.stem)}
    known |= {path.parent.name for item in items for path in item.files}
    gone = [
        name for name, number in _frames_in(out) if name not in known or (number is not None and number not in frames)
    ]
    return list(dict.fromkeys(gone))


def require_no_corrections(out: Path, gone: Sequence[str]) -> None:
    """Raise OctsegError where readers have corrected frames that would no longer be in the tables of `out`."""
    logs = logs_in(out) if gone else []
    if logs:
        raise OctsegError(
            f"{out} has corrections by readers ({', '.join(logs)}) to results of {_named(gone)}, which this run would "
            "take from the tables there: give another folder with --out, or move the corrections away"
        )


def told_of(out: Path, gone: Sequence[str]) -> str:
    """What is said where a run takes the place of another's tables."""
    return (
        f"the tables in {out} were of {_named(gone)} too, and tell of this run alone now; pictures of before stay "
        "there. Give each run a folder of its own to keep both"
    )


def _named(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _frames_in(out: Path) -> Iterable[tuple[str, int | None]]:
    """Input and number of each frame in the table of `out`; none where there is no such table."""
    try:
        with (out / CSV_NAME).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return
    for row in rows:
        name, number = row.get("file"), row.get("frame") or ""
        if name:
            yield name, int(number) if number.isdecimal() else None
