"""Corrected results beside the saved ones: masks, tables and what is measured along the vessel, with the log.

The saved files stay as they are. The folder can be given to `train.prepare --source folder` as it stands: img/ and
mask/ hold the frames whose outlines a reader has drawn or accepted, and studies.csv says which frame each is.
"""

import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE, PALETTE_INDEX
from octseg.correction.corrections import Corrections, State
from octseg.correction.measuring import Measuring
from octseg.correction.runs import Labels
from octseg.correction.saved import Record, SavedCase
from octseg.errors import CorrectionError
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.pictures import frame_png, overlay_png
from octseg.export.png import indexed_png
from octseg.export.provenance import picture_texts
from octseg.export.pullback import SUFFIX, PullbackOrigin, pullback_json, pullback_record
from octseg.export.run import CSV_NAME, JSON_NAME
from octseg.export.tables import csv_line, measures_csv, measures_json
from octseg.measurement.pullback import FrameAlong, measure_pullback
from octseg.reading.private import mark_of
from octseg.result import FrameResult

FOLDER = "corrected"
File: TypeAlias = tuple[str, bytes]
LOG_NAME, STUDIES_NAME, README_NAME = "corrections.jsonl", "studies.csv", "README.txt"
STUDIES_HEAD = ("file", "study", "series", "frame")
WORDS: Mapping[State, str] = {
    "model": "by the model",
    "corrected": "corrected by hand",
    "interpolated": "interpolated between corrected frames, not accepted",
}
README = """Outlines of {name}, corrected by {reader}.

*_mask.png       outlines as they are now, as a palette picture; the model's are in the folder above
*_overlay.png    of corrected frames
measures.csv     a row a frame; `outlines` says whose outlines its numbers are of, `strokes` by how many strokes
measures.json    the same
*_pullback.json  along the vessel, of these outlines
corrections.jsonl  every stroke: who, when, on which frame, what it changed
img, mask, studies.csv  frames whose outlines were drawn or accepted by hand, for training:
                 python -m train.prepare --source folder --data {folder} --private --out DATA

Research use only, not a medical device.
"""


@dataclass
class Exported:
    """What was written into the folder, and what is missing."""

    folder: Path
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def folder_of(case: SavedCase, reader: str) -> Path:
    """Where the corrected results of a reader lie."""
    return case.folder / (f"{FOLDER}_{reader}" if reader else FOLDER)


def export(case: SavedCase, corrections: Corrections, measuring: Measuring) -> Exported:
    """Write all of it; a file that is there is put in place anew when it is whole."""
    reader = corrections.log.head["reader"]
    folder = folder_of(case, reader)
    exported = Exported(folder)
    with told_in_one_sentence(f"the folder {folder.name}"):
        for within in ("img", "mask"):
            shutil.rmtree(folder / within, ignore_errors=True)
            (folder / within).mkdir(parents=True)
    writing = _Writing(case, corrections, measuring)
    for name, content in writing.files():
        write_file(folder / name, content)
        exported.files.append(name)
    exported.notes = writing.notes
    return exported


def files_of(case: SavedCase, corrections: Corrections, measuring: Measuring) -> Iterator[File]:
    """All of it, name and bytes, each made when it is asked for."""
    return _Writing(case, corrections, measuring).files()


def is_for_training(corrections: Corrections, stem: str) -> bool:
    """Whether a hand has drawn a frame's outlines, or accepted the model's, and has not rejected the frame."""
    state, (verdict, _) = corrections.state(stem), corrections.verdict(stem)
    return verdict != "rejected" and (state == "corrected" or (state == "model" and verdict == "accepted"))


