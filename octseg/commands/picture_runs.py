"""Pictures that lie in one folder: which of them `--frames` asks for, and whether together they are a pullback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from octseg.commands.frame_range import FrameRange
from octseg.commands.inputs import Found, Item, name_of_folder

# numpy takes time to load, which `octseg --help` does not need
if TYPE_CHECKING:
    from octseg.pullback import FrameSpacingSource

LEAST_PICTURES = 2
LEAST_TO_ASK = 5  # pictures, of which it is said that a distance between them is missing
ANY_SPACING_MM = 0.2


@dataclass(frozen=True)
class PictureRun:
    """The pictures of a folder that are the frames of one pullback, of one size, numbered by their names.

    name: of the folder. frame_count: of all its pictures, also where fewer are asked for.
    warnings: of the frame spacing and of the numbers, one sentence each.
    """

    name: str
    frame_count: int
    frame_spacing_mm: float
    frame_spacing_source: "FrameSpacingSource"
    warnings: tuple[str, ...] = ()


def numbers_of(items: Sequence[Item]) -> dict[Path, int | None]:
    """Which frame of its run each file is, by the names of all that lie in its folder; None where they do not tell."""
    from octseg.reading.names import frame_numbers

    return {
        path: number
        for of_folder in _by_folder(items).values()
        for path, number in zip(of_folder, frame_numbers(path.stem for path in of_folder), strict=True)
    }


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


def runs_in(items: Sequence[Item], frame_spacing_mm: float | None) -> dict[Path, PictureRun]:
    """Folder -> the run that its pictures are; those that are none, or whose frame spacing nothing tells, are left out.

    frame_spacing_mm: as the user gave it.
    """
    of_folders = _by_folder([item for item in items if item.is_picture and item.in_folder])
    runs = {folder: _run_of(folder, paths, frame_spacing_mm) for folder, paths in of_folders.items()}
    return {folder: run for folder, run in runs.items() if run is not None}


def unspaced_in(items: Sequence[Item], runs: Mapping[Path, PictureRun]) -> list[str]:
    """What is said of folders whose pictures may be a pullback, but nothing tells how far they lie apart."""
    of_folders = _by_folder([item for item in items if item.is_picture and item.in_folder])
    asked = [
        _run_of(folder, paths, ANY_SPACING_MM)
        for folder, paths in of_folders.items()
        if folder not in runs and len(paths) >= LEAST_TO_ASK
    ]
    return [
        f"the {run.frame_count} pictures of {run.name} are numbered as the frames of one pullback are, but nothing "
        f"tells how far these lie apart, so there is no {run.name}_pullback.json with lengths and volumes; if they are "
        "one, give the distance: --frame-spacing MM"
        for run in asked
        if run is not None
    ]


def _run_of(folder: Path, paths: Sequence[Path], frame_spacing_mm: float | None) -> PictureRun | None:
    from octseg.pullback import other_frame_spacing
    from octseg.reading.names import split_at_frame_numbers
    from octseg.reading.numbering import numbering_of
    from octseg.reading.spacing import counted_spacing, frame_spacing_by_count

    stems = [path.stem for path in paths]
    parts = list(split_at_frame_numbers(stems))
    numbers = {int(digits) for _, digits, _ in parts if digits}
    if len(paths) < LEAST_PICTURES or len(numbers) < len(paths) or len({before for before, _, _ in parts}) > 1:
        return None
    source: FrameSpacingSource = "user"
    warnings = numbering_of(stems).warnings
    without_gap = max(numbers) - min(numbers) + 1 == len(paths)
    if frame_spacing_mm is not None:
        by_count = frame_spacing_by_count(len(paths)) if without_gap else None
        warnings = (*warnings, *other_frame_spacing(frame_spacing_mm, by_count, len(paths)))
    else:
        frame_spacing_mm, said = counted_spacing(len(paths)) if without_gap else (None, "")
        source, warnings = "frame_count", (*warnings, said)
    if frame_spacing_mm is None:
        return None
    sizes = {size for path in paths if (size := size_of(path)) is not None}
    if len({size[:2] for size in sizes}) != 1 or any(is_stack for *_, is_stack in sizes):
        return None
    return PictureRun(name_of_folder(folder), len(paths), frame_spacing_mm, source, warnings)


def _by_folder(items: Sequence[Item]) -> dict[Path, list[Path]]:
    by_folder: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(item.path for item in items):
        by_folder.setdefault(path.parent, []).append(path)
    return by_folder


def size_of(path: Path) -> tuple[int, int, bool] | None:
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
