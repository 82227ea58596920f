"""What the page of a review is told, and what it asks for: saved results with one reader's corrections."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from octseg.correction.anatomy import DRAGGED, PAINTED
from octseg.correction.corrections import Corrections
from octseg.correction.doubt import doubts
from octseg.correction.exporting import export, files_of, folder_of, is_for_training
from octseg.correction.interpolation import interpolate
from octseg.correction.measuring import Measuring
from octseg.correction.numbers import curves_of
from octseg.correction.runs import changes
from octseg.correction.saved import SavedCase
from octseg.correction.vessels import Vessels
from octseg.drawing.doubt import inked_png
from octseg.drawing.screen import encode_jpeg
from octseg.errors import CorrectionError
from octseg.export.kinds import KINDS
from octseg.export.provenance import run_sentence
from octseg.export.zipping import zipped_members
from octseg.measurement.pullback import FrameAlong
from octseg.result import FrameResult
from octseg.ui.along import jumps_html, plaques_html, vessel_html
from octseg.ui.cards import withdrawn_html
from octseg.ui.markup import text
from octseg.ui.numbers import summary_html, table_html
from octseg.ui.picture import unit_px
from octseg.ui.places import marks_record
from octseg.ui.review.offers import Offer, offers_of
from octseg.ui.run_record import bar_above, curves, pens_record

OF = {
    "model": "Of the model's outlines",
    "shared": "Of the saved outlines, corrected by {}",
    "corrected": "Of your corrected outlines",
    "interpolated": "Of interpolated outlines, not accepted yet",
}
SENDING = "an export of this review is being made already; wait until it is there"
SCREEN_QUALITY = 95  # of JPEG: a cap is a few pixels
Told = dict[str, Any]


class ReviewSession:
    """One case with one reader; safe to ask from several threads, and from several tabs."""

    def __init__(
        self,
        case: SavedCase,
        corrections: Corrections,
        measuring: Measuring,
        *,
        is_visitor: bool = False,
        room: AbstractContextManager[object] | None = None,
    ) -> None:
        """is_visitor: whether the reader is a visitor of a server, and takes what is exported home as a ZIP.

        room: held while exports are made, which take a core.
        """
        self._room = room
        self.case, self.corrections, self.measuring, self.is_visitor = case, corrections, measuring, is_visitor
        self._stems = list(case.stems)
        self._doubts = doubts(case)
        self._all = list(case.records.items())
        self._saved_along = [curves_of(record) for _, record in self._all]
        self._drawn_along: dict[str, tuple[int, FrameAlong]] = {}  # with the stroke that it was measured after
        self._lock, self._measuring_all, self._sending = threading.RLock(), threading.Lock(), threading.Lock()
        self.stopped = threading.Event()  # where nothing more is to be measured

    def told(self) -> Told:
        """All that is not of one frame."""
        with self._lock:
            return {
                "name": self.case.folder.name,
                "made": run_sentence({"precision": "f32", "device": "", "backend": "", **self.case.run}),
                "reader": self.corrections.log.head["reader"],
                "outlines": "the model's outlines" if self._by is None else "the saved outlines",
                "log": self.corrections.log.path.name,
                "is_visitor": self.is_visitor,
                "note": self.corrections.log.note,
                "frames": [
                    {"stem": stem, "file": each["file"], "number": each["frame"], "vessel": self.case.vessel(stem)}
                    for stem, each in self._all
                ],
                "pens": pens_record(),
                "held": {"painted": sorted(PAINTED), "dragged": sorted(DRAGGED)},
                "frame_spacing_mm": self._spacing_mm(),
                "range": None if (one := self._one_vessel()) is None else self.case.range_of(one),
                "offers": self._offers,
                "doubts": [{"frame": self._stems.index(each.stem), "why": each.why} for each in self._doubts],
                "status": self._status(),
            }

    def frame(self, number: int) -> Told:
        """One frame, from 0: its labels as they are and as they were, and what is measured of both."""
        with self._lock:
            stem = self._stem(number)
            labels, original = self.corrections.labels(stem), self.case.labels(stem)
            return {
                "labels": changes(np.zeros_like(labels), labels),
                "original": changes(np.zeros_like(original), original),
                "doubt": self.case.doubt(stem) is not None,
                "before": _numbers_html(self.measuring.original(stem), self._of_saved()),
                **self._of_frame(stem),
            }

    def picture(self, number: int) -> bytes:
        """A frame as JPEG."""
        with self._lock:
            frame = self.measuring.frame(self._stem(number))
        return encode_jpeg(frame, SCREEN_QUALITY)

    def doubt(self, number: int) -> bytes:
        """Where variants of a frame disagree with the model's outlines, as a PNG to lay on it."""
        with self._lock:
            doubt = self.case.doubt(self._stem(number))
        if doubt is None:
            raise CorrectionError("this frame has no layer of doubt; run octseg predict with --uncertainty")
        return inked_png(doubt)

    def draw(self, number: int, asked: Mapping[str, Any]) -> Told:
        """A stroke; what it leaves of the frame's numbers."""
        with self._lock:
            stem = self._stem(number)
            kind, tissue = str(asked.get("kind")), str(asked.get("class") or "")
            self.corrections.draw(stem, kind, asked.get("runs") or [], tissue, overruled=asked.get("overruled") is True)
            return self._of_frame(stem)

    def step(self, kind: str) -> Told:
        """Undo or redo; the frame that was changed, with its labels."""
        with self._lock:
            stem = self.corrections.undo() if kind == "undo" else self.corrections.redo()
            if stem is None:
                raise CorrectionError(
                    "there is nothing to undo" if kind == "undo" else "there is nothing to draw again"
                )
            number = self._stems.index(stem)
            return {"frame": number, "told": self.frame(number)}

    def judge(self, number: int, asked: Mapping[str, Any]) -> Told:
        """Accept or reject a frame."""
        with self._lock:
            stem, verdict, reason = self._stem(number), str(asked.get("verdict")), str(asked.get("reason") or "")
            if verdict == "rejected" and not reason.strip():
                raise CorrectionError("say in a word why the frame is rejected")
            self.corrections.judge(stem, verdict, reason.strip()[:200])
            return self._of_frame(stem)

    def interpolate(self, number: int) -> Told:
        """Outlines of the frames that lie with one between two corrected ones; which of them were changed."""
        with self._lock:
            changed = interpolate(self.corrections, self._stem(number))
            return {"frames": [self._stems.index(stem) for stem in changed], "told": self.frame(number)}

    def vessel(self, number: int) -> Told:
        """What is measured along the vessel of a frame, of all outlines as they are.

        left: how many corrected frames are still to be measured before there is anything. corrected: of how many the
        outlines are not the model's.
        """
        with self._lock:
            name = self.case.vessel(self._stem(number))
            revision = self.corrections.revision
            drawn = [] if name is None else [s for s in self.case.vessels[name] if self.corrections.state(s) != "model"]
            along = {stem: self._along(stem) for stem in drawn}
        told: Told = {"vessel": name, "revision": revision, "left": 0, "corrected": len(drawn), "html": "", "jumps": ""}
        if name is None:
            return told
        frames = {stem: kept for stem, kept in along.items() if kept is not None}
        if left := len(along) - len(frames):
            return {**told, "left": left}
        measures = Vessels(self.case, self.corrections, frames).measures(name)
        whole, plaques = vessel_html(measures), plaques_html(measures)
        html = f'<div class="oct-vessel">{whole}</div><div class="oct-found">{plaques}</div>'
        return {**told, "html": html, "jumps": jumps_html(measures)}

    @cached_property
    def _offers(self) -> list[Offer]:
        return offers_of(self.case, self.measuring)

    def export(self, asked: Mapping[str, Any]) -> Told:
        """Write the corrected results beside the saved ones, where they are the reader's own; what is said of that.

        asked: `kinds`, names of exports that are wanted as well. Strokes do not wait for it.
        """
        kinds = self.kinds_of(asked.get("kinds") or [])
        with self._lock:
            drawn = len(self.corrections.touched())
            taken = sum(is_for_training(self.corrections, stem) for stem in self._stems)
        said = f"{drawn} corrected frame{'' if drawn == 1 else 's'}, {taken} for training"
        if self.is_visitor:
            if self._sending.locked():
                raise CorrectionError(SENDING)
            href = f"results.zip?kinds={'+'.join(kinds)}" if kinds else "results.zip"
            return {
                "said": f"The ZIP file holds {said}",
                "file": f"{self.case.folder.name}_corrected.zip",
                "href": href,
            }
        with self._one_export() as corrections:
            made = export(self.case, corrections, self.measuring.apart(), kinds)
        said = f"Written to {made.folder.name} in the folder of the results: {said}"
        return {"said": ". ".join([said, *made.notes]), "file": None}

    def kinds_of(self, names: Any) -> tuple[str, ...]:
        """Names of exports, each once; CorrectionError where one is none, or cannot be made."""
        known = [offer["name"] for offer in self._offers]
        if not isinstance(names, list) or any(name not in known for name in names):
            raise CorrectionError(f"there is no such export; there are {', '.join(map(str, known))}")
        for offer in self._offers:
            if offer["name"] in names and offer["why_not"]:
                raise CorrectionError(f"no {offer['label']} can be made. {offer['why_not']}")
        return tuple(name for name in KINDS if name in names)

    @contextmanager
    def _one_export(self) -> Iterator[Corrections]:
        """The corrections as they are now, whatever is drawn meanwhile. CorrectionError where one is under way."""
        if not self._sending.acquire(blocking=False):
            raise CorrectionError(SENDING)
        try:
            with self._lock:
                corrections = Corrections(self.case, self.corrections.log.until_now())
            yield corrections
        finally:
            self._sending.release()

    def zipped(self, kinds: Sequence[str] = ()) -> Iterator[bytes]:
        """The results as they were, the corrected ones and the log, as they are now, in one ZIP, in pieces.

        kinds: exports that are wanted as well. Nothing else of it lies on the disk, and those only until they are sent.
        Strokes do not wait for it. One at a time: CorrectionError for another.
        """
        with self._one_export() as corrections:
            yield from zipped_members(self._members(corrections, kinds), self.case.run)

    def _members(self, corrections: Corrections, kinds: Sequence[str]) -> Iterator[tuple[str, Path | bytes]]:
        folder, log = self.case.folder, corrections.log
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path != log.path)
        yield from ((path.relative_to(folder).as_posix(), path) for path in files)
        yield log.path.name, log.content()
        within = folder_of(self.case, log.head["reader"]).name
        for name, content in files_of(self.case, corrections, self.measuring.apart(), kinds, self._room):
            yield f"{within}/{name}", content

    def close(self) -> None:
        """Measure nothing more, and let the log go."""
        self.stop()
        with self._lock:
            self.corrections.log.close()

    def stop(self) -> None:
        """Measure nothing more."""
        self.stopped.set()

    def _stem(self, number: int) -> str:
        if not 0 <= number < len(self._stems):
            raise CorrectionError("there is no such frame; load the page again")
        return self._stems[number]

    def _of_frame(self, stem: str) -> Told:
        """What changes with a stroke."""
        state = self.corrections.state(stem)
        result = self.measuring.original(stem) if state == "model" else self._drawn(stem)
        height, width = result.frame.shape[:2]
        unit = unit_px(height, width)
        return {
            "height": height,
            "width": width,
            "unit_px": unit,
            "withdrawn": result.withdrawn,
            "scale": result.pixel_spacing_mm,
            "bar_above": bar_above(result),
            "centre": None if result.places is None else [round(at, 1) for at in reversed(result.places.centre)],
            "marks": marks_record(result, unit),
            "numbers": _numbers_html(result, self._whose(stem)),
            "status": self._status(),
        }

    def _drawn(self, stem: str) -> FrameResult:
        """A frame's corrected outlines, measured."""
        result = self.measuring.result(stem, self.corrections.labels(stem))
        self._drawn_along[stem] = self.corrections.last_stroke(stem), FrameAlong.of(result)
        return result

    @property
    def _by(self) -> str | None:
        """Who has corrected the saved outlines, as those of a shared case; None where they are the model's."""
        by: str | None = self.case.run.get("corrected_by")
        return by

    def _of_saved(self) -> str:
        return OF["model"] if self._by is None else OF["shared"].format(self._by)

    def _whose(self, stem: str) -> str:
        strokes = self.corrections.strokes(stem)
        if not strokes:
            return self._of_saved()
        overruled = ", anatomy overruled" if any(stroke.overruled for stroke in strokes) else ""
        count = f"{len(strokes)} stroke{'s' if len(strokes) > 1 else ''}"
        return f"{OF[self.corrections.state(stem)]} ({count}{overruled})"

    def _status(self) -> Told:
        """What changes with every stroke, of all frames."""
        corrections = self.corrections
        states = [corrections.state(stem) for stem in self._stems]
        along = [
            saved if state == "model" else self._along(stem) or FrameAlong(frame=saved.frame)
            for stem, state, saved in zip(self._stems, states, self._saved_along, strict=True)
        ]
        withdrawn = [record["withdrawn"] is not None for _, record in self._all]
        return {
            "revision": corrections.revision,
            "can_undo": corrections.can_undo,
            "can_redo": corrections.can_redo,
            "states": states,
            "verdicts": [corrections.verdict(stem)[0] for stem in self._stems],
            "curves": curves(along),
            "withdrawn": [gone and state == "model" for gone, state in zip(withdrawn, states, strict=True)],
            "unmeasured": len(self._unmeasured()),
        }

    def _along(self, stem: str) -> FrameAlong | None:
        """What curves show of a corrected frame; None where it was not measured since it was drawn on."""
        stroke, along = self._drawn_along.get(stem, (0, None))
        return along if stroke == self.corrections.last_stroke(stem) else None

    def _unmeasured(self) -> list[str]:
        """Corrected frames of which curves show nothing yet: of a log that was opened again, or interpolated ones."""
        return [stem for stem in self.corrections.touched() if self._along(stem) is None]

    def measure_all(self) -> None:
        """Measure these, one by one, in one thread; a frame that is not there has no place in the curves."""
        if not self._measuring_all.acquire(blocking=False):
            return
        try:
            while (stems := self._unmeasured()) and not self.stopped.is_set():
                with self._lock:
                    self._measure(stems[0])
        finally:
            self._measuring_all.release()

    def _measure(self, stem: str) -> None:
        try:
            self._drawn(stem)
        except CorrectionError:
            gone = FrameAlong(frame=self.case.record(stem)["frame"])
            self._drawn_along[stem] = self.corrections.last_stroke(stem), gone

    def _spacing_mm(self) -> float | None:
        """From frame to frame, where all frames are of one vessel."""
        one = self._one_vessel()
        return None if one is None else self.case.pullbacks[one].get("frame_spacing_mm")

    def _one_vessel(self) -> str | None:
        """That all frames are of; None where they are not of one."""
        vessels = {self.case.vessel(stem) for stem in self._stems}
        return vessels.pop() if len(vessels) == 1 else None


def _numbers_html(result: FrameResult, whose: str) -> str:
    """A frame's numbers, with whose outlines they are of."""
    table = table_html(result.measures, result.intervals_95) if result.withdrawn is None else ""
    said = f'<p class="oct-whose">{text(whose)}</p>'
    return said + withdrawn_html(result.withdrawn) + summary_html(result) + table
