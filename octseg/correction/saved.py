"""Results as they were saved, opened without the model that made them: tables, masks, and the frames they are of.

A folder of `octseg predict`, what the page gives as a ZIP, unpacked, or one shared case. Nothing is read of a frame
before it is asked for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.correction.numbers import Record, saved_along
from octseg.correction.runs import Labels
from octseg.errors import CorrectionError
from octseg.export.always import MASKS_ENDING
from octseg.export.journal import JOURNAL_NAME
from octseg.export.pictures import DOUBT_ENDING
from octseg.export.pullback import SUFFIX
from octseg.export.run import JSON_NAME
from octseg.measurement.pullback import FrameAlong
from octseg.measurement.pullback.measuring import LEAST_SPACING_MM, MOST_SPACING_MM
from octseg.measurement.records import are_texts, is_text, loads_finite
from octseg.reading.own import own_kind

MASK_END = "_mask.png"
AGAIN = "run `octseg predict` again, with --export labelme if the frames are to lie beside it"
SHA256 = re.compile(r"[0-9a-f]{64}")
Doubt = NDArray[np.uint8]


@dataclass(frozen=True)
class SavedCase:
    """Frames in the order of measures.json, each known by its stem, what the names of its files begin with.

    table: measures.json. run: the head of it. masks: stem -> file.
    pullbacks: what is measured along vessels, stem -> its record.
    """

    folder: Path
    table: Path
    run: Record
    records: Mapping[str, Record] = field(repr=False)
    masks: Mapping[str, Path] = field(repr=False)
    pullbacks: Mapping[str, Record] = field(repr=False)
    _along: dict[str, list[FrameAlong]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def stems(self) -> Mapping[str, Record]:
        """Those of all frames, in order."""
        return self.records

    @cached_property
    def vessels(self) -> Mapping[str, Sequence[str]]:
        """Stems of the frames of each pullback, in order: of its file, or the pictures of its folder."""
        taken = {_place_of(saved) for saved in self.pullbacks.values()}
        alone: dict[str, list[str]] = {}  # pictures that are in no pullback's file, by their folders
        of_file: dict[tuple[str, str], list[str]] = {}
        for stem, record in self.records.items():
            folder, file = _place_of(record)
            held = of_file.setdefault((folder, file), []) if (folder, file) in taken else alone.setdefault(folder, [])
            held.append(stem)
        return {
            name: of_file.get(_place_of(saved)) or alone.get(_place_of(saved)[0], [])
            for name, saved in self.pullbacks.items()
        }

    def vessel(self, stem: str) -> str | None:
        """The pullback that a frame is of; None where it is a picture by itself."""
        return self._vessel_of.get(stem)

    @cached_property
    def _vessel_of(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for name, stems in self.vessels.items():
            for stem in stems:
                found.setdefault(stem, name)
        return found

    def along(self, vessel: str) -> list[FrameAlong]:
        """What was saved of a vessel's frames, in order; CorrectionError where that is not all there."""
        if vessel not in self._along:
            records = [self.records[stem] for stem in self.vessels[vessel]]
            self._along[vessel] = saved_along(self.pullbacks[vessel], records)
        return self._along[vessel]

    def range_of(self, vessel: str) -> tuple[int, int] | None:
        """Numbers of the first and last frame of the range that was chosen in a vessel; None where none was."""
        chosen = self.pullbacks[vessel].get("range")
        return None if chosen is None else (chosen["first_frame"], chosen["last_frame"])

    def record(self, stem: str) -> Record:
        """A frame's entry in measures.json; CorrectionError where there is no such frame."""
        try:
            return self.records[stem]
        except KeyError:
            raise CorrectionError(f"there is no frame {stem} in {self.folder.name}; load the page again") from None

    def labels(self, stem: str) -> Labels:
        """The labels (H, W) that the model gave."""
        record, path = self.record(stem), self.masks[stem]
        try:
            with path.open("rb") as file:
                kind = own_kind(file)
            with Image.open(path, formats=["PNG"]) as picture:
                labels = np.asarray(picture) if picture.mode == "P" else None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise CorrectionError(f"{path.name} cannot be read: {type(error).__name__}; {AGAIN}") from error
        shape = record["height"], record["width"]
        if kind != "mask" or labels is None or labels.shape != shape or labels.max(initial=0) > len(CLASS_NAMES):
            raise CorrectionError(f"{path.name} is no palette mask of its frame, {shape[1]} x {shape[0]} px; {AGAIN}")
        return labels

    def doubt(self, stem: str) -> Doubt | None:
        """Where variants of a frame disagree with the model's outlines (H, W), 255 for all.

        None where no file of that lies beside the mask, or one that is damaged or of another frame.
        """
        record, mask = self.record(stem), self.masks[stem]
        try:
            path = mask.with_name(f"{mask.name.removesuffix(MASK_END)}{DOUBT_ENDING}")
            with Image.open(path, formats=["PNG"]) as picture:
                doubt = np.asarray(picture) if picture.mode == "L" else None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            return None
        return doubt if doubt is not None and doubt.shape == (record["height"], record["width"]) else None


