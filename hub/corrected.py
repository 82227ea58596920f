"""What readers corrected, as it can be shared: their logs without a name that they did not choose, and the results.

Only what a log is known to hold goes along. The corrected results are made anew from what is shared, so that nothing
else can be in them.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hub.errors import HubError
from octseg.classes import CLASS_NAMES
from octseg.correction.corrections import Corrections
from octseg.correction.exporting import export
from octseg.correction.frames import CaseFrames
from octseg.correction.log import LOG, NAMELESS, READER, READER_RULE, CorrectionLog, Line, head_of, log_name, read_log
from octseg.correction.measuring import Measuring
from octseg.correction.placing import LIST_NAME
from octseg.correction.saved import open_saved
from octseg.export.files import told_in_one_sentence

NUMBERS = ("id", "group", "of")


@dataclass(frozen=True)
class SharedLog:
    """A log on this machine, and what its reader is called where it is shared; "" for no name."""

    path: Path
    reader: str

    @property
    def told(self) -> str:
        """The reader in a sentence."""
        return self.reader or NAMELESS


def shared_logs(folder: Path, asked: Sequence[str]) -> list[SharedLog]:
    """The logs of results that are to be shared.

    asked: readers as they are called here, each with what they are to be called there: AB, AB=R1, or AB= for no name;
    =R1 is the log without a reader. With none asked for all logs go, without names: readers of several are numbered.
    """
    there = {found[1] or "": path for path in sorted(folder.glob("*.jsonl")) if (found := LOG.fullmatch(path.name))}
    if not there:
        raise HubError(
            f"{folder.name} has no log of corrections; run `octseg review {folder.name}`, or leave out --corrected"
        )
    if not asked:
        names = [""] if len(there) == 1 else [str(number) for number in range(1, len(there) + 1)]
        return [SharedLog(path, name) for path, name in zip(there.values(), names, strict=True)]
    logs = []
    for each in asked:
        here, equals, name = each.partition("=")
        if here not in there:
            known = ", ".join(reader or "one without a name (=)" for reader in there)
            raise HubError(f"{folder.name} has no log of a reader {here}; it has those of {known}")
        if READER.fullmatch(name) is None:
            raise HubError(f"{name!r} is no name for a reader: {READER_RULE}, or nothing")
        logs.append(SharedLog(there[here], name if equals else here))
    if len({unicodedata.normalize("NFC", log.reader).casefold() for log in logs}) < len(logs):  # as some disks see it
        raise HubError("two readers would be called the same; give each a name of their own, as in AB=R1 CD=R2")
    return logs


def frames_of(log: SharedLog) -> set[str]:
    """What a log calls the frames that it has lines of."""
    return {str(line["frame"]) for line in read_log(log.path)[1] if "frame" in line}


def add_corrections(folder: Path, log: SharedLog, stems: Mapping[str, str], *, reasons: bool) -> list[str]:
    """Put a log and what it comes to into a case's folder, which `octseg review` opens.

    stems: of the case's frames, from what they are called here to what they are called there.

    Returns the names of what was written, the log first; none where the reader did nothing on these frames.

    Raises CorrectionError where the log is of other frames or outlines.
    """
    saved = open_saved(folder)
    _, lines = read_log(log.path)
    kept = _shared_lines(lines, stems, log.reader, reasons=reasons)
    if not kept:
        return []
    path = folder / log_name(log.reader)
    first, *_ = content = [head_of(saved.run, log.reader), *kept]
    first["octseg"] = str(saved.run["octseg"])  # the same log is the same bytes, whatever version shares it
    with told_in_one_sentence("what is to be sent"):
        path.write_bytes(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in content))
    opened = CorrectionLog(path, first)
    try:
        corrections = Corrections(saved, opened)
        exported = export(saved, corrections, Measuring(saved, CaseFrames(saved)))
    finally:
        opened.close()
    (exported.folder / LIST_NAME).unlink()  # is for the next export into this folder, of which there is none
    within = exported.folder.name
    return [path.name, *(f"{within}/{name}" for name in exported.files)]


def _shared_lines(lines: Sequence[Line], stems: Mapping[str, str], reader: str, *, reasons: bool) -> list[Line]:
    """Those of some frames, with what is known of a line and no more; a step back is kept with what it takes back."""
    kept: list[Line] = []
    groups = set()
    for line in lines:
        if line["kind"] in ("undo", "redo"):
            if line["of"] in groups:
                kept.append(_shared(line, {}, reader, reasons=reasons))
        elif line["frame"] in stems:
            groups.add(line.get("group", line.get("id")))
            kept.append(_shared(line, {"frame": stems[line["frame"]]}, reader, reasons=reasons))
    return kept


def _shared(line: Line, named: Line, reader: str, *, reasons: bool) -> Line:
    """A line in the order in which the log has it; what a reader wrote goes along only where that was asked for."""
    told: Line = {"time": _time(line.get("time")), "reader": reader, **named}
    if named:
        number = line.get("number")
        told |= {"number": number if type(number) is int else None, "frame_sha256": line["frame_sha256"]}
    told["kind"] = line["kind"]
    told |= {key: line[key] for key in NUMBERS if type(line.get(key)) is int}
    if line["kind"] == "judged":
        return {**told, "verdict": line["verdict"], "reason": line["reason"] if reasons else ""}
    if "runs" in line and named:
        tissue = line.get("class")
        told["class"] = tissue if tissue in CLASS_NAMES else ""
        told |= {"overruled": line.get("overruled") is True, "runs": line["runs"]}
    return told


def _time(told: Any) -> str | None:
    """When it was drawn, where it is a time; as the log writes it, in UTC, so that it does not tell where that was."""
    try:
        time = datetime.fromisoformat(told)
        time = time.replace(tzinfo=time.tzinfo or timezone.utc)
        return time.astimezone(timezone.utc).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError):
        return None
