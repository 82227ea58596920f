"""A ZeroGPU Space's GPU, which is lent for one call at a time, in another process, out of the visitor's daily quota.

A frame asks for a few seconds. A pullback asks for stretches of frames, one after the other, so that each waits and
costs little, and what is done stays where the quota ends.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from octseg.errors import OctsegError

if TYPE_CHECKING:  # torch, before which spaces has to be imported
    from octseg.result import FrameResult
    from octseg.segmenter import Segmenter

FRAME_S = 20  # asked for a frame: short requests are served first
START_S, FRAME_OF_PULLBACK_S, STRETCH = 10, 0.15, 100  # seconds to begin with, and for each of so many frames


class Segment(Protocol):
    """What segments a frame for a desk; all that goes in and out can go to another process."""

    def __call__(
        self, path: str, pixel_spacing_mm: float | None, /, *, preset: str | None, uncertainty: bool
    ) -> "FrameResult":
        """Outline and measure the frame at a path, with intervals where they are asked for."""


class SegmentStretches(Protocol):
    """What segments a pullback in stretches."""

    def __call__(
        self, path: str, pixel_spacing_mm: float | None, /, *, count: int, preset: str | None, uncertainty: bool
    ) -> Iterator["FrameResult"]:
        """Outline and measure all frames, `count` of them, of the file at a path."""


@dataclass(frozen=True)
class Lent:
    """A segmenter's work on a GPU that is lent for it."""

    segment: Segment
    stretches: SegmentStretches


def seconds_for(*_given: Any, first: int, last: int, **_named: Any) -> int:
    """Seconds asked for frames `first` to `last`, `last` left out."""
    return START_S + math.ceil(FRAME_OF_PULLBACK_S * (last - first))


def quota_sentence() -> str:
    """What a visitor should know before a pullback is sent."""
    return (
        f"Here a GPU is lent out of your daily quota with Hugging Face: {FRAME_S} s for a frame, "
        f"{seconds_for(first=0, last=STRETCH)} s for each {STRETCH} frames of a pullback. "
        "What is done stays where the quota ends; signing in gives you more of it."
    )


def zero_gpu() -> "Callable[[Segmenter], Lent] | None":
    """How a segmenter gets a GPU on a ZeroGPU Space; None elsewhere. To be called before torch is imported.

    Of what a function raises there only the name of the class comes back: an error of ours is handed over as what it
    returns.
    """
    if find_spec("spaces") is None:
        return None
    import spaces

    def lent(segmenter: "Segmenter") -> Lent:
        @spaces.GPU(duration=FRAME_S)  # type: ignore[untyped-decorator]
        def frame(*given: Any, **named: Any) -> "FrameResult | OctsegError":
            try:
                return segmenter.segment(*given, **named)
            except OctsegError as error:
                return error

        @spaces.GPU(duration=seconds_for)  # type: ignore[untyped-decorator]
        def stretch(*given: Any, **named: Any) -> "Iterator[FrameResult | OctsegError]":
            try:
                for result in segmenter.segment_pullback(*given, **named):
                    yield replace(result, probabilities={}, disc=None)  # the rest is much to hand over, and not shown
            except OctsegError as error:
                yield error

        def stretches(*given: Any, count: int, **named: Any) -> "Iterator[FrameResult]":
            for first in range(0, count, STRETCH):
                yield from map(_or_raised, stretch(*given, **named, first=first, last=min(count, first + STRETCH)))

        return Lent(lambda *given, **named: _or_raised(frame(*given, **named)), stretches)

    return lent


def _or_raised(found: "FrameResult | OctsegError") -> "FrameResult":
    if isinstance(found, OctsegError):
        raise found
    return found
