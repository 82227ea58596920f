"""When the frames of a video are shown, by what it is made of, and what that tells of frames that are missing."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import av

NOT_IN_ORDER = ("avi", "mpegvideo")  # their time stamps are counted, not stored
HIDDEN_FRAMES = ("vp8",)  # a packet of it may hold a frame that is never shown
TS_PACKET = 188  # bytes; a transport stream consists of such
NAMED = 3  # gaps that a sentence names one by one
LONGER = 1.5  # times the usual time between two frames: one is missing
UNEVEN = 0.25  # of the usual time: a time that is so far from a multiple of it is neither
VARIES = 0.1  # of the times between frames: so many that are neither usual nor whole multiples of it


@dataclass(frozen=True)
class Times:
    """Time stamps of the frames in order, and of those where decoding can begin; both empty where they do not tell.

    count: frames that there should be. warnings, late: what does not fit, one sentence each, the name left open.
    """

    count: int
    stamps: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether each frame is known by its time stamp."""
        return bool(self.stamps)


@dataclass
class _Packets:
    """What a video is made of: time stamps in the order of its packets, and what is no frame."""

    stamps: list[int | None] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    empty: int = 0
    discarded: int = 0
    is_cut: bool = False

    @property
    def known(self) -> list[int]:
        """The time stamps that there are, in order."""
        return sorted(stamp for stamp in self.stamps if stamp is not None)


def gone_through(container: Any, stream: Any, format_name: str, file_bytes: int) -> Times:
    """The times of a video's frames, from all its packets, none of which is decoded.

    A packet that the file ends within is left out: of it a decoder would make a frame whose lower part is invented.
    """
    packets = _counted(container, stream)
    if format_name == "mpegts" and file_bytes % TS_PACKET:
        packets.is_cut = True
        packets.stamps = packets.stamps[:-1]  # the file ends within it
    known = packets.known
    all_shown = stream.codec_context.name not in HIDDEN_FRAMES
    spread = known if all_shown and len(set(known)) == len(packets.stamps) else []
    exact = bool(spread) and format_name not in NOT_IN_ORDER
    ordered = spread if exact else []
    promised = _promised(container, stream, len(packets.stamps), known) - packets.discarded
    if format_name in NOT_IN_ORDER:  # frames that were left out are counted with the others
        promised -= sum(count for _, count in _gaps(spread))
    is_short = packets.is_cut or promised > len(packets.stamps)
    if is_short:
        ordered = _without_loose_end(ordered, int(stream.codec_context.has_b_frames or 0))
    count = len(ordered) if exact else len(packets.stamps)
    return Times(
        count=count,
        stamps=ordered,
        starts=sorted(packets.starts) if exact else [],
        warnings=(*_said_of_gaps(ordered or spread), *_empty(packets.empty)),
        late=_said_of_the_end(count, promised) if is_short else (),
    )


def _said_of_the_end(count: int, promised: int) -> tuple[str, ...]:
    said = f"of {promised} frames {count} are there" if promised > count else f"its first {count} frames are there"
    return (f"{{label}} ends early or is damaged: {said}",)


def _counted(container: Any, stream: Any) -> _Packets:
    found = _Packets()
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                found.empty += packet.dts is not None  # the last one only tells a decoder to give what it holds
            elif packet.is_corrupt:
                found.is_cut = True
            elif packet.is_discard:
                found.discarded += 1
            else:
                found.stamps.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    found.starts.append(packet.pts)
    except (av.FFmpegError, OSError):
        found.is_cut = True  # what comes behind the damage is not there
    return found


def promised_count(container: Any, stream: Any) -> int:
    """How many frames a video says it has; 0 where it does not say so."""
    if stream.frames:
        return int(stream.frames)
    return round(_duration(container, stream) * float(stream.average_rate)) if stream.average_rate else 0


def _promised(container: Any, stream: Any, count: int, stamps: Sequence[int]) -> int:
    """How many frames there should be, `count` where nothing tells of more: by the header, or by how long it takes."""
    if stream.frames:
        return int(stream.frames)
    if len(stamps) < 2:
        return count
    usual = statistics.median(after - before for before, after in pairwise(stamps))
    seconds = _duration(container, stream) - float((stamps[-1] - stamps[0] + usual) * stream.time_base)
    missing = seconds / float(usual * stream.time_base) if usual > 0 else 0
    return count + (round(missing) if missing > LONGER else 0)


def _duration(container: Any, stream: Any) -> float:
    """Seconds that a video takes by its header; 0 where it does not say so."""
    if seconds := _seconds(stream.metadata.get("DURATION", "")):
        return seconds
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration and len(container.streams) == 1 else 0.0


def _seconds(text: str) -> float:
    """A duration as Matroska keeps it, 00:00:02.400000000; 0 where it is none."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


def _without_loose_end(stamps: list[int], held_back: int) -> list[int]:
    """The time stamps up to a gap among the last, in which frames are lost that are stored behind later ones.

    held_back: by how many frames the order in which they are stored differs from that in which they are shown.
    """
    steps = [after - before for before, after in pairwise(stamps)]
    if len(steps) < 2:
        return stamps
    usual, first = statistics.median(steps), max(0, len(steps) - 1 - held_back)
    gap = next((place for place in range(first, len(steps)) if steps[place] > LONGER * usual), None)
    return stamps if gap is None or not held_back else stamps[: gap + 1]


def _gaps(stamps: Sequence[int]) -> list[tuple[int, int]]:
    """Behind which frames, by their numbers, time stamps leave room for others, and for how many."""
    steps = [after - before for before, after in pairwise(stamps)]
    if len(steps) < 2:
        return []
    usual = statistics.median(steps)
    return [(place, round(step / usual) - 1) for place, step in enumerate(steps, 1) if step >= LONGER * usual]


def _said_of_gaps(stamps: Sequence[int]) -> tuple[str, ...]:
    """What is said of time stamps that do not rise evenly."""
    steps = [after - before for before, after in pairwise(stamps)]
    if len(steps) < 2:
        return ()
    usual = statistics.median(steps)
    odd = [step for step in steps if abs(step / usual - max(1, round(step / usual))) > UNEVEN]
    if len(odd) > VARIES * len(steps):
        return (
            "the frames of {label} are shown for different times, as in a recording of a screen: they need not be "
            "those of the catheter, and no distance between them is known",
        )
    gaps = _gaps(stamps)
    if not gaps:
        return ()
    told = ", ".join(f"{count} behind frame {place}" for place, count in gaps[:NAMED])
    more = f" and {len(gaps) - NAMED} more gaps" if len(gaps) > NAMED else ""
    return (
        f"the time stamps of {{label}} leave room for {sum(count for _, count in gaps)} frames that are not in it "
        f"({told}{more}): numbers behind them are shifted, and lengths along the vessel are too short",
    )


def _empty(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (
        f"{{label}} repeats a frame {count} times instead of keeping another: numbers are shifted, and frames of the "
        "catheter may be missing",
    )
