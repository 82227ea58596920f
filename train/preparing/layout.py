"""Frames that were made, put in their places in the dataset folder (octseg/dataset/folder.py), and counted."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octseg.dataset.folder import METADATA_FILE, SPLITS, TYPED_METADATA_FILE
from octseg.export.files import told_in_one_sentence
from train.preparing.workshop import Made, Workshop


@dataclass(frozen=True)
class Placed:
    """A made frame and the split that it belongs to, with what its line of metadata says beside its row."""

    made: Made
    split: str
    extra: Mapping[str, Any]

    def line(self) -> dict[str, Any]:
        """Its line of metadata.jsonl; file names are relative to that file."""
        name = f"{self.made.item.name.stem}.png"
        files = {"image_file_name": f"images/{name}", "mask_file_name": f"masks/{name}"}
        return {**files, **self.made.row, **self.extra}


def lay_out(workshop: Workshop, frames: Sequence[Placed], types: Mapping[str, str]) -> Path:
    """A new folder in the workshop with frames, masks and metadata in their places; an older one is thrown away."""
    folder = workshop.folder / "dataset"
    lines = {split: [placed.line() for placed in frames if placed.split == split] for split in SPLITS}
    typed = needs_types([of_split for of_split in lines.values() if of_split])
    with told_in_one_sentence("the dataset"):
        shutil.rmtree(folder, ignore_errors=True)
        for split in SPLITS:
            of_split = [placed for placed in frames if placed.split == split]
            if not of_split:
                continue
            for kind in ("images", "masks"):
                (folder / split / kind).mkdir(parents=True)
            for placed in of_split:
                name = placed.made.item.name
                image, mask, _ = workshop.paths(name)
                _link(image, folder / split / "images" / f"{name.stem}.png")
                _link(mask, folder / split / "masks" / f"{name.stem}.png")
            if typed:
                _write_typed(folder / split / TYPED_METADATA_FILE, lines[split], types)
            else:
                text = "".join(json.dumps(line) + "\n" for line in lines[split])
                (folder / split / METADATA_FILE).write_bytes(text.encode())
    return folder


def needs_types(splits: Sequence[Sequence[Mapping[str, Any]]]) -> bool:
    """Whether a column is empty throughout one split and not throughout another: JSON then tells two types of it."""
    empty = [{key for key in lines[0] if all(line[key] is None for line in lines)} for lines in splits]
    return any(each != empty[0] for each in empty)


def _write_typed(path: Path, lines: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> None:
    # It takes a while to load, and few datasets need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    of_kind = {
        "image": pa.string(),
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
    }
    schema = pa.schema(
        [(f"{name}_file_name" if kind == "image" else name, of_kind[kind]) for name, kind in types.items()]
    )
    pq.write_table(pa.Table.from_pylist([dict(line) for line in lines], schema=schema), path)


def _link(source: Path, target: Path) -> None:
    """A second name for the file; a copy where the disk knows no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def counts(frames: Sequence[Placed], classes: Sequence[str]) -> dict[str, Any]:
    """Frames, studies and frames that bear each class, by split and by study."""
    told: dict[str, Any] = {}
    for split in SPLITS:
        of_split = [placed.made.row for placed in frames if placed.split == split]
        if of_split:
            by_study: dict[str, list[dict[str, Any]]] = {}
            for row in of_split:
                by_study.setdefault(row["study"], []).append(row)
            told[split] = {
                **_count(of_split, classes),
                "by_study": {study: _count(by_study[study], classes) for study in sorted(by_study)},
            }
    return told


def _count(rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, Any]:
    return {
        "frames": len(rows),
        "studies": len({row["study"] for row in rows}),
        "frames_with": {name: sum(row[f"{name}_area_px"] > 0 for row in rows) for name in classes},
        "pixels_of": {name: sum(row[f"{name}_area_px"] for row in rows) for name in classes},
        "frames_with_scale": sum(row["pixel_spacing_mm"] is not None for row in rows),
    }


def known_sums(frames: Sequence[Placed]) -> dict[str, str]:
    """File -> sha256 of frames and masks, taken when they were made."""
    sums = {}
    for placed in frames:
        name = placed.made.item.name.stem
        for kind, digest in zip(("images", "masks"), placed.made.sha256, strict=True):
            sums[f"{placed.split}/{kind}/{name}.png"] = digest
    return sums
