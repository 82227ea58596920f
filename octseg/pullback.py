"""A pullback: frames read one by one, with spacings in mm or None and where each came from.

A frame is (H, W, 3) uint8 RGB. A single picture is a pullback of one frame.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.values import function, one_of, positive_mm, spacing_mm, text, texts, whole_number

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
ROWS_AT_ONCE = 256
SAME_SPACING = 0.02  # two distances of frames; those of consoles differ by a factor of two
LARGE_PIXELS = 4_200_000  # a frame of more is decoded, measured and written with less memory to a pixel
PixelSpacingSource = Literal["dicom", "ruler", "bar", "user", "preset"]
FrameSpacingSource = Literal["dicom", "user", "frame_count"]
BurnedInScale = Literal["each", "agreed", "never"]


def frame_sha256(frame: Frame) -> str:
    """sha256 of a frame's size and pixels, whatever file they came from."""
    height, width = frame.shape[:2]
    digest = hashlib.sha256(f"{height} x {width}\n".encode())
    digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()


def strips(height: int, rows: int = ROWS_AT_ONCE) -> Iterator[slice]:
    """The rows of a picture a few at a time: what is worked out of them takes little memory, however large it is."""
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def check_frame(frame: object) -> None:
    """ValueError where a pullback's frame is no array (H, W, 3) uint8."""
    if not isinstance(frame, np.ndarray) or isinstance(frame, np.ma.MaskedArray):
        raise ValueError(f"a pullback's frames must be arrays (H, W, 3) uint8, not {type(frame).__name__}")
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape or frame.dtype != np.uint8:
        raise ValueError(f"a pullback's frames must be arrays (H, W, 3) uint8, not {frame.shape} {frame.dtype}")


def other_frame_spacing(user_mm: float, known_mm: float | None, frame_count: int | None) -> tuple[str, ...]:
    """What is said of a user's spacing of frames that disagrees with the header, or with what so many frames have.

    known_mm: mm from frame to frame, None where nothing tells it. frame_count: None where the header tells it.
    """
    if known_mm is None or abs(known_mm / user_mm - 1) <= SAME_SPACING:
        return ()
    name = "the file's header" if frame_count is None else f"what pullbacks of {frame_count} frames have as a rule"
    said = f"the distance between frames in use, {user_mm:.4g} mm (user), disagrees with {name}, {known_mm:.4g} mm"
    return (f"{said}: {larger_words('lengths and volumes', known_mm / user_mm)}",)


def larger_words(what: str, ratio: float) -> str:
    """By which of two that disagree `what` is larger: "lumen areas are 2.24 times as large by the one in use".

    ratio: of what the other one gives to what the one in use gives.
    """
    return f"{what} are {max(ratio, 1 / ratio):.2f} times as large by the {'other' if ratio > 1 else 'one in use'}"


