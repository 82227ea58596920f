"""The rows of a cohort's tables: a pullback, a plaque, a frame, and what failed.

Numbers are those of the cases' own files; units are in the names, what cannot be measured is None. Cases are read one
after the other, so that a cohort of any size takes the memory of one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from octseg.cohort.cases import Case
from octseg.cohort.checking import Checked, checked
from octseg.cohort.folder import CASES, CohortFolder
from octseg.export.pullback import SUFFIX
from octseg.export.run import JSON_NAME

HAVE_ROWS = ("plaques", "tcfa_candidates", "intervals_95", "clima", "unjudged", "lipid_cores")  # or columns
SCALES = (
    *("pixel_spacing_mm", "pixel_spacing_source", "pixel_spacing_evidence"),
    *("frame_spacing_mm", "frame_spacing_source", "smoothing", "warnings"),
)
FRAMES_ONLY = "nothing tells that its frames are one pullback and how far they lie apart: give its frame_spacing_mm"
TWICE = "so they count more than once"
ONE_FRAME = "it is one frame, which has no length"
Row = dict[str, Any]


@dataclass(frozen=True)
class _Settled:
    """A case of which something is known. results: its folder; None where it has none."""

    about: Row
    state: str
    reason: str
    results: Path | None
    warnings: Sequence[str] = ()


class Tables:
    """Of all cases that are settled, in their order; missing: name -> why a case is not there.

    Each case's results are checked once, when they are first asked for.
    """

    def __init__(self, folder: CohortFolder, cases: Sequence[Case], missing: Mapping[str, str]) -> None:
        self._folder, self._cases, self._missing = folder, cases, missing

    @property
    def run(self) -> Mapping[str, Any]:
        """What all results are made with."""
        return self._folder.run

    def rows(self, table: str) -> Iterator[Row]:
        """Of one of `dictionary.TABLES`."""
        for each in self._settled():
            if table == "failed":
                if each.reason:
                    yield {**each.about, "state": each.state, "reason": each.reason}
            elif each.results is not None:
                yield from _of(table, each, each.results)
            elif table == "pullbacks":
                yield {**each.about, "state": each.state, "reason": each.reason}

    @property
    def without_patient(self) -> set[str]:
        """Cases for which no patient was given, so that each stands for one."""
        return {case.id for case in self._cases if case.patient == case.name}

    @property
    def surprises(self) -> list[str]:
        """What of the cases that are done is not as it should be, a sentence each."""
        return [
            f"{case.id}: {said}"
            for case in self._cases
            if (known := self._checked.get(case.name))
            for said in (known.changed, known.noted, "" if known.changed else self._twice(case))
            if said
        ]

    def _settled(self) -> Iterator[_Settled]:
        for case in self._cases:
            about = {"case": case.id, "patient": case.patient, "group": case.group}
            if case.name in self._missing:
                yield _Settled(about, "missing", self._missing[case.name], None)
            elif case.name in self._checked:
                yield self._of_done(case, about)
            elif (failure := self._folder.failure(case)) is not None:
                yield _Settled(about, "left out" if failure["quarantined"] else "failed", failure["reason"], None)

    def _of_done(self, case: Case, about: Row) -> _Settled:
        known = self._checked[case.name]
        if known.changed:
            return _Settled(about, "changed", known.changed, None)
        reason = "; ".join(filter(None, (*known.failures, known.noted)))
        twice = self._twice(case)
        warnings = [twice] if twice else []
        return _Settled(about, "in part" if reason else "measured", reason, self._folder.results(case), warnings)

    def _twice(self, case: Case) -> str:
        """Which other cases have the pictures of one, in a sentence; empty where none has."""
        others = [name for name in self._with_pictures[self._checked[case.name].pictures] if name != case.id]
        return f"its pictures are those of {' and '.join(others)}, {TWICE}" if others else ""

    @cached_property
    def _checked(self) -> dict[str, Checked]:
        """Of each case that is done, under its folder's name."""
        return {
            case.name: checked(self._folder.results(case), done) for case in self._cases if (done := self._done(case))
        }

    @cached_property
    def _with_pictures(self) -> dict[str, list[str]]:
        """The cases that have the very same frames, by these."""
        found: dict[str, list[str]] = {}
        for case in self._cases:
            if case.name in self._checked and not self._checked[case.name].changed:
                found.setdefault(self._checked[case.name].pictures, []).append(case.id)
        return found

    def _done(self, case: Case) -> Row | None:
        """The manifest of a case whose results count; None of another."""
        manifest = None if case.name in self._missing else self._folder.manifest(case)
        return manifest if manifest is not None and self._folder.is_made_with(manifest, case) else None


