"""Which cases `octseg cohort` was given: of a folder tree, or of a table that names them."""

from collections.abc import Sequence
from pathlib import Path

from octseg.cohort.cases import Case, Look, Part, apart
from octseg.commands.inputs import Folders, Found, Item, content_sum, find_here, find_items, inputs_sum
from octseg.commands.picture_runs import runs_in, size_of

GENERIC = frozenset({"images", "image", "img", "imgs", "frames", "png", "dicom", "oct"})  # say nothing of a case


def cases_in(root: Path, out: Path) -> tuple[list[Case], list[str]]:
    """Of a folder tree: each pullback in a file, and of each folder its pictures and its DICOM files.

    The patient is the first folder below `root`; where there is none, each case is one. Also what cannot be looked at.
    """
    found = find_items([root], out)
    places: dict[tuple[Path, Part], None] = {}
    for item in found.items:
        places.setdefault(_place(item))
    labels = [_label(path, part, root) for path, part in places]
    names = apart([(label, str(path.relative_to(root))) for label, (path, _) in zip(labels, places, strict=True)])
    cases = []
    for (path, part), name in zip(places, names, strict=True):
        below = path.relative_to(root).parts
        patient = below[0] if len(below) > 1 or (part != "all" and below) else name
        cases.append(Case(name=name, id=name, path=path, part=part, patient=patient))
    return cases, found.failures


def found_of(case: Case, out: Path) -> Found:
    """The files of a case, as `octseg predict` finds them."""
    if case.part == "all":
        return find_items([case.path], out)
    found = find_here(case.path)
    if case.part == "pictures":
        return Found([item for item in found.items if _place(item) == (case.path, "pictures")], found.failures, [])
    return Found([item for item in found.items if item.path == case.path], found.failures, [])


class Looking:
    """Tells what there is of cases now; out: the folder of their results, which is no input."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __call__(self, case: Case) -> Look:
        """Of one case."""
        try:
            if not case.path.exists():
                return Look(problem="it is not there: its path leads to nothing; mend the list, or bring its disk back")
            found = found_of(case, self._out)
        except OSError as error:
            return Look(problem=f"it cannot be looked at: {(error.strerror or 'unknown cause').lower()}")
        if not found.items:
            return Look(problem="nothing of it can be read: give a pullback, or a folder of frames")
        files = tuple(path for item in found.items for path in item.files)
        stat_sum = inputs_sum(found.items, Folders(found.items)) + content_sum(found.items)
        return Look(files, stat_sum, kind=_kind(found.items))

    def between_frames(self, case: Case) -> str:
        """How far the frames of a case that can be read lie apart, in words."""
        items = found_of(case, self._out).items
        runs = runs_in(items, case.frame_spacing_mm).all
        if len(items) > 1 and all(item.is_picture for item in items) and not runs:
            return "not known, so each frame is measured by itself"
        if case.frame_spacing_mm is not None:
            return f"{case.frame_spacing_mm:g} mm"
        counted = [f"{run.frame_spacing_mm:g} mm, by their count" for run in runs]
        return counted[0] if counted else "of the file, if that tells it"


def _place(item: Item) -> tuple[Path, Part]:
    """What is a case with an item, and which part of that place."""
    if item.is_picture and not _is_stack(item.path):
        return item.path.parent, "pictures"
    return (item.path, "all") if item.path in item.files else (item.path, "dicom")


def _is_stack(path: Path) -> bool:
    size = size_of(path)
    return size is not None and size[2]


def telling(parts: Sequence[str], *, is_file: bool) -> list[str]:
    """The words of a path that tell of a case: without a file's ending, and without a last folder that says nothing."""
    if is_file:
        return [*parts[:-1], Path(parts[-1]).stem]
    return list(parts[:-1] if len(parts) > 1 and parts[-1].casefold() in GENERIC else parts)


def _label(path: Path, part: Part, root: Path) -> str:
    """The path below the root as one word, without an ending and without a last folder that says nothing."""
    return "_".join(telling(path.relative_to(root).parts, is_file=part == "all")) or path.resolve().name or "frames"


def _kind(items: Sequence[Item]) -> str:
    pictures = sum(item.is_picture for item in items)
    if pictures == len(items) > 1:
        return f"{pictures} pictures"
    if len(items) == 1:
        files = len(items[0].files)
        return "a file" if files == 1 else f"{files} files"
    return f"{len(items)} inputs"