def open_saved(folder: Path) -> SavedCase:
    """The results in a folder. Raises CorrectionError where there are none."""
    path = _table(folder)
    if (folder / JOURNAL_NAME).exists():
        raise CorrectionError(
            f"{folder.name} has a run of `octseg predict` that is under way or was ended, so its masks may be newer "
            "than its numbers: let it end, by the same command, first"
        )
    try:
        told = loads_finite(path.read_bytes())
        records = told.pop("frames")
        told.pop("late_warnings", None)
        good = is_text(told["model"]["sha256"]) and is_text(told["octseg"]) and all(map(_is_record, records))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorrectionError(f"{path.name} is not one that this version writes; {AGAIN}") from error
    if not good or not records:
        raise CorrectionError(f"{path.name} is not one that this version writes, or has no frame; {AGAIN}")
    masks = _masks(folder, path, records)
    by_stem = {stem: record for (stem, _), record in zip(masks, records, strict=True)}
    if len(by_stem) < len(records):
        raise CorrectionError(f"{path.name} names one mask for two frames; {AGAIN}")
    return SavedCase(folder, path, told, by_stem, dict(masks), _pullbacks(folder))


def table_names(folder: Path) -> list[str]:
    """Those of what may be measures.json of a folder: where the page made it, its pullback's name stands before."""
    if (folder / JSON_NAME).is_file():
        return [JSON_NAME]
    return sorted(path.name for path in folder.glob(f"*_{JSON_NAME}"))


def _table(folder: Path) -> Path:
    if not folder.is_dir():
        raise CorrectionError(f"there is no folder {folder}; give one that `octseg predict` wrote")
    found = table_names(folder)
    if len(found) != 1:
        what = "no" if not found else f"{len(found)} files named"
        raise CorrectionError(f"{folder.name} has {what} {JSON_NAME}: give a folder that `octseg predict --out` wrote")
    return folder / found[0]


def _masks(folder: Path, table: Path, records: Sequence[Record]) -> list[tuple[str, Path]]:
    """Stem and mask of each frame; CorrectionError where one is not there."""
    prefix = table.name.removesuffix(JSON_NAME).removesuffix("_")
    there = {
        path.relative_to(folder).as_posix() for path in (*folder.glob("*.png"), *folder.glob(f"*{MASKS_ENDING}/*"))
    }
    alone = sorted(name for name in there if name.endswith(MASK_END) and "/" not in name)
    found = []
    for record in records:
        names = [
            Path(str(record.get("mask_file") or "")).name,
            f"{prefix}{MASKS_ENDING}/{prefix}_{record['frame']:04d}{MASK_END}",
            *(alone if len(records) == len(alone) == 1 else ()),
            *(f"{Path(record['file']).stem}{end}{MASK_END}" for end in ("", f"_{record['frame']:04d}")),
        ]
        name = next((name for name in names if name in there), None)
        if name is None:
            raise CorrectionError(
                f"the mask of frame {record['frame']} of {record['file']} is not in {folder.name}: on the page, choose "
                f"Choose all; else {AGAIN}"
            )
        found.append((Path(name).name.removesuffix(MASK_END).removesuffix(".png"), folder / name))
    return found


def _place_of(record: Record) -> tuple[str, str]:
    """Folder and file that a frame or a pullback is of."""
    return record.get("folder") or "", record["file"]


def _pullbacks(folder: Path) -> dict[str, Record]:
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            record = loads_finite(path.read_bytes())
            good = is_text(record["file"])
            if good and not _is_pullback(record):
                raise ValueError(path.name)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorrectionError(f"{path.name} is not one that this version writes; {AGAIN}") from error
        if good:
            found[path.name.removesuffix(SUFFIX)] = record
    return found


def _is_pullback(record: Any) -> bool:
    """Whether a `<name>_pullback.json` has what is used of it; its rays are looked at where they count."""
    spacing, chosen = record["frame_spacing_mm"], record.get("range")
    return (
        (spacing is None or (type(spacing) in (int, float) and LEAST_SPACING_MM <= spacing <= MOST_SPACING_MM))
        and (chosen is None or _are_ends(chosen["first_frame"], chosen["last_frame"]))
        and is_text(record.get("folder", ""))
        and are_texts(record["warnings"])
        and isinstance(record["en_face"], dict)
        and isinstance(record["en_face"]["rows"], list)
    )


def _are_ends(first: Any, last: Any) -> bool:
    return type(first) is int and type(last) is int and first <= last


def _is_record(record: Any) -> bool:
    """Whether an entry of measures.json has what is used of it."""
    spacing = record["pixel_spacing_mm"]
    return (
        all(type(record[name]) is int and record[name] > 0 for name in ("height", "width"))
        and type(record["frame"]) is int
        and is_text(record["file"])
        and SHA256.fullmatch(record["frame_sha256"]) is not None
        and (spacing is None or (type(spacing) in (int, float) and 0 < spacing < 1))
        and are_texts(record["warnings"])
        and (record["withdrawn"] is None or is_text(record["withdrawn"]))
    )
