"""What `octseg cohort compare` says of two runs."""

from pathlib import Path

from octseg.cohort.comparing import Comparison, Summary
from octseg.commands.cohort_compare import _text


def test_changes_of_measures_that_are_not_told_end_in_no_colon() -> None:
    source = Summary(
        table="pullbacks",
        measure="frame_spacing_source",
        rows=1,
        changed=1,
        compared=0,
        lost=0,
        gained=1,
        mean_difference=None,
        greatest_difference=None,
        greatest_case="",
        greatest_row="",
    )
    nothing: tuple[str, ...] = ()
    comparison = Comparison(
        cases=1,
        only_a=nothing,
        only_b=nothing,
        scales_differ=nothing,
        frame_spacings_differ=nothing,
        unpaired={},
        summaries=(source,),
    )
    [_, said] = _text(comparison, Path("a"), Path("b"))
    assert said == "1 of 1 measure changed, none of those that are told here."