class _Writing:
    """The files of one export, one after the other."""

    def __init__(self, case: SavedCase, corrections: Corrections, measuring: Measuring) -> None:
        self.case, self.corrections, self.measuring = case, corrections, measuring
        self.notes: list[str] = []
        self._records: list[dict[str, Any]] = []
        self._studies: list[tuple[str, str, str, int]] = []
        self._along: dict[str, FrameAlong] = {}

    def files(self) -> Iterator[File]:
        """Frames first, then the tables, which are of all of them."""
        reader = self.corrections.log.head["reader"]
        for stem in self.case.stems:
            yield from self._frame(stem)
        yield from self._pullbacks()
        run = {**self.case.run, "corrected_by": reader or "a reader without a name"}
        yield JSON_NAME, measures_json(run, self._records).encode()
        yield CSV_NAME, measures_csv(run, self._records).encode()
        yield STUDIES_NAME, "".join(map(csv_line, (STUDIES_HEAD, *self._studies))).encode()
        yield LOG_NAME, self.corrections.log.content()
        folder = folder_of(self.case, reader).name
        told = README.format(name=self.case.folder.name, reader=reader or "a reader", folder=folder)
        yield README_NAME, "\n".join([told, *self.notes]).encode()

    def _frame(self, stem: str) -> Iterator[File]:
        """A frame's mask, its line in the tables, and what training needs of it."""
        state, record = self.corrections.state(stem), self.case.record(stem)
        verdict, reason = self.corrections.verdict(stem)
        told = {"outlines": WORDS[state], "strokes": len(self.corrections.strokes(stem)), "reader_says": verdict}
        told["reader_says_why"] = reason or None
        mask_name, overlay_name = f"{stem}_mask.png", f"{stem}_overlay.png"
        if state == "model":
            mask = self.case.masks[stem]
            with told_in_one_sentence(mask.name):
                content = mask.read_bytes()
            yield mask_name, content
            self._records.append({**record, "mask_file": mask_name, "overlay_file": None, **told})
        else:
            labels = self.corrections.labels(stem)
            result = self.measuring.result(stem, labels)
            self._along[stem] = FrameAlong.of(result)
            texts = {**picture_texts(result), "Outlines": WORDS[state]}
            yield mask_name, indexed_png(labels, PALETTE, texts)
            yield overlay_name, overlay_png(result)
            names = {"mask_file": mask_name, "overlay_file": overlay_name}
            self._records.append({**record, **_measured(result, record), **names, **told})
        if is_for_training(self.corrections, stem):
            yield from self._for_training(stem, record)

    def _pullbacks(self) -> Iterator[File]:
        """What is measured along each vessel, where its results had that."""
        for name, saved in self.case.pullbacks.items():
            stems = self.case.vessels[name]
            if not any(stem in self._along for stem in stems):
                yield f"{name}{SUFFIX}", pullback_json(dict(saved)).encode()
                continue
            try:
                along = [self._along.get(stem) or FrameAlong.of(self.measuring.original(stem)) for stem in stems]
            except CorrectionError as error:
                self.notes.append(f"{name}{SUFFIX} is not written: {error}")
                continue
            origin = PullbackOrigin(
                file=saved["file"],
                folder=saved.get("folder", ""),
                pixel_spacing_source=saved.get("pixel_spacing_source"),
                pixel_spacing_evidence=saved.get("pixel_spacing_evidence"),
                frame_spacing_source=saved.get("frame_spacing_source"),
                warnings=(f"{len(self._along)} of {len(stems)} frames have outlines that were corrected by hand",),
            )
            made = pullback_record(measure_pullback(along, saved.get("frame_spacing_mm")), origin, self.case.run)
            yield f"{name}{SUFFIX}", pullback_json(made).encode()

    def _for_training(self, stem: str, record: Record) -> Iterator[File]:
        """Frame and mask as a lab's own are read: four planes of 0 and 255, in the order of the classes."""
        mark = mark_of(private=self.measuring.is_private(stem))
        yield f"img/{stem}.png", frame_png(self.measuring.frame(stem), mark)
        yield f"mask/{stem}.tif", _four_planes(self.corrections.labels(stem))
        self._studies.append((f"{stem}.png", _study_of(self.case, stem), "1", record["frame"]))


def _measured(result: FrameResult, record: Record) -> dict[str, Any]:
    """The numbers of corrected outlines, under the names that the saved record has; intervals were the model's."""
    told = result.to_record()
    measured = {name: told[name] for name in record if name in told}
    if record.get("intervals_95") is not None:
        measured["intervals_95"] = dict.fromkeys(record["intervals_95"])
    return measured


def _study_of(case: SavedCase, stem: str) -> str:
    """The pullback that a frame is of; of pictures by themselves their folder, so that none of them is a patient."""
    folder = case.record(stem).get("folder") or case.folder.resolve().name
    return case.vessel(stem) or folder.replace("/", "_")


def _four_planes(labels: Labels) -> bytes:
    """TIFF bytes of a page for each class."""
    pages = [Image.fromarray((labels == PALETTE_INDEX[name]).astype(np.uint8) * 255) for name in CLASS_NAMES]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_deflate")
    return stream.getvalue()
