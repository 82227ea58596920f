"""Pictures that lie in one folder: which of them `--frames` asks for, and whether together they are a pullback."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from octseg.commands.frame_range import FrameRange
from octseg.commands.inputs import Found, Item, name_of_folder

# numpy takes time to load, which `octseg --help` does not need
if TYPE_CHECKING:
    from octseg.pullback import FrameSpacingSource

Size: TypeAlias = tuple[int, int, bool]  # height, width, and whether there are several frames

LEAST_PICTURES = 2
LEAST_TO_ASK = 5  # pictures, of which it is said that a distance between them is missing
LEAST_SHARE = 0.75  # of pictures that are numbered as frames of runs, of which it is said why they are none


@dataclass(frozen=True, eq=False)
class PictureRun:
    """The pictures of a folder that are the frames of one pullback, of one size.

    name: of the folder. numbers: of all its pictures, also where fewer are asked for.
    warnings: of the frame spacing and of the numbers, one sentence each.
    """

    name: str
    numbers: Mapping[Path, int]
    frame_spacing_mm: float
    frame_spacing_source: "FrameSpacingSource"
    warnings: tuple[str, ...] = ()


def in_range(found: Found, frames: FrameRange, numbers: Mapping[Path, int | None]) -> list[Item]:
    """The items without the pictures that are not asked for: by number, or by place where names tell no numbers.

    A folder that has none of them is told in `found.failures`. Of files with several frames all are kept.
    """
    if frames.is_all:
        return found.items
    left_out: set[Path] = set()
    for folder, paths in _by_folder([item for item in found.items if item.is_picture]).items():
        single = [path for path in paths if (size := size_of(path)) is None or size[2] is False]
        told = [numbers[path] for path in single]
        numbered = None not in told and len(set(told)) == len(told)
        places = dict(zip(single, told if numbered else range(1, len(single) + 1), strict=True))
        others = {path for path, number in places.items() if number is None or number not in frames}
        left_out |= others
        if others and len(others) == len(single):
            known = [number for number in places.values() if number is not None]
            name = single[0].name if len(single) == 1 else name_of_folder(folder)
            found.failures.append(frames.not_there(name, min(known), max(known)))
    return [item for item in found.items if item.path not in left_out]


@dataclass(frozen=True)
class Runs:
    """What the pictures of folders are together.

    numbers: which frame of its run each file is, by the names of all that lie in its folder; None where they do not
    tell. of_picture: the run that a picture is a frame of. notes: of folders whose pictures may be a pullback and are
    not measured along, a sentence each.
    """

    numbers: Mapping[Path, int | None]
    of_picture: Mapping[Path, PictureRun]
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> list[PictureRun]:
        """Each once."""
        return list(dict.fromkeys(self.of_picture.values()))


def runs_in(items: Sequence[Item], frame_spacing_mm: float | None) -> Runs:
    """The runs that the pictures in folders are, but for those whose frame spacing nothing tells.

    frame_spacing_mm: as the user gave it.
    """
    from octseg.reading.names import frame_numbers

    numbers: dict[Path, int | None] = {
        path: number
        for of_folder in _by_folder(items).values()
        for path, number in zip(of_folder, frame_numbers(path.stem for path in of_folder), strict=True)
    }
    of_picture: dict[Path, PictureRun] = {}
    notes = []
    for folder, paths in _by_folder([item for item in items if item.is_picture and item.in_folder]).items():
        if len(paths) < LEAST_PICTURES:
            continue
        name, sizes = name_of_folder(folder), {path: size_of(path) for path in paths}
        of_run, others = _of_one_size(sizes)
        why = _no_run({path: sizes[path] for path in of_run})
        if why is None:
            run = _spaced(name, of_run, others, frame_spacing_mm)
            if run is not None:
                of_picture.update(dict.fromkeys(of_run, run))
                numbers.update(run.numbers)
            elif len(of_run) >= LEAST_TO_ASK:
                notes.append(
                    f"the {len(of_run)} pictures of {name} are numbered as the frames of one pullback are, but nothing "
                    f"tells how far these lie apart, so there is no {name}_pullback.json with lengths and volumes; if "
                    "they are one, give the distance: --frame-spacing MM"
                )
        elif frame_spacing_mm is not None or _is_like_runs(paths):
            notes.append(
                f"the {len(paths)} pictures of {name} are measured one by one, so there is no {name}_pullback.json "
                f"with lengths and volumes: {why}"
            )
    return Runs(numbers, of_picture, tuple(notes))


def _of_one_size(sizes: Mapping[Path, Size | None]) -> tuple[list[Path], list[Path]]:
    """The pictures of the size that more than half of them have, and the others; all of them where none has.

    sizes: of each picture as `size_of`. What cannot be read and is named as those are keeps its number among them.
    """
    counts = Counter(size for size in sizes.values() if size is not None)
    usual, count = counts.most_common(1)[0] if counts else (None, 0)
    if 2 * count <= len(sizes):
        return list(sizes), []
    names = _names_of(sizes)
    of_usual = {names[path] for path, size in sizes.items() if size == usual}
    of_run = [path for path, size in sizes.items() if size == usual or (size is None and names[path] in of_usual)]
    return of_run, [path for path, size in sizes.items() if size not in (usual, None)]


def _names_of(paths: Iterable[Path]) -> dict[Path, tuple[str, str, str]]:
    """What stands before each file's number, and behind it, and its ending."""
    from octseg.reading.names import split_at_frame_numbers

    paths = list(paths)
    parts = split_at_frame_numbers(path.stem for path in paths)
    return {path: (before, after, path.suffix) for path, (before, _, after) in zip(paths, parts, strict=True)}


