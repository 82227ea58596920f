"""One reader's corrections of a case as a reading, which can be compared with another's."""

from functools import partial

from octseg.classes import CLASS_NAMES
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.correction.corrections import Corrections
from octseg.correction.log import NAMELESS, KeptLog, head_of, log_name, logs_in
from octseg.correction.measuring import planes_of, scale_in
from octseg.correction.saved import SavedCase
from octseg.errors import CorrectionError


def reading_of(case: SavedCase, reader: str) -> Reading:
    """What a reader's log makes of a case; "" for the one who gave no name.

    Raises CorrectionError where there is no such log, or it is of other frames.
    """
    corrections = kept_corrections(case, reader)
    frames = tuple(_frame(case, corrections, stem) for stem in case.stems)
    name = reader or NAMELESS
    return Reading(name, frames, CLASS_NAMES, one_tissue=True, reader=name)


def kept_corrections(case: SavedCase, reader: str) -> Corrections:
    """A reader's corrections of a case, to be looked at; a page may be open on them.

    Raises CorrectionError where there is no such log, or it is of other frames.
    """
    path = case.folder / log_name(reader)
    if not path.is_file():
        there = ", ".join(logs_in(case.folder))
        if there:
            raise CorrectionError(f"{case.folder.name} has no {path.name}; it has {there}")
        raise CorrectionError(
            f"{case.folder.name} has no {path.name}, for nothing in it was corrected yet: correct its outlines first, "
            "on the page that `octseg review` opens of it without --export"
        )
    return Corrections(case, KeptLog(path, head_of(case.run, reader)))


def refuse_exported(case: SavedCase) -> None:
    """CorrectionError where a case is what a review has exported: its log is of the outlines of before."""
    by = case.run.get("corrected_by")
    if by is not None and (case.folder / log_name("")).is_file():
        raise CorrectionError(
            f"{case.folder.name} holds what a review by {by} has exported, and the log of it: to go on, review the "
            "folder that it lies in, with the same --reader"
        )


def _frame(case: SavedCase, corrections: Corrections, stem: str) -> FrameRead:
    record, state = case.record(stem), corrections.state(stem)
    verdict, _ = corrections.verdict(stem)
    return FrameRead(
        stem=stem,
        number=record["frame"],
        read=partial(_masks, corrections, stem),
        pixel_spacing_mm=scale_in(case, stem).pixel_spacing_mm,
        withdrawn=record["withdrawn"] is not None and state == "model",
        judged=verdict != "rejected" and (state == "corrected" or verdict == "accepted"),
        sha256=record["frame_sha256"],
    )


def _masks(corrections: Corrections, stem: str) -> Masks:
    return dict(planes_of(corrections.labels(stem)))
