"""What is done of a pullback, from the lines of its frames: to be summed up, and measured along the vessel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from octseg.commands.telling import counted
from octseg.export.pullback import scale_of_all
from octseg.measurement.pullback import FrameAlong, PullbackMeasures


@dataclass
class Done:
    """The frames in order; withdrawn: why nothing is said of some, a sentence each. late: what was met on the way.

    smoothing: how probability was smoothed along it. scales: source and evidence of the scale of each frame of which
        something is said. repeats: whether a frame, of which something is said, is the very one before it.
    """

    frames: list[FrameAlong] = field(default_factory=list)
    with_lipid_core: int = 0
    withdrawn: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    smoothing: str | None = None
    scales: set[tuple[Any, Any]] = field(default_factory=set)
    repeats: bool = False

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]]) -> "Done":
        """From what `RunWriter.lines` gives, of which little is kept."""
        done, before = cls(), None
        for line in lines:
            record = line["record"]
            done.repeats |= record["withdrawn"] is None and record["frame_sha256"] == before
            before = record["frame_sha256"]
            done.frames.append(FrameAlong.from_record(line["along"]))
            done.with_lipid_core += bool(record["lipid_core_area_px"])
            done.late += line["late"]
            done.smoothing = record.get("smoothing")
            if record["withdrawn"] is None:
                done.scales.add((record["pixel_spacing_source"], record["pixel_spacing_evidence"]))
            else:
                done.withdrawn.append(record["withdrawn"])
        return done

    def left_out(self, frame_count: int) -> list[str]:
        """What is said where the pullback has more frames than were looked at."""
        if len(self.frames) >= frame_count:
            return []
        first, last = self.frames[0].frame, self.frames[-1].frame
        numbers = f"frame {first}" if first == last else f"frames {first} to {last}"
        return [f"{len(self.frames)} of {frame_count} frames were looked at ({numbers}); all numbers are of these"]

    def scale(self, measures: PullbackMeasures) -> tuple[Any, Any]:
        """As `scale_of_all`."""
        return scale_of_all(self.scales, measures)

    def summary(self, measures: PullbackMeasures) -> str:
        """In one line."""
        parts = [counted(len(self.frames), "frame"), f"{self.with_lipid_core} with lipid core"]
        if self.withdrawn:
            parts.append(f"{len(self.withdrawn)} withdrawn")
        whole = measures.whole
        if whole.minimum_lumen_area_mm2 is not None:
            parts.append(
                f"smallest lumen {whole.minimum_lumen_area_mm2:.2f} mm2 in frame {whole.minimum_lumen_area_frame}"
            )
        if whole.lipid_length_mm:
            parts.append(f"lipid length {whole.lipid_length_mm:.1f} mm")
        return ", ".join(parts)
