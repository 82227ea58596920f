"""A dataset folder as Parquet files for the Hub: frames and palette masks as PNG bytes, which its viewer shows.

A mask given as a picture in memory would be coded anew, as TIFF; its own PNG bytes keep the palette and every index.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence
from octseg.publishing import require_publishable
from train.preparing import card
from train.preparing.layout import SPLITS, columns_of, read_lines, write_provenance, write_sums
from train.preparing.preview import FOLDER as PREVIEW_FOLDER

SHARD_BYTES = 400_000_000
ROWS_PER_GROUP = 100  # what the Hub's viewer reads at once


def export(folder: Path, out: Path, progress: Any = iter) -> None:
    """Write `out`/data/SPLIT-00000-of-0000N.parquet with card, attribution, provenance and sums.

    Raises PublishingError where the folder may not be published, DatasetError where `out` is there already.
    """
    provenance = require_publishable(folder)
    if out.exists():
        raise DatasetError(f"{out.name} is there already; remove it, or choose another folder")
    partial = out.with_name(f"{out.name}.partial")
    with told_in_one_sentence(out.name):
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "data").mkdir(parents=True)
        bytes_of = {
            split: _write_split(folder, split, partial / "data", provenance, progress)
            for split in SPLITS
            if split in provenance["counts"]
        }
        (partial / PREVIEW_FOLDER).mkdir(exist_ok=True)
        for picture in (folder / PREVIEW_FOLDER).iterdir():
            (partial / PREVIEW_FOLDER / picture.name).write_bytes(picture.read_bytes())
        data_files = {split: f"data/{split}-*" for split in bytes_of}
        text = card.front_matter(provenance, data_files, bytes_of) + card.body(provenance)
        (partial / card.CARD_FILE).write_text(text, encoding="utf-8")
        (partial / card.ATTRIBUTION_FILE).write_text(card.attribution(provenance) + "\n", encoding="utf-8")
        write_provenance(partial, provenance)
        write_sums(partial, {})
        partial.rename(out)


def _write_split(folder: Path, split: str, target: Path, provenance: Mapping[str, Any], progress: Any) -> int:
    """Bytes of the Parquet files written."""
    # These take seconds to load, and only this export needs them.
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features, Image, Value

    types = columns_of(provenance)
    features = Features({name: Image() if kind == "image" else Value(kind) for name, kind in types.items()})
    lines = read_lines(folder, split)
    shards = _shards(folder / split, lines)
    written = 0
    for number, shard in enumerate(shards):
        path = target / f"{split}-{number:05d}-of-{len(shards):05d}.parquet"
        with pq.ParquetWriter(path, features.arrow_schema, compression="zstd") as writer:
            for start in range(0, len(shard), ROWS_PER_GROUP):
                rows = [_row(folder / split, line, types) for line in progress(shard[start : start + ROWS_PER_GROUP])]
                writer.write_table(pa.Table.from_pylist(rows, schema=features.arrow_schema))
        written += path.stat().st_size
    return written


def _shards(folder: Path, lines: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Lines in runs of about SHARD_BYTES of pictures each."""
    shards: list[list[dict[str, Any]]] = [[]]
    size = 0
    for line in lines:
        own = sum((folder / line[key]).stat().st_size for key in ("image_file_name", "mask_file_name"))
        if shards[-1] and size + own > SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(line)
        size += own
    return shards


def _row(folder: Path, line: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    pictures = {
        name: {"bytes": (folder / line[f"{name}_file_name"]).read_bytes(), "path": Path(line[f"{name}_file_name"]).name}
        for name in ("image", "mask")
    }
    return {name: pictures[name] if name in pictures else line.get(name) for name in types}
