"""A dataset folder as Parquet files for the Hub: frames and palette masks as PNG bytes, which its viewer shows.

A mask given as a picture in memory would be coded anew, as TIFF; its own PNG bytes keep the palette and every index.
The same folder gives the same bytes.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from octseg.dataset import card
from octseg.dataset.folder import PREVIEW_FOLDER, SPLITS, columns_of, read_lines, write_provenance, write_sums
from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence
from octseg.publishing import require_publishable

DATA_FOLDER = "data"
SHARD_NAME = re.compile(rf"{DATA_FOLDER}/({'|'.join(SPLITS)})-\d{{5}}-of-\d{{5}}\.parquet")
PICTURES = ("image", "mask")
SHARD_BYTES = 400_000_000
ROWS_PER_GROUP = 100  # what the Hub's viewer reads at once
ROWS_READ = 8  # at a time: their pictures are in memory together


def export(folder: Path, out: Path, progress: Any = iter, repository: str | None = None) -> None:
    """Write `out`/data/SPLIT-00000-of-0000N.parquet with card, attribution, provenance and sums.

    folder: of pictures, or one that was made by this already, whose Parquet files are taken as they are.
    repository: the name on the Hub by which the card says how to load it.

    Raises PublishingError where the folder may not be published, DatasetError where `out` is there already.
    """
    provenance = require_publishable(folder)
    if out.exists():
        raise DatasetError(f"{out.name} is there already; remove it, or choose another folder")
    partial = out.with_name(f"{out.name}.partial")
    with told_in_one_sentence(out.name):
        shutil.rmtree(partial, ignore_errors=True)
        (partial / DATA_FOLDER).mkdir(parents=True)
        bytes_of = {
            split: _bring_split(folder, split, partial, provenance, progress)
            for split in SPLITS
            if split in provenance["counts"]
        }
        (partial / PREVIEW_FOLDER).mkdir(exist_ok=True)
        for picture in (folder / PREVIEW_FOLDER).iterdir():
            (partial / PREVIEW_FOLDER / picture.name).write_bytes(picture.read_bytes())
        data_files = {split: f"{DATA_FOLDER}/{split}-*" for split in bytes_of}
        text = card.front_matter(provenance, data_files, bytes_of) + card.body(provenance, repository)
        (partial / card.CARD_FILE).write_text(text, encoding="utf-8")
        (partial / card.ATTRIBUTION_FILE).write_text(card.attribution(provenance) + "\n", encoding="utf-8")
        write_provenance(partial, provenance)
        write_sums(partial, {})
        partial.rename(out)


def shards_in(folder: Path, split: str) -> list[Path]:
    """The Parquet files of a split, in order; none where the folder holds pictures."""
    return sorted((folder / DATA_FOLDER).glob(f"{split}-*-of-*.parquet"))


def rows_in(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of one file, a few in memory at a time; pictures are {"bytes": ..., "path": their file's name}.

    Raises DatasetError where it cannot be read or lacks a column of pictures.
    """
    # It takes seconds to load, and few need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if lacking := sorted({*PICTURES, "study"} - set(file.schema_arrow.names)):
                raise DatasetError(f"{path.name} has no column {', '.join(lacking)}")
            for batch in file.iter_batches(ROWS_READ):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path.name} cannot be read as Parquet") from error


def _bring_split(folder: Path, split: str, out: Path, provenance: Mapping[str, Any], progress: Any) -> int:
    """Bytes of the split's Parquet files, taken as they are or written."""
    ready = shards_in(folder, split)
    for path in ready:
        shutil.copyfile(path, out / DATA_FOLDER / path.name)
    if not ready:
        _write_split(folder, split, out / DATA_FOLDER, provenance, progress)
    return sum(path.stat().st_size for path in shards_in(out, split))


def _write_split(folder: Path, split: str, target: Path, provenance: Mapping[str, Any], progress: Any) -> None:
    # It takes seconds to load, and few need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = columns_of(provenance)
    schema = _schema(types)
    lines = read_lines(folder, split)
    shards, left = _shards(folder / split, lines), iter(progress(lines))
    for number, shard in enumerate(shards):
        path = target / f"{split}-{number:05d}-of-{len(shards):05d}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for start in range(0, len(shard), ROWS_PER_GROUP):
                group = islice(left, min(ROWS_PER_GROUP, len(shard) - start))
                rows = [_row(folder / split, line, types) for line in group]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _schema(types: Mapping[str, str]) -> Any:
    """The Arrow schema that `datasets` gives such columns, with the note by which it knows pictures again."""
    import pyarrow as pa

    of_kind = {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "bool": pa.bool_()}
    features = {
        name: {"_type": "Image"} if kind == "image" else {"dtype": kind, "_type": "Value"}
        for name, kind in types.items()
    }
    return pa.schema(
        [(name, of_kind.get(kind) or pa.type_for_alias(kind)) for name, kind in types.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _shards(folder: Path, lines: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Lines in runs of about SHARD_BYTES of pictures each."""
    shards: list[list[dict[str, Any]]] = [[]]
    size = 0
    for line in lines:
        own = sum((folder / line[f"{kind}_file_name"]).stat().st_size for kind in PICTURES)
        if shards[-1] and size + own > SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(line)
        size += own
    return shards


def _row(folder: Path, line: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    pictures = {
        name: {"bytes": (folder / line[f"{name}_file_name"]).read_bytes(), "path": Path(line[f"{name}_file_name"]).name}
        for name in PICTURES
    }
    return {name: pictures[name] if name in pictures else line.get(name) for name in types}
