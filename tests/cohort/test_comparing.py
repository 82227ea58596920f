"""What differs between the tables of two runs."""

from typing import Any

from octseg.cohort.comparing import Summary, compared

Tables = dict[str, list[dict[str, Any]]]


def tables(*areas: float | None, cases: str = "ABC", spacing: float = 0.01) -> Tables:
    """A case of one frame for each area."""
    pullbacks, frames = [], []
    for case, area in zip(cases, areas, strict=False):
        pullbacks.append({"case": case, "pullback": "p", "pixel_spacing_mm": spacing, "warnings": []})
        frames.append({"case": case, "folder": "", "file": "f.png", "frame": 1, "lumen_area_mm2": area})
    return {"pullbacks": pullbacks, "frames": frames}


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


def test_cases_that_are_measured_with_another_scale_are_named() -> None:
    assert compared(tables(5.0), tables(5.0, spacing=0.02)).scales_differ == ("A",)
    assert compared(tables(5.0), tables(5.0)).changes == ()
