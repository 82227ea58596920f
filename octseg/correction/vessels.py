"""What is measured along the vessels of a case, of all outlines as they are: the model's, or a reader's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from octseg.correction.corrections import Corrections
from octseg.correction.log import NAMELESS
from octseg.correction.numbers import Record
from octseg.correction.saved import SavedCase
from octseg.errors import CorrectionError
from octseg.export.pullback import PullbackOrigin, pullback_record
from octseg.measurement.pullback import FrameAlong, PullbackMeasures, measure_pullback
from octseg.measurement.pullback.scales import named


def run_of(case: SavedCase, corrections: Corrections, stems: Sequence[str]) -> dict[str, Any]:
    """The head of measures.json of frames, with what a hand has done to them."""
    states = [corrections.state(stem) for stem in stems]
    return {
        **case.run,
        "corrected_by": corrections.log.head["reader"] or NAMELESS,
        "corrected_frame_count": len(states) - states.count("model"),
        "interpolated_frame_count": states.count("interpolated"),
    }


class Vessels:
    """The vessels of one case; each is measured once, when it is asked for.

    CorrectionError where not all of it was saved that is kept along a vessel.
    """

    def __init__(self, case: SavedCase, corrections: Corrections, drawn: Mapping[str, FrameAlong]) -> None:
        """drawn: frames whose outlines are not the model's, by stem; of the others what was saved counts."""
        self._case, self._corrections, self._drawn = case, corrections, drawn
        self._measured: dict[str, PullbackMeasures] = {}
        self._recorded: dict[str, Record] = {}

    def measures(self, name: str) -> PullbackMeasures:
        """Along one."""
        if name not in self._measured:
            self._measured[name] = self._along(name, self._drawn)
        return self._measured[name]

    def record(self, name: str) -> Record:
        """What `<name>_pullback.json` says; as it was saved where no frame of it was drawn on or rejected."""
        if name not in self._recorded:
            self._recorded[name] = self._record(name)
        return self._recorded[name]

    def _record(self, name: str) -> Record:
        saved, stems = self._case.pullbacks[name], self._case.vessels[name]
        by_reader = list(self._by_reader(stems))
        if not by_reader:
            return saved
        if not any(stem in self._drawn for stem in stems):
            return {**saved, "warnings": [*by_reader, *saved["warnings"]]}
        of_measures = set(self._along(name, {}).warnings)  # which may hold no more
        origin = PullbackOrigin(
            file=saved["file"],
            folder=saved.get("folder", ""),
            pixel_spacing_source=saved.get("pixel_spacing_source"),
            pixel_spacing_evidence=saved.get("pixel_spacing_evidence"),
            frame_spacing_source=saved.get("frame_spacing_source"),
            warnings=(*by_reader, *(warning for warning in saved["warnings"] if warning not in of_measures)),
        )
        return pullback_record(self.measures(name), origin, run_of(self._case, self._corrections, stems))

    def _by_reader(self, stems: Sequence[str]) -> Iterator[str]:
        """What a reader has done to a vessel's frames, a sentence each."""
        states = [self._corrections.state(stem) for stem in stems]
        if by_hand := states.count("corrected"):
            yield f"{by_hand} of {len(stems)} frames have outlines that were corrected by hand"
        if interpolated := states.count("interpolated"):
            yield (
                f"{interpolated} of {len(stems)} frames have outlines that were interpolated between corrected frames, "
                "and not accepted"
            )
        rejected = [stem for stem in stems if self._corrections.verdict(stem)[0] == "rejected"]
        if rejected:
            numbers = named([self._case.record(stem)["frame"] for stem in rejected])
            yield f"Rejected by the reader, but counted in these numbers: {numbers}"

    def _along(self, name: str, drawn: Mapping[str, FrameAlong]) -> PullbackMeasures:
        frames = zip(self._case.vessels[name], self._case.along(name), strict=True)
        along = [drawn.get(stem) or saved for stem, saved in frames]
        try:
            return measure_pullback(
                along, self._case.pullbacks[name]["frame_spacing_mm"], frames=self._case.range_of(name)
            )
        except ValueError as error:  # two frames of one number
            raise CorrectionError(f"nothing along {name} can be measured: {error}") from error
