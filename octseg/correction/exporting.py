"""Corrected results beside the saved ones: masks, tables, what is measured along the vessel, exports, and the log.

The saved files stay as they are. The folder can be given to `train.prepare --source folder` as it stands: img/ and
mask/ hold the frames whose outlines a reader has drawn or accepted, and studies.csv says which frame each is.
"""

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE, PALETTE_INDEX
from octseg.correction.corrections import Corrections, State
from octseg.correction.measuring import Measuring
from octseg.correction.numbers import Record
from octseg.correction.placing import placed
from octseg.correction.runs import Labels
from octseg.correction.saved import MASK_END, SavedCase
from octseg.correction.segmented import Group, groups_of, segmented_of
from octseg.correction.vessels import Vessels, run_of
from octseg.errors import CorrectionError
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.kinds import write_exports
from octseg.export.pictures import frame_png, overlay_png
from octseg.export.png import indexed_png
from octseg.export.provenance import made_here, picture_texts
from octseg.export.pullback import SUFFIX, pullback_json
from octseg.export.run import CSV_NAME, JSON_NAME
from octseg.export.tables import csv_line, measures_csv, measures_json
from octseg.measurement.pullback import FrameAlong
from octseg.reading.own import SOFTWARE
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
*_report.html, *.nii.gz, *_seg.dcm, *_coco.json, *.geojson, *_overlay.mp4, *_frames
                 exports of these outlines, where they were asked for
corrections.jsonl  every stroke: who, when, on which frame, what it changed
img, mask, studies.csv  frames whose outlines were drawn or accepted by hand, for training:
                 python -m train.prepare --source folder --data {folder} --classes all --private --split none --out DATA

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


def export(case: SavedCase, corrections: Corrections, measuring: Measuring, kinds: Sequence[str] = ()) -> Exported:
    """Write all of it, and exports of kinds, in place of what was written before, once all of it is there."""
    folder = folder_of(case, corrections.log.head["reader"])
    writing = _Writing(case, corrections, measuring, _studies_in(folder / STUDIES_NAME))
    exported = Exported(folder, notes=writing.notes)
    with placed(exported.folder) as made:
        for name, content in writing.files():
            exported.files.append(_written(made, name, content))
        for group in writing.groups if kinds else ():
            exported.files += writing.write_exports(group, kinds, made)
        exported.files.append(_written(made, *writing.readme()))
    return exported


def _written(folder: Path, name: str, content: bytes) -> str:
    (folder / name).parent.mkdir(exist_ok=True)
    write_file(folder / name, content)
    return name


def files_of(
    case: SavedCase,
    corrections: Corrections,
    measuring: Measuring,
    kinds: Sequence[str] = (),
    room: AbstractContextManager[object] | None = None,
) -> Iterator[tuple[str, bytes | Path]]:
    """All of it, each name with its bytes or its file, made when it is asked for; a file is there until the next is.

    room: held while exports are made.
    """
    writing = _Writing(case, corrections, measuring)
    yield from writing.files()
    for group in writing.groups if kinds else ():
        with tempfile.TemporaryDirectory(prefix="export-", dir=case.folder.parent) as made:
            with room or nullcontext():
                names = writing.write_exports(group, kinds, Path(made))
            yield from ((name, Path(made) / name) for name in names)
    yield writing.readme()


def is_for_training(corrections: Corrections, stem: str) -> bool:
    """Whether a hand has drawn a frame's outlines, or accepted the model's, and has not rejected the frame."""
    state, (verdict, _) = corrections.state(stem), corrections.verdict(stem)
    return verdict != "rejected" and (state == "corrected" or (state == "model" and verdict == "accepted"))


