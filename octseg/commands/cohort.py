"""`octseg cohort`: many pullbacks in one folder of results, by any number of workers, with one table at the end."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from octseg.cohort.cases import Case
from octseg.cohort.coordinator import Coordinator, Pool, Tally
from octseg.cohort.folder import CohortFolder
from octseg.cohort.processes import Processes
from octseg.commands.cohort_cases import Looking, cases_in
from octseg.commands.cohort_compare import compare, is_asked
from octseg.commands.cohort_work import WorkOptions, make_worker
from octseg.commands.counts import from_1, number_above_0
from octseg.commands.flags import exports_of, length_mm
from octseg.commands.frame_range import FrameRange
from octseg.commands.models import add_model_flags, is_here
from octseg.commands.predict import check, measuring_options
from octseg.commands.telling import NOTICE, Commands, complain, counted, printable
from octseg.errors import OctsegError

DEFAULT_TIMEOUT_S = 900.0


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """What `octseg cohort` was asked for. defaults: spacings and frames of cases that have none of their own."""

    given: Path
    work: WorkOptions
    defaults: Case
    workers: int | None
    ray: str | None
    is_one_of_many: bool
    dry_run: bool
    timeout_s: float
    retry: bool


def add_command(commands: Commands) -> None:
    """`octseg cohort`."""
    parser = commands.add_parser("cohort", help="many pullbacks, by any number of workers, in one table")
    parser.add_argument(
        "given",
        nargs="+",
        metavar="LIST.csv|FOLDER",
        help="a table of pullbacks, or a folder of them; or `compare A B`, the folders of two runs",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for all results; `compare` can do without")
    parser.add_argument("--dry-run", action="store_true", help="say what is found and how it will be read, and end")
    parser.add_argument(
        "--workers", type=from_1, metavar="N", help="processes on this machine, 1 by default; or tasks of Ray at once"
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="have the cases done by the Ray cluster that this machine is part of: `auto`, or HOST:PORT",
    )
    parser.add_argument(
        "--worker",
        action="store_true",
        help="be one of many that a scheduler starts on this folder: take what is left, and wait for nobody",
    )
    parser.add_argument(
        "--timeout",
        type=number_above_0,
        default=DEFAULT_TIMEOUT_S,
        metavar="S",
        help="end a worker that has done no frame for so long; 900 by default",
    )
    parser.add_argument("--retry", action="store_true", help="try again what failed before")
    parser.add_argument("--frames", type=FrameRange.parse, default=FrameRange(), metavar="A-B")
    parser.add_argument("--pixel-spacing", type=length_mm, metavar="MM")
    parser.add_argument("--frame-spacing", type=length_mm, metavar="MM")
    parser.add_argument("--no-overlay", action="store_true", help="write no overlay pictures")
    parser.add_argument("--export", type=exports_of, default=(), metavar="KIND[,KIND...]")
    parser.add_argument("--uncertainty", action="store_true")
    parser.add_argument("--smooth", action="store_true")
    add_model_flags(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    if is_asked(args.given):
        return compare(Path(args.given[1]), Path(args.given[2]), args.out)
    if args.out is None:
        raise OctsegError("`octseg cohort` needs a folder for its results: give --out DIR")
    return cohort(_options(args))


def cohort(options: CohortOptions) -> int:
    """Do all cases that are left to do; those that cannot be done are told, with exit status 1."""
    root = options.work.root
    check(options.work.of(options.defaults, root))
    failures: list[str] = []
    if options.given.is_dir():
        cases, failures = cases_in(options.given, root)
    else:
        from octseg.commands.cohort_table import cases_of

        cases = cases_of(options.given, options.defaults.frames, complain)
    cases = [_with_defaults(case, options.defaults) for case in cases]
    if not cases:
        raise OctsegError("; ".join(failures) or f"no pullbacks found in {options.given}")
    if options.dry_run:
        return _told(cases, Looking(root), failures)
    folder = CohortFolder(root)
    coordinator = Coordinator(
        folder,
        cases,
        Looking(root),
        _pool(options),
        options.work.flags,
        say=complain,
        timeout_s=options.timeout_s,
        wait=not options.is_one_of_many,
        retry=options.retry,
    )
    states: Mapping[str, int] = {}
    is_refused = False
    try:
        tally = coordinator.run()
        if not tally.elsewhere:
            states = _write(folder, cases, tally)
    except OctsegError:
        is_refused = not coordinator.tally.is_begun
        raise
    finally:
        for failure in failures:
            complain(failure)
        if not is_refused:
            print(f"{_summary(coordinator.tally, len(cases), root, states)}. {NOTICE}")
    is_lacking = failures or coordinator.tally.failed or coordinator.tally.missing or states.get("changed")
    return 1 if is_lacking else 0


def _pool(options: CohortOptions) -> Pool:
    """Who does the cases."""
    if options.ray is None:
        return Processes(make_worker, options.work, options.workers or 1, at_once=is_here(options.work.model))
    try:
        from octseg.cohort.on_ray import RayTasks  # few have it
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise OctsegError("--ray needs the package ray, which is not installed: pip install 'octseg[ray]'") from error
    work = replace(options.work, root=options.work.root.absolute())
    return RayTasks(options.ray, make_worker, work, work.root, options.workers, int(work.device == "cuda"))


def _write(folder: CohortFolder, cases: Sequence[Case], tally: Tally) -> Mapping[str, int]:
    """The tables of all cases and their page; how many rows of pullbacks there are in each state."""
    from octseg.cohort.page import write_page
    from octseg.cohort.table_files import missing_package, write_tables  # they load what draws and writes
    from octseg.cohort.tables import Tables

    if said := missing_package():
        complain(said)
    tables = Tables(folder, cases, tally.missing)
    states = write_tables(tables, folder.root)
    write_page(tables, folder.root)
    for surprise in tables.surprises:
        complain(surprise)
    return states


def _told(cases: Sequence[Case], looking: Looking, failures: Sequence[str]) -> int:
    """Say what each case is and how it will be read, without reading a frame; 1 where there is nothing to read."""
    problems = 0
    for case in cases:
        look = looking(case)
        scale = "scale: of the file" if case.pixel_spacing_mm is None else f"{case.pixel_spacing_mm:g} mm per pixel"
        frames = "all frames" if case.frames == "-" else f"frames {case.frames}"
        between = "" if look.problem else looking.between_frames(case)
        what = look.problem or f"{look.kind}, {frames}, {scale}, between frames: {between}"
        group = f", group {case.group}" if case.group else ""
        print(printable(f"{case.id} (patient {case.patient}{group}): {what}"))
        problems += bool(look.problem)
    for failure in failures:
        complain(failure)
    print(
        f"{counted(len(cases), 'case')}, {problems} of them with nothing to read. No frame was read, so others may "
        "fail too; nothing was done."
    )
    return 1 if problems or failures else 0


def _summary(tally: Tally, count: int, root: Path, states: Mapping[str, int]) -> str:
    done = len(tally.made) + len(tally.done_before)
    parts = [f"{done} of {counted(count, 'case')} in {root}"]
    if tally.done_before:
        parts.append(f"{len(tally.done_before)} of them done before")
    if changed := states.get("changed"):
        parts.append(f"{changed} of them changed since they were made and left out, as cohort.csv says")
    if frames_only := states.get("frames only"):
        parts.append(f"{frames_only} of them frames alone and no pullback, as cohort.csv says")
    if tally.failed:
        parts.append(f"{len(tally.failed)} failed")
    if tally.missing:
        parts.append(f"{len(tally.missing)} missing")
    if tally.elsewhere:
        parts.append(f"{len(tally.elsewhere)} with other workers")
    return "; ".join(parts)


def _with_defaults(case: Case, defaults: Case) -> Case:
    return replace(
        case,
        frames=case.frames if case.frames != "-" else defaults.frames,
        pixel_spacing_mm=case.pixel_spacing_mm or defaults.pixel_spacing_mm,
        frame_spacing_mm=case.frame_spacing_mm or defaults.frame_spacing_mm,
    )


def _options(args: argparse.Namespace) -> CohortOptions:
    return CohortOptions(
        given=Path(args.given[0]),
        work=WorkOptions(root=args.out, **measuring_options(args)),
        defaults=Case(
            name="",
            id="",
            path=Path(args.given[0]),
            frames=str(args.frames),
            pixel_spacing_mm=args.pixel_spacing,
            frame_spacing_mm=args.frame_spacing,
        ),
        workers=args.workers,
        ray=args.ray,
        is_one_of_many=args.worker,
        dry_run=args.dry_run,
        timeout_s=args.timeout,
        retry=args.retry,
    )