@dataclass(frozen=True, kw_only=True)
class PixelScale:
    """Millimetres per pixel of a frame (square pixels), or None, and how that was got.

    evidence: one sentence for the user, e.g. "Burned-in ruler: 9 dots, 149.7 px per mm".
    catheter_diameter_mm: the catheter ring measured with this scale, the cross-check; None where no ring was found.
    others: name and mm per pixel of what else tells a scale and disagrees with the one in use.
    warnings: what does not fit, e.g. two scales that disagree.
    """

    pixel_spacing_mm: float | None = field(default=None, kw_only=False)
    source: PixelSpacingSource | None = None
    evidence: str = ""
    catheter_diameter_mm: float | None = None
    others: tuple[tuple[str, float], ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """ValueError, in a sentence, where a caller gave something else."""
        if self.pixel_spacing_mm is not None:
            positive_mm(self.pixel_spacing_mm, "pixel_spacing_mm")
        if self.catheter_diameter_mm is not None:
            positive_mm(self.catheter_diameter_mm, "catheter_diameter_mm")
        one_of(self.source, "source", (*get_args(PixelSpacingSource), None))
        text(self.evidence, "evidence")
        texts(self.warnings, "warnings")
        others: object = self.others
        if not isinstance(others, (tuple, list)) or any(np.shape(each) != (2,) for each in others):
            raise ValueError(f'others must be pairs such as (("the ruler", 0.00996),), not {others!r}')


@dataclass(frozen=True, kw_only=True)
class Pullback:
    """The frames of one catheter run, in order; iterate for (H, W, 3) uint8 frames, decoded one at a time.

    name: the file's name without folder and ending: a label, never a path.
    frame_count: as the file promises; how many there are is known when all have been read.
    read_frames: all frames, from the first on.
    read_range: frames `first` to `last`, 0-based, `last` left out, where a file allows to begin in the middle.
    first_number: of its first frame; of a single picture the number that its name bears, else 1.
    pixel_spacing_mm: from the file's own header (DICOM), else None; burned-in ruler and scale bar are read per frame.
    pixel_spacing_evidence: one sentence on where the header has it.
    frame_spacing_mm: from frame to frame along the vessel, and `frame_spacing_source`; None where nothing tells it.
    burned_in_scale: whether ruler and bar of `each` frame tell its scale, only those of many frames that have `agreed`,
        as after a video's compression, or `never`, as in 256 colours.
    agreed_scale: that of its frames together, where `burned_in_scale` is "agreed" and they were asked
        (octseg.view.agreed.with_agreed_scale).
    warnings: what reading changed or could not know, one sentence each. spacing_warnings: those of them that are void
        where the user tells the frame spacing.
    read_headers: of DICOM frames that are shown as they are stored: all that their files say before the pixels,
        one data set of pydicom's for each file, in order, the patient too. For a file that is to refer to these.
    late_warnings: what was met while frames were read, such as a file that ends early; grows until all are read.
    """

    name: str
    frame_count: int
    read_frames: Callable[[], Iterator[Frame]]
    read_range: Callable[[int, int], Iterator[Frame]] | None = None
    pixel_spacing_mm: float | None = None
    pixel_spacing_evidence: str = ""
    frame_spacing_mm: float | None = None
    frame_spacing_source: FrameSpacingSource | None = None
    burned_in_scale: BurnedInScale = "each"
    agreed_scale: PixelScale | None = None
    warnings: tuple[str, ...] = ()
    spacing_warnings: tuple[str, ...] = ()
    late_warnings: list[str] = field(default_factory=list)
    first_number: int = 1
    read_headers: Callable[[], Sequence[Any]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """ValueError, in a sentence, where a caller gave something else."""
        text(self.name, "name")
        text(self.pixel_spacing_evidence, "pixel_spacing_evidence")
        whole_number(self.frame_count, "frame_count")
        whole_number(self.first_number, "first_number")
        function(self.read_frames, "read_frames", "an iterator of frames")
        if self.read_range is not None:
            function(self.read_range, "read_range", "an iterator of frames `first` to `last`")
        if self.read_headers is not None:
            function(self.read_headers, "read_headers", "the headers of its files")
        spacing_mm(self.pixel_spacing_mm, "pixel_spacing_mm")
        if self.frame_spacing_mm is not None:
            positive_mm(self.frame_spacing_mm, "frame_spacing_mm")
        one_of(self.frame_spacing_source, "frame_spacing_source", (*get_args(FrameSpacingSource), None))
        one_of(self.burned_in_scale, "burned_in_scale", get_args(BurnedInScale))
        scale: object = self.agreed_scale
        if not (scale is None or isinstance(scale, PixelScale)):
            raise ValueError(f"agreed_scale must be a PixelScale or None, not {type(scale).__name__}")
        texts(self.warnings, "warnings")
        texts(self.spacing_warnings, "spacing_warnings")
        if not isinstance(self.late_warnings, list):
            raise ValueError(f"late_warnings must be a list, which grows, not {type(self.late_warnings).__name__}")

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[Frame]:
        frames: object = self.read_frames()
        if not isinstance(frames, Iterable):
            raise ValueError(f"read_frames of {self.name} must give an iterator of frames, not {type(frames).__name__}")
        return iter(frames)

    def with_frame_spacing(self, spacing_mm: float) -> Self:
        """The same with a spacing from the user, in mm; what disagrees with it is a warning."""
        spacing_mm = positive_mm(spacing_mm, "spacing_mm")
        count = None if self.frame_spacing_source == "dicom" else self.frame_count
        other = (
            () if self.frame_spacing_source == "user" else other_frame_spacing(spacing_mm, self.frame_spacing_mm, count)
        )
        kept = (each for each in self.warnings if each not in self.spacing_warnings)
        return replace(
            self,
            frame_spacing_mm=spacing_mm,
            frame_spacing_source="user",
            warnings=(*kept, *other),
            spacing_warnings=other,
        )

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Frame]:
        """Frames `first` to `last`, 0-based, `last` left out; to the end without it."""
        first, last = whole_number(first, "first"), None if last is None else whole_number(last, "last")
        if self.read_range is None:
            return islice(iter(self), first, last)
        return self.read_range(first, self.frame_count if last is None else min(last, self.frame_count))
