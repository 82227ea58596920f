"""A reading: the outlines of one or more frames by one hand, from whatever file they were saved in.

Frames of two readings are paired by the stem of their file, else by their number; where both readings say what pixels
they are of, that goes before.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from octseg.classes import PALETTE_INDEX
from octseg.drawing.palette import palette_indices
from octseg.errors import ReadError

Masks = dict[str, NDArray[np.bool_]]  # class name -> (H, W)
MOST_NAMED = 5
SAME_SCALE = 0.005  # part by which two scales may differ


@dataclass(frozen=True)
class FrameRead:
    """One frame's outlines.

    stem: of the frame's file; None where the format names no file. number: from 1 on; None where there is none.
    read: its planes (H, W), empty ones may be left out. withdrawn: whether nothing is said of it.
    judged: whether a reader has corrected or accepted it; None where the reading does not tell.
    sha256: of the frame's pixels, by which two readings of one frame know each other; None where it is not told.
    """

    stem: str | None
    number: int | None
    read: Callable[[], Masks] = field(repr=False)
    pixel_spacing_mm: float | None = None
    withdrawn: bool = False
    judged: bool | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Reading:
    """Frames read by one hand.

    classes: that it speaks of, also where they are empty. one_tissue: whether a pixel can have one
    tissue alone, as in a picture or a volume of labels. others_empty: whether frames that it does not have were read as
    well and bear nothing. ignored: labels of outlines that are no class here.
    reader: who corrected its outlines, where that is known. notes: what is to be said of how it was read.
    """

    name: str
    frames: Sequence[FrameRead]
    classes: tuple[str, ...]
    one_tissue: bool = False
    others_empty: bool = False
    ignored: tuple[str, ...] = ()
    reader: str = ""
    notes: tuple[str, ...] = ()


Pairs = list[tuple[FrameRead, FrameRead]]


def paired(found: Reading, reference: Reading) -> tuple[Pairs, tuple[list[str], list[str]]]:
    """Frames of both readings that are the same, in order, and labels of those that only the one or the other has.

    Raises ReadError where no frame is the same, or two are one.
    """
    if len(found.frames) == len(reference.frames) == 1:
        return [(found.frames[0], reference.frames[0])], ([], [])
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
    return frame.stem


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
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


def as_one_tissue(masks: Mapping[str, NDArray[np.bool_]]) -> Masks:
    """Planes (H, W) of which each pixel has one, as a picture of labels would hold them."""
    indices = palette_indices(masks)
    return {name: indices == PALETTE_INDEX[name] for name in masks}
