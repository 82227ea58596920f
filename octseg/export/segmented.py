"""What exports are made of: the frames of one pullback, or the pictures of one folder, and all that is known of them.

Everything is read again when it is asked for, one frame in memory at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from octseg.export.planes import Masks
from octseg.measurement.pullback import PullbackMeasures
from octseg.pullback import Frame

Record = Mapping[str, Any]
OF_READER = ("outlines", "reader_says")  # in records of frames that a reader has looked at: whose outlines they have


class ReadFrames(Protocol):
    """Frames at places `first` to `last`, `last` left out, decoded one at a time; to the end without it."""

    def __call__(self, first: int = 0, last: int | None = None) -> Iterator[Frame]:
        """In order."""


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """Frames in order, segmented and measured.

    name: a label. file: name of the file without folder.
    records: of each frame its entry in measures.json. stems: of each, what its files' names begin with.
    read_masks: the masks (H, W) of the frame at a place in `records`. read_frames: their pixels.
    classes: that the model tells apart. run: the head of measures.json.
    read_doubt: the PNG of where variants disagree, of the frame at a place; None where there is none.
    are_pictures: whether each frame is a picture's file of its own.
    read_headers: as `Pullback.read_headers`. pullback_record: as in `<name>_pullback.json`.
    frame_texts: what copies of the frames bear, keyword -> text: the mark of private frames.
    measures: along the vessel; None where the frames are no pullback: pictures by themselves.
    """

    name: str
    file: str
    records: Sequence[Record] = field(repr=False)
    stems: Sequence[str] = field(repr=False)
    read_masks: Callable[[int], Masks] = field(repr=False)
    read_frames: "ReadFrames" = field(repr=False)
    read_doubt: Callable[[int], bytes | None] = field(default=lambda _: None, repr=False)
    classes: tuple[str, ...]
    run: Mapping[str, Any] = field(repr=False)
    are_pictures: bool = False
    frame_texts: Mapping[str, str] = field(default_factory=dict)
    measures: PullbackMeasures | None = None
    pullback_record: Mapping[str, Any] | None = field(default=None, repr=False)
    read_headers: Callable[[], Sequence[Any]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def frame_spacing_mm(self) -> float | None:
        """From frame to frame along the vessel."""
        return None if self.measures is None else self.measures.frame_spacing_mm

    @property
    def numbers(self) -> list[int]:
        """Of each frame its place in the pullback, from 1 on."""
        return [record["frame"] for record in self.records]

    def masks(self) -> Iterator[Masks]:
        """Of each frame in order."""
        return map(self.read_masks, range(len(self)))
