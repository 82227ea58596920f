"""The scales of a pullback's frames, told once for all of them: a pullback has one, whatever single frames bear."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from octseg.measurement.pullback.frames import FrameAlong
from octseg.measurement.wording import NO_SCALE_DEPTH, WITHOUT_SCALE
from octseg.pullback import larger_words

SAME_SCALE = 1.01  # largest by smallest of frames of one pullback: a ruler is read to 0.5 %
MOST_RUNS = 4  # of frames that are named
MOST_SCALES = 3  # that are told of one kind


def agree(scales: Sequence[float]) -> bool:
    """Whether the frames' mm per pixel are one scale, read in each frame anew."""
    return max(scales) <= SAME_SCALE * min(scales)


def scale_warnings(frames: Iterable[FrameAlong]) -> list[str]:
    """Where frames have no scale or several, and where another one disagrees with that in use, a sentence each."""
    judged = [frame for frame in frames if frame.rays is not None]
    used = {frame.frame: mm for frame in judged if (mm := frame.pixel_spacing_mm)}
    said: list[str] = []
    if judged and not used:
        said.append("No frame has a scale, so areas in mm2, volumes and thicknesses of caps are not given.")
        said += [NO_SCALE_DEPTH] if any(frame.lipid_area_px for frame in judged) else []
    elif len(used) < len(judged):
        without = [frame.frame for frame in judged if frame.frame not in used]
        said.append(
            f"{len(without)} of {len(judged)} frames have no scale ({named(without)}), so areas in mm2 and volumes are "
            f"not given, and lipid in them counts {WITHOUT_SCALE}."
        )
    if used and not agree([*used.values()]):
        said.append(f"The frames' scales differ, in mm per pixel: {_differing(used)}; a pullback has one.")
    names = dict.fromkeys(name for frame in judged for name in frame.other_scales)
    return [*said, *(sentence for name in names for sentence in _disagreements(name, judged, used))]


def _differing(used: Mapping[int, float]) -> str:
    """The scales in use, each with its frames."""
    groups = _alike(used)
    said = [f"{_median(used, group):.5g} in {named(group)}" for group in groups[:MOST_SCALES]]
    rest = sorted(frame for group in groups[MOST_SCALES:] for frame in group)
    return ", ".join([*said, f"others in {named(rest)}"] if rest else said)


def _disagreements(name: str, judged: Sequence[FrameAlong], used: Mapping[int, float]) -> Iterator[str]:
    """What one other source of a scale says, where it disagrees with that in use."""
    told = {frame.frame: mm for frame in judged if (mm := frame.other_scales.get(name)) and frame.frame in used}
    ratios = {frame: mm / used[frame] for frame, mm in told.items()}
    groups = _alike(ratios)
    for group in groups[:MOST_SCALES]:
        yield (
            f"{named(group, capital=True)}: the scale in use, {_median(used, group):.5g} mm per pixel, disagrees with "
            f"{name}, {_median(told, group):.5g} mm per pixel: "
            f"{larger_words('lumen areas', _median(ratios, group) ** 2)}."
        )
    rest = sorted(frame for group in groups[MOST_SCALES:] for frame in group)
    if rest:
        yield f"{named(rest, capital=True)}: the scale in use disagrees with {name} in yet other ways."


def _alike(values: Mapping[int, float]) -> list[list[int]]:
    """Frames whose values are one scale, the most frames first."""
    groups: list[list[int]] = []
    least = 0.0
    for frame in sorted(values, key=lambda each: (values[each], each)):
        if not groups or values[frame] > SAME_SCALE * least:
            groups.append([])
            least = values[frame]
        groups[-1].append(frame)
    return sorted((sorted(group) for group in groups), key=lambda group: (-len(group), group))


def _median(values: Mapping[int, float], frames: Sequence[int]) -> float:
    return float(np.median([values[frame] for frame in frames]))


def named(frames: Sequence[int], *, capital: bool = False) -> str:
    """Numbers of frames in order, as runs: `frames 3, 7 to 9 and 12`."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    said = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:MOST_RUNS]]
    beyond = sum(map(len, runs[MOST_RUNS:]))
    said += [f"{beyond} more"] if beyond else []
    return f"{'F' if capital else 'f'}rame{'s' if len(frames) > 1 else ''} {_listed(said)}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
