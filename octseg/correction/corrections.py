"""One reader's corrections of one case: strokes done and undone across its frames, and each frame's labels as they are.

Of a log that is opened nothing is drawn until a frame is asked for: two thousand strokes are there at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

from octseg.classes import CLASS_NAMES
from octseg.correction import anatomy
from octseg.correction.log import STROKES, VERDICTS, KeptLog, Line
from octseg.correction.recent import Recent
from octseg.correction.runs import Labels, are_runs, change, change_some
from octseg.correction.saved import SavedCase
from octseg.errors import CorrectionError
from octseg.measurement.records import json_value

State: TypeAlias = Literal["model", "corrected", "interpolated"]
HELD_FRAMES = 24  # whose labels are kept as they are now
OTHER_FRAME = "the log {log} is of other frames: {frame} has changed since it was corrected; move the log away"

OTHER_OUTLINES = (
    "{log} corrects other outlines of {frame} than those that lie here, for the results were made anew since; "
    "move the log away"
)


@dataclass(frozen=True)
class Stroke:
    """A line of the log that changes labels. group: the strokes that are done and undone together with it."""

    id: int
    group: int
    frame: str
    kind: str
    runs: Sequence[int]
    overruled: bool
    place: int  # among the lines


class Corrections:
    """What the log of a case comes to; every change is on the disk when its method returns.

    revision: grows with every line.
    """

    def __init__(self, case: SavedCase, log: KeptLog) -> None:
        """Raises CorrectionError where the log is of other frames, or does not hold together."""
        self.case, self.log = case, log
        self._done: list[Stroke] = []
        self._undone: list[Stroke] = []
        self._of_frames: dict[str, list[Stroke]] = {}
        self._verdicts: dict[str, tuple[str, str, int]] = {}
        self._labels: Recent[Labels] = Recent(HELD_FRAMES, lambda labels: labels.nbytes)
        self._next = 1
        for place, line in enumerate(log.lines):
            self._enter(line, place)

    @property
    def revision(self) -> int:
        """How many lines there are."""
        return len(self.log.lines)

    @property
    def can_undo(self) -> bool:
        """Whether a stroke is done."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether one is undone, and nothing was drawn since."""
        return bool(self._undone)

    def labels(self, frame: str) -> Labels:
        """A frame's labels (H, W) as they are now; not to be written to."""
        return self._labels.get(frame, self._replayed)

    def _replayed(self, frame: str) -> Labels:
        labels = self.case.labels(frame).copy()
        try:
            for stroke in self.strokes(frame):
                change(labels, stroke.runs)
        except CorrectionError as error:
            raise CorrectionError(OTHER_OUTLINES.format(log=self.log.path.name, frame=frame)) from error
        return labels

    def strokes(self, frame: str) -> list[Stroke]:
        """Those that are done on a frame, in order."""
        return list(self._of_frames.get(frame, ()))

    def last_stroke(self, frame: str) -> int:
        """The last one that is done on a frame; 0 where there is none."""
        strokes = self._of_frames.get(frame)
        return strokes[-1].id if strokes else 0

    def touched(self) -> list[str]:
        """Frames whose outlines are not the model's, in the order of the case."""
        return [frame for frame in self.case.stems if self._of_frames.get(frame)]

    def state(self, frame: str) -> State:
        """Whose outlines a frame has; interpolated ones that were accepted are corrected ones."""
        strokes = self._of_frames.get(frame)
        if not strokes:
            return "model"
        verdict, _, since = self._verdicts.get(frame, ("open", "", -1))
        is_open = strokes[-1].kind == "interpolated" and not (verdict == "accepted" and since > strokes[-1].place)
        return "interpolated" if is_open else "corrected"

    def verdict(self, frame: str) -> tuple[str, str]:
        """What the reader said of a frame, and why."""
        verdict, reason, _ = self._verdicts.get(frame, ("open", "", -1))
        return verdict, reason

    def draw(self, frame: str, kind: str, runs: Sequence[int], tissue: str = "", *, overruled: bool = False) -> Stroke:
        """A stroke of a reader's; CorrectionError where it does not fit, changes nothing, or breaks anatomy unasked."""
        if kind not in STROKES or not are_runs(runs) or not change_some(runs) or tissue not in ("", *CLASS_NAMES):
            raise CorrectionError("this is no stroke; load the page again")
        if not overruled:
            anatomy.check(kind, runs)
        return self._drawn(frame, kind, runs, tissue, self._next, overruled=overruled)

    def interpolate(self, frames: Sequence[tuple[str, Sequence[int]]]) -> None:
        """Outlines of frames between corrected ones, as one step that is undone together."""
        group = self._next
        for frame, runs in frames:
            if runs:
                self._drawn(frame, "interpolated", runs, "", group)

    def undo(self) -> str | None:
        """Undo what was drawn last; the frame it was drawn on."""
        return self._step("undo", self._done)

    def redo(self) -> str | None:
        """Draw again what was undone last; the frame."""
        return self._step("redo", self._undone)

    def judge(self, frame: str, verdict: str, reason: str = "") -> None:
        """Note what the reader says of a frame."""
        if verdict not in VERDICTS:
            raise CorrectionError(f"a frame is one of {', '.join(VERDICTS)}; load the page again")
        told = {"kind": "judged", "verdict": verdict, "reason": json_value(reason)}  # a browser can cut a letter in two
        self._add({**self._of(frame), **told})

    def _drawn(
        self, frame: str, kind: str, runs: Sequence[int], tissue: str, group: int, *, overruled: bool = False
    ) -> Stroke:
        tried = self.labels(frame).copy()
        change(tried, runs)
        line = {"kind": kind, "id": self._next, "class": tissue, "overruled": overruled, "runs": list(runs)}
        self._add({**self._of(frame), **({} if group == self._next else {"group": group}), **line})
        return self._done[-1]

    def _of(self, frame: str) -> Line:
        """What each line of a frame says."""
        record = self.case.record(frame)
        return {"frame": frame, "number": record["frame"], "frame_sha256": record["frame_sha256"]}

    def _step(self, kind: str, stack: list[Stroke]) -> str | None:
        if not stack:
            return None
        frame = stack[-1].frame
        self._add({"kind": kind, "of": stack[-1].group})
        return frame

    def _add(self, line: Line) -> None:
        told = {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "reader": self.log.head["reader"]}
        self.log.add({**told, **line})
        self._enter(line, self.revision - 1)

    def _enter(self, line: Line, place: int) -> None:
        kind = line["kind"]
        if kind == "undo":
            self._move(self._done, self._undone, line["of"], back=True)
        elif kind == "redo":
            self._move(self._undone, self._done, line["of"], back=False)
        else:
            self._check_frame(line)
            if kind == "judged":
                self._verdicts[line["frame"]] = (line["verdict"], line["reason"], place)
            else:
                self._enter_stroke(line, place)

    def _enter_stroke(self, line: Line, place: int) -> None:
        group = line["group"] if "group" in line else line["id"]
        overruled = line.get("overruled") is True
        stroke = Stroke(line["id"], group, line["frame"], line["kind"], line["runs"], overruled, place)
        self._change_held(stroke)
        self._done.append(stroke)
        self._of_frames.setdefault(stroke.frame, []).append(stroke)
        self._undone.clear()
        self._next = stroke.id + 1

    def _move(self, taken: list[Stroke], put: list[Stroke], group: Any, *, back: bool) -> None:
        if not taken or taken[-1].group != group:
            raise CorrectionError(f"{self.log.path.name} undoes what was not drawn last; take a copy of the log")
        while taken and taken[-1].group == group:
            stroke = taken.pop()
            self._change_held(stroke, back=back)
            put.append(stroke)
            of_frame = self._of_frames[stroke.frame]
            of_frame.remove(stroke) if back else of_frame.append(stroke)

    def _change_held(self, stroke: Stroke, *, back: bool = False) -> None:
        labels = self._labels.held(stroke.frame)
        if labels is not None:
            change(labels, stroke.runs, back=back)

    def _check_frame(self, line: Line) -> None:
        frame = line["frame"]
        if frame not in self.case.stems or self.case.record(frame)["frame_sha256"] != line["frame_sha256"]:
            raise CorrectionError(OTHER_FRAME.format(log=self.log.path.name, frame=frame))
