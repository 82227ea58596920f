"""What differs between the tables of two runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from octseg.cohort.comparing import Change, Summary, compared
from octseg.cohort.run_tables import FiledTables, HeldTables, open_tables
from octseg.cohort.table_files import write_tables


def tables(*areas: float | None, cases: str = "ABC", spacing: float = 0.01, between: float = 0.2) -> HeldTables:
    """A case of one frame for each area."""
    pullbacks, frames = [], []
    for case, area in zip(cases, areas, strict=False):
        scales = {"pixel_spacing_mm": spacing, "frame_spacing_mm": between}
        pullbacks.append({"case": case, "pullback": "p", **scales, "warnings": []})
        frames.append({"case": case, "folder": "", "file": "f.png", "frame": 1, "lumen_area_mm2": area})
    return HeldTables({"pullbacks": pullbacks, "frames": frames})


def areas_of(summaries: tuple[Summary, ...]) -> Summary:
    [found] = [summary for summary in summaries if summary.measure == "lumen_area_mm2"]
    return found


def test_a_measure_has_its_mean_and_its_greatest_difference_with_its_sign_and_case() -> None:
    found = areas_of(compared(tables(5.0, 5.0, 5.0), tables(5.0, 5.5, 3.0)).summaries)
    assert (found.rows, found.compared, found.changed) == (3, 3, 2)
    assert (found.mean_difference, found.greatest_difference) == (-0.5, -2.0)
    assert (found.greatest_case, found.greatest_row) == ("C", "f.png/1")


def test_what_only_one_run_could_measure_is_counted_and_no_difference() -> None:
    found = areas_of(compared(tables(5.0, None, 4.0), tables(None, 2.0, 4.0)).summaries)
    assert (found.lost, found.gained, found.compared, found.mean_difference) == (1, 1, 1, 0.0)


def test_cases_of_one_run_are_named_and_take_no_part() -> None:
    found = compared(tables(5.0, 6.0, cases="AB"), tables(7.0, 9.0, cases="BC"))
    assert (found.only_a, found.only_b, found.cases) == (("A",), ("C",), 1)
    assert areas_of(found.summaries).mean_difference == 1.0


def test_cases_that_are_measured_with_another_spacing_of_pixels_or_frames_are_named_apart() -> None:
    found = compared(tables(5.0), tables(5.0, spacing=0.02))
    assert (found.scales_differ, found.frame_spacings_differ) == (("A",), ())
    found = compared(tables(5.0), tables(5.0, between=0.1))
    assert (found.scales_differ, found.frame_spacings_differ) == ((), ("A",))
    changes: list[Change] = []
    compared(tables(5.0), tables(5.0), changes.append)
    assert changes == []


@dataclass
class Run:
    """What a run hands to the writer of its files."""

    rows_of: dict[str, list[dict[str, Any]]]
    run: dict[str, Any] = field(default_factory=lambda: {"flags": {}})

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        yield from self.rows_of.get(table, [])


def run_of(name: str, areas: dict[str, list[float | None]]) -> Run:
    """Cases with an area a frame, in a cohort of that name."""
    about = [{"case": case, "patient": case, "state": "done"} for case in areas]
    frames = [
        {"case": case, "folder": "", "file": f"{name} [1]}}.png", "frame": number, "lumen_area_mm2": area}
        for case, of in areas.items()
        for number, area in enumerate(of, start=1)
    ]
    return Run({"pullbacks": about, "frames": frames})


def test_tables_are_read_from_a_file_case_by_case_as_they_are_in_memory(tmp_path: Path) -> None:
    a = run_of("p", {'A "1"': [5.0, None, 4.0], "B\u2028é": [6.0, 7.0], "C": [1.0]})
    b = run_of("p", {"C": [2.0], 'A "1"': [5.5, 1.0, 4.0], "D": [3.0]})
    read = []
    for name, run in (("a", a), ("b", b)):
        (tmp_path / name).mkdir()
        write_tables(run, tmp_path / name)  # type: ignore[arg-type]
        read.append(open_tables(tmp_path / name / "cohort.json"))
    assert all(isinstance(tables, FiledTables) for tables in read)
    held = [open_tables(anew(tmp_path / name / "cohort.json")) for name in "ab"]
    assert all(isinstance(tables, HeldTables) for tables in held)
    changes: list[list[Change]] = [[], []]
    found = [compared(*pair, told.append) for pair, told in zip((read, held), changes, strict=True)]
    assert found[0] == found[1]
    assert changes[0] == changes[1]
    assert (found[0].cases, found[0].only_a, found[0].only_b) == (2, ("B\u2028é",), ("D",))
    areas = areas_of(found[0].summaries)
    assert (areas.rows, areas.changed, areas.compared, areas.gained) == (4, 3, 3, 1)
    assert areas.mean_difference == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    assert areas.greatest_case == "C"


def anew(path: Path) -> Path:
    """The same file as another program writes it."""
    path.with_name("anew.json").write_text(json.dumps(json.loads(path.read_text()), indent=2))
    return path.with_name("anew.json")


@pytest.mark.parametrize("cut", [2, 3, 40, 400])
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, cut: int) -> None:
    write_tables(run_of("p", {"A": [5.0, 4.0], "B": [3.0]}), tmp_path)  # type: ignore[arg-type]
    path = tmp_path / "cohort.json"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        open_tables(path)


def test_the_mean_of_many_numbers_is_as_exact_as_of_few() -> None:
    pairs = [HeldTables({"pullbacks": [], "frames": rows}) for rows in (many(0.0), many(0.1))]
    assert areas_of(compared(*pairs).summaries).mean_difference == 0.1


def many(area: float) -> list[dict[str, Any]]:
    return [{"case": "A", "folder": "", "file": "f", "frame": frame, "lumen_area_mm2": area} for frame in range(9999)]
