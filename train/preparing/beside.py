"""Which frame a file is, by the tables that lie beside corrected frames, as `octseg review` leaves them."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

from octseg.correction.exporting import STUDIES_NAME
from octseg.errors import DatasetError
from octseg.reading.folders import walk
from train.preparing.names import NameRule, Parts
from train.preparing.tables import by_csv


def by_tables_beside(data: Path, files: Collection[str], *, private: bool = False) -> NameRule | None:
    """By the nearest studies.csv above each file; None where there is none in `data`, or it is no folder."""
    tables = {
        folder.relative_to(data).as_posix(): folder / STUDIES_NAME
        for folder, files in walk(data)
        if folder / STUDIES_NAME in files
    }
    if not tables:
        return None
    of_each = {file: _nearest(file, tables) for file in files}
    rules = {
        place: by_csv(path, [file for file, of in of_each.items() if of == place], path.parent, private=private)
        for place, path in tables.items()
    }

    def parts_of(file: str) -> Parts:
        place = _nearest(file, tables)
        if place is None:
            raise DatasetError(f"no {STUDIES_NAME} lies beside it, as in the other folders")
        parts = rules[place].parts_of(file)
        return replace(parts, where=f"{parts.where} in folder {list(tables).index(place) + 1}")

    return NameRule(parts_of)


def _nearest(file: str, tables: Collection[str]) -> str | None:
    return next((str(folder) for folder in PurePosixPath(file).parents if str(folder) in tables), None)