def _no_run(sizes: Mapping[Path, Size | None]) -> str | None:
    """Why the pictures of a folder are not the frames of one pullback, and what to do; None where they are."""
    from octseg.reading.names import label_of, listed, split_at_frame_numbers

    known = {size for size in sizes.values() if size is not None}
    if any(is_stack for *_, is_stack in known):
        return "they hold several frames each, or some do; give these by themselves"
    if len({size[:2] for size in known}) != 1:
        return "they are of several sizes; give each size a folder of its own"
    paths = list(sizes)
    parts = list(split_at_frame_numbers(path.stem for path in paths))
    unnumbered = [path.name for path, (_, digits, _) in zip(paths, parts, strict=True) if not digits]
    if unnumbered:
        return f"{label_of(unnumbered[0])} has no frame's number in its name; number them in order, or take it away"
    begins = Counter(before for before, _, _ in parts)
    usual, count = begins.most_common(1)[0]
    if count < len(paths):
        odd = [path.name for path, (before, _, _) in zip(paths, parts, strict=True) if before != usual]
        if len(odd) < min(LEAST_TO_ASK, count):
            return (
                f"not named as the others are: {listed([label_of(each) for each in odd])}; take away what is no frame"
            )
        told = listed([f"{label_of(each)}..." for each in begins])
        return f"their names tell of {len(begins)} runs ({told}); give each a folder of its own"
    by_number: dict[int, str] = {}
    for path, (_, digits, _) in zip(paths, parts, strict=True):
        other = by_number.setdefault(int(digits), path.name)
        if other != path.name:
            return f"{label_of(other)} and {label_of(path.name)} bear one number; leave each frame once"
    return None


def _is_like_runs(paths: Sequence[Path]) -> bool:
    """Whether most of some pictures are numbered as the frames of runs, by their names."""
    from octseg.reading.names import split_at_frame_numbers

    numbers: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for before, digits, _ in split_at_frame_numbers(path.stem for path in paths):
        numbers.setdefault(before, set()).update([digits] if digits else ())
        counts[before] += 1
    of_runs = sum(counts[before] for before, each in numbers.items() if len(each) >= LEAST_TO_ASK)
    return of_runs >= LEAST_SHARE * len(paths)


def _spaced(
    name: str, paths: Sequence[Path], others: Sequence[Path], frame_spacing_mm: float | None
) -> PictureRun | None:
    """The run that some pictures of one size are; None where nothing tells how far they lie apart.

    others: that lie beside them, of other sizes.
    """
    from octseg.pullback import other_frame_spacing
    from octseg.reading.names import label_of, listed
    from octseg.reading.numbering import numbering_of
    from octseg.reading.spacing import counted_spacing, frame_spacing_by_count

    numbering = numbering_of([path.stem for path in paths])
    source: FrameSpacingSource = "user"
    warnings = numbering.warnings
    without_gap = not warnings
    if frame_spacing_mm is not None:
        by_count = frame_spacing_by_count(len(paths)) if without_gap else None
        warnings = (*warnings, *other_frame_spacing(frame_spacing_mm, by_count, len(paths)))
    else:
        frame_spacing_mm, said = counted_spacing(len(paths)) if without_gap else (None, "")
        source, warnings = "frame_count", (*warnings, said)
    if frame_spacing_mm is None:
        return None
    if others:
        told = listed([label_of(path.name) for path in others])
        warnings = (f"of another size than the {len(paths)} frames, and measured by itself: {told}", *warnings)
    numbers = dict(zip(paths, numbering.numbers, strict=True))
    return PictureRun(name, numbers, frame_spacing_mm, source, warnings)


def _by_folder(items: Sequence[Item]) -> dict[Path, list[Path]]:
    by_folder: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(item.path for item in items):
        by_folder.setdefault(path.parent, []).append(path)
    return by_folder


def size_of(path: Path) -> Size | None:
    """Height and width in pixels, and whether it holds several frames, by the first bytes of a picture."""
    from octseg.errors import ReadError
    from octseg.reading.content import content_at
    from octseg.reading.pictures.peek import PEEK_BYTES, peek

    try:
        content = content_at(path, path.name)
        seen = peek(content, content.part(0, PEEK_BYTES))
    except (ReadError, OSError):
        return None
    return None if seen is None else (seen.height, seen.width, seen.is_stack)
