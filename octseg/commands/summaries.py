"""What `octseg predict` prints of frames: their measures that are asked for most, and why nothing is said of some."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from octseg.commands.telling import counted
from octseg.measurement.wording import NO_SCALE_DEPTH, WITHOUT_SCALE

if TYPE_CHECKING:
    from octseg.result import FrameResult


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def withdrawn_lines(path: Path, frame_count: int, sentences: Sequence[str]) -> list[str]:
    """What is told of an input's frames that are withdrawn, each reason once: the sentence of every such frame."""
    if frame_count == 1:
        return [f"{path}: {sentence}" for _, sentence in alike(sentences)]
    return [f"{path}: {count} of {frame_count} frames: {sentence}" for count, sentence in alike(sentences)]


def alike(sentences: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Sentences that differ in their numbers alone as one, with the least and the most of each; how many, and that."""
    together: dict[str, list[list[str]]] = {}
    for sentence in sentences:
        together.setdefault(_NUMBER.sub("\0", sentence), []).append(_NUMBER.findall(sentence))
    for words, numbers in together.items():
        spans = (_span(each) for each in zip(*numbers, strict=True))
        yield len(numbers), "".join(part + next(spans, "") for part in words.split("\0"))


def _span(numbers: Sequence[str]) -> str:
    least, most = min(numbers, key=float), max(numbers, key=float)
    return least if float(least) == float(most) else f"{least} to {most}"


def frame_summary(result: "FrameResult") -> str:
    """The measures that are asked for most, of one frame, in one line, with the 95 % intervals that there are."""
    measures = result.measures
    if result.withdrawn is not None:
        return "withdrawn"
    if not measures.lipid_core_area_px:
        parts = ["no lipid core"]
    elif measures.lipid_core_area_mm2 is None:
        parts = [_measured(result, "lipid core", "lipid_core_area_px", "px")]
    else:
        parts = [_measured(result, "lipid core", "lipid_core_area_mm2", "mm2", digits=2)]
    if measures.lipid_arc_deg:
        parts.append(_measured(result, "arc", "lipid_arc_deg", "deg"))
    if measures.fibrous_cap_thickness_min_um is not None:
        parts.append(_measured(result, "thinnest cap", "fibrous_cap_thickness_min_um", "um"))
    if measures.lumen_area_mm2 is not None:
        parts.append(_measured(result, "lumen", "lumen_area_mm2", "mm2", digits=2))
    deep = f" (lipid counts {WITHOUT_SCALE}: give the scale)" if NO_SCALE_DEPTH in result.warnings else ""
    parts.append(f"scale: {result.pixel_spacing_source or 'unknown'}{deep}")
    if result.warnings:
        parts.append(counted(len(result.warnings), "warning"))
    return ", ".join(parts)


def _measured(result: "FrameResult", label: str, name: str, unit: str, digits: int = 0) -> str:
    """One measure, such as `arc 93 (71 to 115) deg`."""
    interval = (result.intervals_95 or {}).get(name)
    spread = "" if interval is None else f" ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"
    return f"{label} {getattr(result.measures, name):.{digits}f}{spread} {unit}"
