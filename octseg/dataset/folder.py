"""The finished dataset folder: where its files lie, what its columns are, and how its papers are read and written.

DIR/{train,validation[,test]}/images/STEM.png   frames
DIR/{train,validation[,test]}/masks/STEM.png    palette masks: 0 background, 1.. the classes of classes.py
DIR/{train,validation[,test]}/metadata.jsonl    a line for each frame
DIR/provenance.json, README.md, ATTRIBUTION.md, SHA256SUMS, preview/

As Parquet, frames, masks and lines lie in DIR/data/SPLIT-00000-of-0000N.parquet instead.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from octseg.classes import PALETTE_INDEX
from octseg.dataset.publishing import PROVENANCE_FILE, SUMS_FILE, sums_text
from octseg.errors import DatasetError
from octseg.export.files import sha256_of

SPLITS = ("train", "validation", "test")
PICTURES = ("image", "mask")
METADATA_FILE, TYPED_METADATA_FILE = "metadata.jsonl", "metadata.parquet"
PREVIEW_FOLDER = "preview"
SHEET_FILE, HISTOGRAM_FILE = f"{PREVIEW_FOLDER}/contact_sheet.png", f"{PREVIEW_FOLDER}/class_areas.png"


def write_sums(folder: Path, known: Mapping[str, str]) -> None:
    """SHA256SUMS of all files; those whose sum is `known` are not read again."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    sums = {name: known.get(name) or sha256_of(folder / name) for name in names if name != SUMS_FILE}
    (folder / SUMS_FILE).write_bytes(sums_text(sums).encode())


def read_lines(folder: Path, split: str) -> list[dict[str, Any]]:
    """The metadata of one split; none where there is no such split.

    Raises DatasetError where it is not what such a file holds.
    """
    path, typed = folder / split / METADATA_FILE, folder / split / TYPED_METADATA_FILE
    try:
        if typed.exists():
            import pyarrow.parquet as pq

            lines: list[dict[str, Any]] = pq.read_table(typed).to_pylist()
        elif path.exists():
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        else:
            return []
    except (OSError, ValueError) as error:
        raise DatasetError(f"the metadata of {split} in {folder.name} cannot be read") from error
    needed = ("image_file_name", "mask_file_name", "study")
    if not all(isinstance(line, dict) and all(isinstance(line.get(key), str) for key in needed) for line in lines):
        raise DatasetError(f"the metadata of {split} in {folder.name} has lines without {', '.join(needed)}")
    return lines


def read_row(folder: Path, line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of a split's metadata with the PNG bytes of its frame and mask, as a row of Parquet has them.

    Raises DatasetError where one of them cannot be read.
    """
    row: dict[str, Any] = {}
    for kind in PICTURES:
        path = folder / line[f"{kind}_file_name"]
        try:
            row[kind] = {"bytes": path.read_bytes(), "path": path.name}
        except OSError as error:
            raise DatasetError(f"{path.name} among the {path.parent.name} of {folder.name} cannot be read") from error
    return row | {key: value for key, value in line.items() if not key.endswith("_file_name")}


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """provenance.json; the same content gives the same bytes."""
    text = json.dumps(provenance, indent=2, ensure_ascii=False)
    (folder / PROVENANCE_FILE).write_bytes(f"{text}\n".encode())


def palette_meaning(classes: Sequence[str]) -> dict[str, str]:
    """Value in a mask -> what it means, as strings for JSON."""
    return {"0": "background"} | {str(PALETTE_INDEX[name]): name for name in classes}


def column_types(classes: Sequence[str], *, leaks: bool, folds: bool) -> dict[str, str]:
    """Column -> its type as `datasets` names it, in the order of the columns; pictures are "image"."""
    types = {"image": "image", "mask": "image", "study": "string", "series": "string", "frame": "int64"}
    types |= {"pixel_spacing_mm": "float64", "pixel_spacing_source": "string"}
    types |= {"native_height": "int64", "native_width": "int64", "native_pixel_spacing_mm": "float64"}
    for name in classes:
        types |= {f"{name}_area_px": "int64", f"{name}_area_mm2": "float64"}
    if len(classes) > 1:
        types["overlap_px"] = "int64"
    if leaks:
        types["split_leaks"] = "bool"
    if folds:
        types["fold"] = "int64"
    return types


def columns_of(provenance: Mapping[str, Any]) -> dict[str, str]:
    """The columns of a finished dataset."""
    split = provenance["split"]
    return column_types(provenance["classes"], leaks=split["leaks"], folds=split["folds"] is not None)
