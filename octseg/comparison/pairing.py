"""Which frames of two readings are the same: by the stem of their file, else by their number.

Where both readings say what pixels they are of, that goes before; where frames of several folders are named alike, the
folder tells which is meant.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from unicodedata import normalize

from octseg.comparison.reading import FrameRead, Reading
from octseg.errors import ReadError

MOST_NAMED = 5
Pairs = list[tuple[FrameRead, FrameRead]]


def paired(found: Reading, reference: Reading) -> tuple[Pairs, tuple[list[str], list[str]]]:
    """Frames of both readings that are the same, in order, and labels of those that only the one or the other has.

    Raises ReadError where no frame is the same, or two are one.
    """
    if len(found.frames) == len(reference.frames) == 1:
        return [(found.frames[0], reference.frames[0])], ([], [])
    found, reference = _named_apart(found, reference)
    for kind, key in (("file names", _by_stem), ("numbers", _by_number)):
        ours, theirs = (_keyed(reading, key, kind) for reading in (found, reference))
        if any(name in theirs for name in ours):
            ours, theirs = _by_pixels(ours, theirs)
            _fill(ours, theirs, found.others_empty)
            _fill(theirs, ours, reference.others_empty)
            common = [name for name in ours if name in theirs]
            alone = (
                [str(key(ours[n])) for n in ours if n not in theirs],
                [str(key(theirs[n])) for n in theirs if n not in ours],
            )
            return [(ours[name], theirs[name]) for name in common], alone
    raise ReadError(
        f"no frame of {found.name} is one of {reference.name}: neither file names ({_some(found)}; {_some(reference)}) "
        "nor numbers agree; name the masks as the frames are named"
    )


def _by_pixels(
    ours: dict[object, FrameRead], theirs: dict[object, FrameRead]
) -> tuple[dict[object, FrameRead], dict[object, FrameRead]]:
    """The same frames by their pixels' sha256 where both have it once, if by names or numbers one lies with another.

    As where one run is of two patients whose frames are named alike, and the other of one of them.
    """
    names = [_once({name: frame.sha256 for name, frame in side.items()}) for side in (ours, theirs)]
    in_both = names[0].keys() & names[1].keys()
    if all(names[0][sha256] == names[1][sha256] for sha256 in in_both):
        return ours, theirs
    return _renamed(ours, in_both), _renamed(theirs, in_both)


def _once(shas: Mapping[object, str | None]) -> dict[str, object]:
    """sha256 -> name, of those that one name alone has; frames that are there twice tell nothing."""
    counts = Counter(shas.values())
    return {sha256: name for name, sha256 in shas.items() if sha256 is not None and counts[sha256] == 1}


def _renamed(side: Mapping[object, FrameRead], in_both: Collection[str]) -> dict[object, FrameRead]:
    return {("pixels", frame.sha256) if frame.sha256 in in_both else name: frame for name, frame in side.items()}


def judged_by_both(pairs: Pairs) -> Pairs:
    """Less those frames of two readers' corrections that not both have judged: there a model agrees with itself."""
    return [pair for pair in pairs if any(frame.judged is None for frame in pair) or all(f.judged for f in pair)]


def _fill(one: dict[object, FrameRead], other: Mapping[object, FrameRead], others_empty: bool) -> None:
    """Put empty frames where a reading left out those that bear nothing."""
    if others_empty:
        for name, frame in other.items():
            one.setdefault(name, FrameRead(frame.stem, frame.number, dict))


def _by_stem(frame: FrameRead) -> object:
    return frame.stem if frame.stem is None else normalize("NFC", frame.stem)  # a disk may part letters from accents


def _by_number(frame: FrameRead) -> object:
    return frame.number


def _keyed(reading: Reading, key: Callable[[FrameRead], object], kind: str) -> dict[object, FrameRead]:
    """Frames by what they are paired by; nothing where one of them lacks it, or two have the same number."""
    keyed: dict[object, FrameRead] = {}
    for frame in reading.frames:
        name = key(frame)
        if name is None or (name in keyed and kind == "numbers"):
            return {}
        if name in keyed:
            raise ReadError(f"{reading.name} holds {name} twice; give each frame's outlines once")
        keyed[name] = frame
    return keyed


def _some(reading: Reading) -> str:
    names = [str(frame.stem if frame.stem is not None else frame.number) for frame in reading.frames]
    return _few(names)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


def _named_apart(found: Reading, reference: Reading) -> tuple[Reading, Reading]:
    """Where one reading has frames of one name in several folders, the other's frames with the stems of those meant."""
    if alike := _alike(found):
        return found, _renamed_as(reference, alike, found)
    if alike := _alike(reference):
        return _renamed_as(found, alike, reference), reference
    return found, reference


def _alike(reading: Reading) -> dict[str, list[FrameRead]]:
    """Frames that have one name in several folders, by that name."""
    named: dict[str, list[FrameRead]] = {}
    for frame in reading.frames:
        if frame.stem is not None:
            named.setdefault(_own_stem(frame), []).append(frame)
    return {name: frames for name, frames in named.items() if len(frames) > 1}


def _own_stem(frame: FrameRead) -> str:
    return normalize("NFC", frame.own_stem or frame.stem or "")


def _renamed_as(reading: Reading, alike: Mapping[str, list[FrameRead]], other: Reading) -> Reading:
    """Frames under the stem of the one that they are of; as they are, where they know their pixels or have such stems.

    Raises ReadError where nothing tells of which folder one is.
    """
    made = {frame.stem for frames in alike.values() for frame in frames if frame.own_stem is not None}
    if any(frame.stem in made - alike.keys() for frame in reading.frames):
        return reading  # named as those results are
    known = {frame.sha256 for frame in other.frames} - {None}
    told = [
        replace(frame, stem=_meant(frame, alike[_own_stem(frame)], reading.name, other.name).stem)
        if _own_stem(frame) in alike and frame.sha256 not in known
        else frame
        for frame in reading.frames
    ]
    return replace(reading, frames=told)


def _meant(frame: FrameRead, alike: list[FrameRead], name: str, other: str) -> FrameRead:
    """That of several frames of one name whose folder ends as a frame's own, or the other way around."""
    ours = PurePosixPath(frame.folder or name).parts
    folders_of = [PurePosixPath(each.folder).parts for each in alike]
    meant = [each for each, parts in zip(alike, folders_of, strict=True) if parts == ours]
    meant = meant or [each for each, parts in zip(alike, folders_of, strict=True) if _end_alike(parts, ours)]
    if len(meant) == 1:
        return meant[0]
    folders = [each.folder or "." for each in alike]
    raise ReadError(
        f"{other} has {_own_stem(frame)} in several folders ({_few(folders)}), and {name} does "
        "not tell which is meant: put the outlines into folders that are named as those of the frames"
    )


def _end_alike(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    length = min(len(first), len(second))
    return length > 0 and first[-length:] == second[-length:]
