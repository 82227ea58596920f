"""Results of `octseg predict` or of the page: palette masks beside measures.json, which says of which frame each is.

The page puts the name of a pullback before that of the table, and its masks into a folder of their own.
"""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE_INDEX
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError
from octseg.export.always import MASKS_ENDING
from octseg.export.journal import JOURNAL_NAME

MEASURES = "measures.json"
MASK_END = "_mask"
BY_MODEL, BY_HAND = "by the model", "corrected by hand"  # what corrected results say of a frame's outlines


def results_table(folder: Path) -> Path | None:
    """measures.json of a folder, or the only one that the page named; None where there is none."""
    found = [path for path in (folder / MEASURES,) if path.is_file()] or sorted(folder.glob(f"*_{MEASURES}"))
    return found[0] if len(found) == 1 else None


def results_reading(table: Path) -> Reading:
    """The frames of a measures.json, whose masks lie beside it."""
    folder = table.parent
    if (folder / JOURNAL_NAME).exists():
        raise ReadError(
            f"{folder.name} has a run that is under way or was ended, so its masks may be newer than {table.name}: let "
            "it end, by the same command, first"
        )
    try:
        told = json.loads(table.read_text(encoding="utf-8"))
        frames = tuple(_frame(table, record) for record in told["frames"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(f"{folder.name}/{table.name} is not one of octseg predict; make the results anew") from error
    if not frames:
        raise ReadError(f"{folder.name}/{table.name} tells of no frame")
    reader = told.get("corrected_by")
    return Reading(folder.name, frames, CLASS_NAMES, one_tissue=True, reader=reader if isinstance(reader, str) else "")


def _mask_of(table: Path, record: dict[str, Any]) -> Path:
    """Where the mask of a frame lies: as the record says, or as the page names it."""
    if record.get("mask_file"):
        return table.with_name(Path(record["mask_file"]).name)
    name = table.name.removesuffix(f"_{MEASURES}")
    of_pullback = table.parent / f"{name}{MASKS_ENDING}" / f"{name}_{record['frame']:04d}{MASK_END}.png"
    return of_pullback if of_pullback.is_file() else table.with_name(f"{name}{MASK_END}.png")


def _frame(table: Path, record: dict[str, Any]) -> FrameRead:
    mask, spacing = _mask_of(table, record), record["pixel_spacing_mm"]
    stem = stem_of(mask)
    if spacing is not None and not 0 < spacing < np.inf:
        raise ValueError("no scale")
    return FrameRead(
        stem=stem,
        number=record["frame"],
        read=partial(palette_masks, mask),
        pixel_spacing_mm=spacing,
        withdrawn=record["withdrawn"] is not None and record.get("outlines") in (None, BY_MODEL),
        judged=_judged(record),
        sha256=record.get("frame_sha256"),
        folder=str(record.get("folder") or ""),
        own_stem=_own_stem(stem, str(record.get("file") or "")),
    )


def _own_stem(stem: str, file: str) -> str | None:
    """The stem less the -2, -3 ... that tells files of one name in several folders apart; None where it has none."""
    name = Path(file).stem
    apart = re.fullmatch(rf"{re.escape(name)}-\d+((?:_\d+)?)", stem)
    return None if apart is None or not name else name + apart[1]


def _judged(record: dict[str, Any]) -> bool | None:
    """Of a frame of corrected results, whether its reader has corrected or accepted it."""
    if "outlines" not in record:
        return None
    says = record.get("reader_says")
    return says != "rejected" and (record["outlines"] == BY_HAND or says == "accepted")


def stem_of(path: Path) -> str:
    """The frame's name by that of a file of it."""
    return path.name.removesuffix(path.suffix).removesuffix(MASK_END)


def palette_masks(path: Path) -> Masks:
    """The classes' pixels (H, W) by their numbers in octseg's own palette."""
    try:
        with Image.open(path) as picture:
            indices = np.asarray(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ReadError(f"{path.name} cannot be read: {error.__class__.__name__}; make the results anew") from error
    if indices.ndim != 2:
        raise ReadError(f"{path.name} is no palette mask; make the results anew")
    return {name: indices == PALETTE_INDEX[name] for name in CLASS_NAMES}