class _Writing:
    """The files of one export, one after the other."""

    def __init__(
        self, case: SavedCase, corrections: Corrections, measuring: Measuring, studies: Mapping[str, str] | None = None
    ) -> None:
        """studies: file -> study, as the export before or whoever edited it has it."""
        self.case, self.corrections, self.measuring = case, corrections, measuring
        self._given_studies = studies or {}
        self.groups = groups_of(case)
        self.notes: list[str] = []
        self._records: dict[str, dict[str, Any]] = {}
        self._studies: list[tuple[str, str, str, int]] = []
        self._along: dict[str, FrameAlong] = {}
        self._vessels = Vessels(case, corrections, self._along)

    def files(self) -> Iterator[File]:
        """Frames first, then the tables, which are of all of them."""
        for stem in self.case.stems:
            yield from self._frame(stem)
        yield from self._pullbacks()
        run, records = run_of(self.case, self.corrections, list(self.case.stems)), list(self._records.values())
        yield JSON_NAME, measures_json(run, records).encode()
        yield CSV_NAME, measures_csv(run, records).encode()
        yield STUDIES_NAME, "".join(map(csv_line, (STUDIES_HEAD, *self._studies))).encode()
        yield LOG_NAME, self.corrections.log.content()

    def write_exports(self, group: Group, kinds: Sequence[str], folder: Path) -> list[str]:
        """Write exports of a group, once `files` were made; their names. Why there is none is noted."""
        try:
            segmented = segmented_of(group, self.case, self.corrections, self.measuring, self._records, self._vessels)
            exported = write_exports(kinds, segmented, folder, group.name)
        except CorrectionError as error:
            self.notes.append(f"of {group.name} there is no {', '.join(kinds)}: {error}")
            return []
        of = f"of {group.name}, " if len(self.groups) > 1 else ""
        self.notes += [f"{of}{sentence}" for sentence in exported.refused]
        return exported.files

    def readme(self) -> File:
        """What there is, and what is not."""
        reader = self.corrections.log.head["reader"]
        folder = folder_of(self.case, reader).name
        told = README.format(name=self.case.folder.name, reader=reader or "a reader", folder=folder)
        return README_NAME, "\n".join([told, *self.notes]).encode()

    def _frame(self, stem: str) -> Iterator[File]:
        """A frame's mask, its line in the tables, and what training needs of it."""
        state, record = self.corrections.state(stem), self.case.record(stem)
        verdict, reason = self.corrections.verdict(stem)
        if state == "interpolated" and verdict == "accepted":  # before outlines were interpolated
            verdict = "open"
        told = {"outlines": WORDS[state], "strokes": len(self.corrections.strokes(stem)), "reader_says": verdict}
        told["reader_says_why"] = reason or None
        mask_name, overlay_name = f"{stem}{MASK_END}", f"{stem}_overlay.png"
        if state == "model":
            mask = self.case.masks[stem]
            with told_in_one_sentence(mask.name):
                content = mask.read_bytes()
            yield mask_name, content
            self._records[stem] = {**record, "mask_file": mask_name, "overlay_file": None, **told}
        else:
            labels = self.corrections.labels(stem)
            result = self.measuring.result(stem, labels)
            self._along[stem] = FrameAlong.of(result)
            texts = {**picture_texts(result), "Outlines": WORDS[state]}
            yield mask_name, indexed_png(labels, PALETTE, texts)
            yield overlay_name, overlay_png(result)
            names = {"mask_file": mask_name, "overlay_file": overlay_name}
            self._records[stem] = {**record, **_measured(result, record), **names, **told}
        if is_for_training(self.corrections, stem):
            yield from self._for_training(stem, record)

    def _pullbacks(self) -> Iterator[File]:
        """What is measured along each vessel, where its results had that."""
        for name in self.case.vessels:
            try:
                record = self._vessels.record(name)
            except CorrectionError as error:
                self.notes.append(f"{name}{SUFFIX} is not written: {error}")
                continue
            yield f"{name}{SUFFIX}", pullback_json(dict(record)).encode()

    def _for_training(self, stem: str, record: Record) -> Iterator[File]:
        """Frame and mask as a lab's own are read: four planes of 0 and 255, in the order of the classes."""
        mark = mark_of(private=self.measuring.is_private(stem))
        yield f"img/{stem}.png", frame_png(self.measuring.frame(stem), mark)
        yield f"mask/{stem}.tif", _four_planes(self.corrections.labels(stem))
        file = f"{stem}.png"
        study = self._given_studies.get(file) or _study_of(self.case, stem)
        self._studies.append((file, study, "1", record["frame"]))


def _measured(result: FrameResult, record: Record) -> dict[str, Any]:
    """The numbers of corrected outlines, under the names that the saved record has; intervals were the model's."""
    told = result.to_record()
    measured = {name: told[name] for name in record if name in told}
    if record.get("intervals_95") is not None:
        measured["intervals_95"] = dict.fromkeys(record["intervals_95"])
    return measured


def _studies_in(path: Path) -> dict[str, str]:
    """File -> study of a studies.csv, in which a user has joined the pullbacks of one patient; {} where none is."""
    try:
        rows = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
        return {row["file"]: row["study"] for row in rows if row.get("file") and row.get("study")}
    except (OSError, ValueError, csv.Error):
        return {}


def _study_of(case: SavedCase, stem: str) -> str:
    """The pullback that a frame is of; of pictures by themselves their folder, so that none of them is a patient."""
    folder = case.record(stem).get("folder") or case.folder.resolve().name
    return case.vessel(stem) or folder.replace("/", "_")


def _four_planes(labels: Labels) -> bytes:
    """TIFF bytes of a page for each class."""
    pages = [Image.fromarray((labels == PALETTE_INDEX[name]).astype(np.uint8) * 255) for name in CLASS_NAMES]
    stream = io.BytesIO()
    pages[0].save(
        stream,
        "TIFF",
        save_all=True,
        append_images=pages[1:],
        compression="tiff_deflate",
        software=made_here()[SOFTWARE],
    )
    return stream.getvalue()