def frames_of(results: Path, pullback: str) -> list[Row]:
    """What measures.json in a case's folder says of the frames of one of its pullbacks."""
    records = _records(results)
    return [frame for frame in _frames_in(results) if _pullback_of(frame, records) == pullback]


def _of(table: str, case: _Settled, results: Path) -> Iterator[Row]:
    about = {**case.about, "results_folder": f"{CASES}/{results.name}"}
    records = _records(results)
    if table == "frames":
        for frame in _frames_in(results):
            yield {**about, "pullback": _pullback_of(frame, records), **_plain(frame)}
        return
    for name, record in records.items():
        of = {**about, "pullback": name}
        if table == "plaques":
            plaques = record.get("plaques") or record["pullback"].get("plaques") or ()
            yield from ({**of, "plaque": number, **_plain(plaque)} for number, plaque in enumerate(plaques, 1))
        else:
            of |= {"state": "measured", "reason": case.reason, **{name: record.get(name) for name in SCALES}}
            of["warnings"] = [*(of["warnings"] or ()), *case.warnings]
            yield {**of, **_plain(record["pullback"]), "plaque_count": len(record["pullback"].get("plaques") or ())}
    if table == "pullbacks" and not records:
        yield {**about, **_frames_only(_frames_in(results), case.reason)}


def _records(results: Path) -> dict[str, Row]:
    return {
        path.name.removesuffix(SUFFIX): json.loads(path.read_bytes()) for path in sorted(results.glob(f"*{SUFFIX}"))
    }


def _frames_in(results: Path) -> list[Row]:
    return list(json.loads((results / JSON_NAME).read_bytes())["frames"])


def _frames_only(frames: Sequence[Row], reason: str) -> Row:
    """Of a case without a pullback: how many frames there are, and why they are none."""
    why = FRAMES_ONLY if len(frames) > 1 else ONE_FRAME
    return {
        "state": "frames only",
        "reason": "; ".join(filter(None, (why, reason))),
        "frame_count": len(frames),
        "withdrawn_frame_count": sum(frame["withdrawn"] is not None for frame in frames),
        **_agreed(frames, SCALES[:3]),
        **_agreed(frames, SCALES[3:5]),
    }


def _agreed(frames: Sequence[Row], names: Sequence[str]) -> Row:
    """What all frames say of a scale and its source; nothing where they do not agree."""
    told = [{name: frame[name] for name in names} for frame in frames]
    return told[0] if told and all(each == told[0] for each in told) else {}


def _pullback_of(frame: Row, records: Mapping[str, Row]) -> str | None:
    """What a frame is of: a file of several, or the pictures of a folder; None where that is no pullback."""
    for name, record in records.items():
        if (record["folder"], record["file"]) == (frame["folder"], frame["file"]):
            return name
    of_folder = [name for name, record in records.items() if record["folder"] == frame["folder"]]
    return of_folder[0] if len(of_folder) == 1 else None


def _plain(record: Mapping[str, Any]) -> Row:
    """Without what is a table itself; an interval as `_low` and `_high`, what is judged as columns."""
    row = {name: value for name, value in record.items() if name not in HAVE_ROWS}
    for name, interval in (record.get("intervals_95") or {}).items():
        row[f"{name}_low"], row[f"{name}_high"] = interval or (None, None)
    if "tcfa_candidates" in record:
        runs = record["tcfa_candidates"]
        row["tcfa_candidate_count"] = None if runs is None else len(runs)
    for group in ("clima", "unjudged"):
        row |= {f"{group}_{name}": value for name, value in (record.get(group) or {}).items()}
    return row
