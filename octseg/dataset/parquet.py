"""A dataset folder as Parquet files for the Hub: frames and palette masks as PNG bytes, which its viewer shows.

A mask given as a picture in memory would be coded anew, as TIFF; its own PNG bytes keep the palette and every index.
The same folder gives the same bytes.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from octseg.dataset.folder import (
    PICTURES,
    PREVIEW_FOLDER,
    SPLITS,
    columns_of,
    read_lines,
    read_row,
    write_provenance,
    write_sums,
)
from octseg.dataset.publishing import require_publishable
from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence

DATA_FOLDER = "data"
SHARD_NAME = re.compile(rf"{DATA_FOLDER}/({'|'.join(SPLITS)})-\d{{5}}-of-(\d{{5}})\.parquet")
NEEDED = dict.fromkeys(PICTURES, "image") | {"study": "string"}  # columns that are read whatever else there is
SHARD_BYTES = 400_000_000
ROWS_PER_GROUP = 100  # what the Hub's viewer reads at once
ROWS_READ = 8  # at a time: their pictures are in memory together
# Given the folder, its provenance, split -> pattern of its files, split -> bytes, and the name on the Hub.
WriteCard = Callable[[Path, Mapping[str, Any], Mapping[str, str], Mapping[str, int], str | None], None]


def export(folder: Path, out: Path, write_card: WriteCard, progress: Any = iter, repository: str | None = None) -> None:
    """Write `out`/data/SPLIT-00000-of-0000N.parquet with card, attribution, provenance and sums.

    folder: of pictures, or one that was made by this already, whose Parquet files are taken as they are.
    write_card: octseg.cards.dataset.write, which stands above this room.
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
        write_card(partial, provenance, data_files, bytes_of, repository)
        write_provenance(partial, provenance)
        write_sums(partial, {})
        partial.rename(out)


def shards_of(names: Iterable[str], split: str, label: str) -> list[str]:
    """Those of the paths that are Parquet files of a split, in order; none where there is none.

    Raises DatasetError where there are more or fewer than their names say.
    """
    found = [match for match in map(SHARD_NAME.fullmatch, sorted(names)) if match and match[1] == split]
    if any(int(match[2]) != len(found) for match in found):
        by_name = int(found[0][2])
        raise DatasetError(
            f"{label} has {len(found)} Parquet files of {split}, and {by_name} by their names; fetch or make it again"
        )
    return [match[0] for match in found]


def shards_in(folder: Path, split: str) -> list[Path]:
    """The Parquet files of a split in a folder, as `shards_of`."""
    names = [path.relative_to(folder).as_posix() for path in (folder / DATA_FOLDER).glob("*")]
    return [folder / name for name in shards_of(names, split, folder.name)]


def rows_in(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of one file, a few in memory at a time; pictures are {"bytes": ..., "path": their file's name}.

    Raises DatasetError where it cannot be read, or has no such pictures.
    """
    # It takes seconds to load, and few need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            types = {field.name: field.type for field in file.schema_arrow}
            if lacking := [name for name, kind in NEEDED.items() if types.get(name) != _arrow_type(kind)]:
                raise DatasetError(f"{path.name} has no column {lacking[0]} such as the datasets of octseg have")
            for batch in file.iter_batches(ROWS_READ):
                yield from _with_pictures(batch.to_pylist(), path.name)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path.name} cannot be read as Parquet") from error


def _with_pictures(rows: list[dict[str, Any]], label: str) -> Iterator[dict[str, Any]]:
    """The rows, each with its frame and mask; DatasetError at one that lacks either."""
    for row in rows:
        if not all(row[kind] and row[kind]["bytes"] for kind in PICTURES):
            raise DatasetError(f"{label} has a row without its frame or mask")
        yield row


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
                rows = [read_row(folder / split, line) for line in group]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _schema(types: Mapping[str, str]) -> Any:
    """The Arrow schema that `datasets` gives such columns, with the note by which it knows pictures again."""
    import pyarrow as pa

    features = {
        name: {"_type": "Image"} if kind == "image" else {"dtype": kind, "_type": "Value"}
        for name, kind in types.items()
    }
    return pa.schema(
        [(name, _arrow_type(kind)) for name, kind in types.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _arrow_type(kind: str) -> Any:
    import pyarrow as pa

    return pa.struct({"bytes": pa.binary(), "path": pa.string()}) if kind == "image" else pa.type_for_alias(kind)


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
