"""What is sent of a folder of results: a case for each pullback, and for each picture that is of none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hub.cases import Case, Plan, plan
from hub.corrected import SharedLog, add_corrections, frames_of
from hub.predicted import PAGE, cases_of, page_case, saved_results
from hub.pullbacks import PullbackFolder, pullback_name
from octseg.correction.saved import SavedCase, open_saved
from octseg.errors import CorrectionError
from octseg.export.files import told_in_one_sentence

PAGE_LOG = "review/*/corrections.jsonl"  # where the page keeps the log of a frame's review


@dataclass(frozen=True)
class Asked:
    """What goes along: whose the frames are, logs of corrections, and whether with the reasons that readers wrote."""

    attribution: str = ""
    logs: Sequence[SharedLog] = ()
    reasons: bool = False


def plans_of(results: Path, frames: Sequence[Path], asked: Asked, root: Path) -> list[Plan]:
    """The cases of a folder of results, with their files in `root`: those of a long pullback would not fit in memory.

    frames: what `octseg predict` was given; none where the folder holds copies.

    Raises:
        HubError, CorrectionError: something is missing, or is not what it should be.
        PublishingError: a frame is private.
    """
    saved = saved_results(results)
    vessels = _vessels(saved)
    of_stem = {stem: vessel for vessel, stems in vessels.items() for stem in stems}
    folders = {
        vessel: PullbackFolder(root, pullback_name([saved.record(stem) for stem in stems]), asked.attribution)
        for vessel, stems in vessels.items()
    }
    plans: dict[str, Plan] = {}
    for case in cases_of(saved, frames, asked.attribution):
        if case.stem in of_stem:
            folders[of_stem[case.stem]].add(case)
        elif case.name not in plans:
            plans[case.name] = _of_picture(case, asked, root)
    for vessel, folder in folders.items():
        plans[folder.name] = _of_pullback(saved, vessel, vessels[vessel], folder, asked)
    return list(plans.values())


def page_plan(folder: Path, attribution: str, root: Path) -> Plan:
    """The case of a frame as the page keeps it, with what was corrected in its review there, without a name.

    Corrections of outlines that are no more, as those of another scale may be, stay here.
    """
    case = page_case(folder, attribution)
    logs = [SharedLog(path, "") for path in sorted(folder.glob(PAGE_LOG))]
    try:
        return _of_picture(case, Asked(attribution, logs), root)
    except CorrectionError:
        return _of_picture(case, Asked(attribution), root)


def _vessels(saved: SavedCase) -> dict[str, list[str]]:
    """Pullback -> stems of its frames, in order."""
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for name, of_it in saved.vessels.items():
        stems = [stem for stem in of_it if stem not in taken]
        numbers = {saved.record(stem)["frame"] for stem in stems}
        if stems and len(numbers) == len(stems):
            found[name] = stems
            taken.update(stems)
    return found


def _of_picture(case: Case, asked: Asked, root: Path) -> Plan:
    planned = plan(case)
    with told_in_one_sentence("what is to be sent"):
        for name, content in planned.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                (root / name).write_bytes(content)
    folder = root / "cases" / case.name
    stem = next(iter(open_saved(folder).stems))
    names = [Path(name).name for name in planned.files]
    own = {case.stem: stem} if case.stem != PAGE else {held: stem for log in asked.logs for held in frames_of(log)}
    return _with_corrections(planned, folder, names, own, asked)


def _of_pullback(saved: SavedCase, vessel: str, stems: Sequence[str], folder: PullbackFolder, asked: Asked) -> Plan:
    folder.finish(saved.pullbacks[vessel])
    names = sorted(path.relative_to(folder.folder).as_posix() for path in _files(folder.folder))
    there = {stem: folder.stem(saved.record(stem)) for stem in stems}
    planned = Plan(name=folder.name, files={}, rows=folder.rows())
    return _with_corrections(planned, folder.folder, names, there, asked)


def _with_corrections(
    planned: Plan, folder: Path, names: Sequence[str], stems: Mapping[str, str], asked: Asked
) -> Plan:
    """The plan with all files of its folder, logs among them."""
    sent, logs, readers = list(names), [], []
    for log in asked.logs:
        written = add_corrections(folder, log, stems, reasons=asked.reasons)
        if written:
            sent += written
            logs.append(f"cases/{planned.name}/{written[0]}")
            readers.append(log.told)
    files: dict[str, bytes | Path] = {f"cases/{planned.name}/{name}": folder / name for name in sent}
    return replace(planned, files=files, logs=logs, readers=readers)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file())
