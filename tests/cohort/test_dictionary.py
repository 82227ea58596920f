"""The dictionary of the tables' columns: whole, with units, and the same in the docs."""

from dataclasses import fields
from pathlib import Path

import pytest

from octseg.cohort.dictionary import TABLES, columns, dictionary_markdown
from octseg.measurement.clima import Clima
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import INTERVAL_MEASURES
from octseg.measurement.pullback.stretch import StretchMeasures, Unjudged

DOCS = Path(__file__).parents[2] / "docs" / "cohort_tables.md"
UNITS = {"_mm_deg": "mm°", "_mm2": "mm²", "_mm3": "mm³", "_mm": "mm", "_um": "µm", "_deg": "°", "_px": "px"}
TABLES_THEMSELVES = {"plaques", "tcfa_candidates", "intervals_95", "lipid_cores", "clima", "unjudged"}


def names(table: str, *, intervals: bool = False) -> list[str]:
    return [each.column for each in columns(table, intervals=intervals)]


def test_every_measure_has_a_column() -> None:
    stretch = {field.name for field in fields(StretchMeasures)} - TABLES_THEMSELVES
    unjudged = {f"unjudged_{field.name}" for field in fields(Unjudged)}
    clima = {f"clima_{field.name}" for field in fields(Clima)}
    assert stretch | unjudged <= set(names("pullbacks"))
    assert stretch | unjudged | clima <= set(names("plaques"))
    assert {field.name for field in fields(FrameMeasures)} - TABLES_THEMSELVES <= set(names("frames"))
    assert {f"{name}_high" for name in INTERVAL_MEASURES} <= set(names("frames", intervals=True))


@pytest.mark.parametrize("table", TABLES)
def test_a_column_has_the_unit_that_its_name_ends_in(table: str) -> None:
    for each in columns(table, intervals=True):
        name = each.column.removesuffix("_low").removesuffix("_high")
        ending = next((ending for ending in UNITS if name.endswith(ending)), None)
        if ending is not None and each.type != "boolean":
            assert each.unit == UNITS[ending], each
        if name.endswith("_percent") or "_percent_" in name:
            assert each.unit == "%", each
        assert each.meaning.endswith("."), each
        assert each.source


def test_no_column_stands_twice_in_a_table() -> None:
    for table in TABLES:
        assert len(set(names(table, intervals=True))) == len(names(table, intervals=True))


def test_the_docs_say_what_the_dictionary_says() -> None:
    assert DOCS.read_text(encoding="utf-8").endswith(dictionary_markdown())
