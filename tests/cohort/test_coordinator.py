"""What becomes of cases whose workers crash, hang or refuse them, while the others are done."""

from pathlib import Path

import pytest

from octseg.cohort.cases import Case, apart
from octseg.cohort.coordinator import Coordinator, Tally
from octseg.cohort.folder import CohortFolder
from octseg.cohort.processes import Processes
from octseg.errors import OctsegError
from tests.fakes.cohort_worker import RUN, Worker, cases, look, make_of_two


def run(root: Path, given: list[Case], flags: dict[str, object] | None = None, *, timeout_s: float = 60.0) -> Tally:
    pool = Processes(Worker, root, 1)
    folder = CohortFolder(root)
    return Coordinator(folder, given, look, pool, flags or {}, say=lambda _: None, timeout_s=timeout_s).run()


def test_a_case_that_crashes_its_worker_is_left_out_after_three_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "out"
    tally = run(root, cases(tmp_path, "fine", "crashes", "is unreadable", "good"))
    assert sorted(tally.made) == ["c0", "c3"]
    assert set(tally.failed) == {"c1", "c2"}
    assert "ended 3 times: its worker ended by SIGSEGV" in tally.failed["c1"]
    assert (root / "loaded").read_text().count("1") in (3, 4), "loaded once, and again after each crash"


def test_workers_whose_model_is_here_load_it_together(tmp_path: Path) -> None:
    pool = Processes(make_of_two, tmp_path, 2, at_once=True)
    try:
        assert pool.begin() == RUN
    finally:
        pool.close()


def test_a_case_that_takes_more_memory_than_there_is_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    tally = run(tmp_path / "out", cases(tmp_path, "takes all memory", "fine"))
    assert tally.made == ["c1"]
    assert "ended 3 times: it took more memory than there is" in tally.failed["c0"]


def test_a_case_that_hangs_is_ended_and_told(tmp_path: Path) -> None:
    tally = run(tmp_path / "out", cases(tmp_path, "hangs", "fine"), timeout_s=0.3)
    assert tally.made == ["c1"]
    assert "no frame was done for 0.3 s" in tally.failed["c0"]


def test_what_is_done_is_not_done_again_unless_its_input_changed(tmp_path: Path) -> None:
    given = cases(tmp_path, "fine", "good")
    run(tmp_path / "out", given)
    given[1].path.write_text("better")
    tally = run(tmp_path / "out", given)
    assert (tally.done_before, tally.made) == (["c0"], ["c1"])
    assert (tmp_path / "out" / "cases" / "c1" / "result").read_text() == "better"


def test_results_of_other_options_are_not_mixed_in(tmp_path: Path) -> None:
    given = cases(tmp_path, "fine")
    run(tmp_path / "out", given)
    with pytest.raises(OctsegError, match="holds results of other options, not to be mixed with these"):
        run(tmp_path / "out", given, {"smooth": True})


def test_a_case_that_another_holds_is_not_taken_until_it_is_let_go(tmp_path: Path) -> None:
    folder, [case] = CohortFolder(tmp_path / "out"), cases(tmp_path, "fine")
    held = folder.claim(case)
    assert held is not None
    assert folder.claim(case) is None
    held.release()
    again = folder.claim(case)
    assert again is not None
    again.release()


def test_names_that_a_disk_would_take_for_one_are_told_apart() -> None:
    first, second, third = apart([("a b", "x/a b"), ("A_b", "y/A_b"), ("c", "c")])
    assert first.casefold() != second.casefold()
    assert third == "c"
