"""What is measured along the vessels of a case, of all outlines as they are: the model's, or a reader's."""

from collections.abc import Mapping
from typing import Any

from octseg.correction.measuring import Measuring
from octseg.correction.saved import Record, SavedCase
from octseg.export.pullback import PullbackOrigin, pullback_record
from octseg.measurement.pullback import FrameAlong, PullbackMeasures, measure_pullback


class Vessels:
    """The vessels of one case; each is measured once, when it is asked for.

    CorrectionError where a frame of it is not there.
    """

    def __init__(self, case: SavedCase, measuring: Measuring, drawn: Mapping[str, FrameAlong]) -> None:
        """drawn: frames whose outlines are not the model's, by stem."""
        self._case, self._measuring, self._drawn = case, measuring, drawn
        self._models: dict[str, FrameAlong] = {}
        self._measured: dict[str, PullbackMeasures] = {}

    def measures(self, name: str) -> PullbackMeasures:
        """Along one."""
        if name not in self._measured:
            self._measured[name] = self._along(name, self._drawn)
        return self._measured[name]

    def record(self, name: str, run: Mapping[str, Any]) -> Record:
        """What `<name>_pullback.json` says; as it was saved where no frame of it was drawn on."""
        saved, stems = self._case.pullbacks[name], self._case.vessels[name]
        count = sum(stem in self._drawn for stem in stems)
        if not count:
            return saved
        of_measures = set(self._along(name, {}).warnings)  # which may hold no more
        origin = PullbackOrigin(
            file=saved["file"],
            folder=saved.get("folder", ""),
            pixel_spacing_source=saved.get("pixel_spacing_source"),
            pixel_spacing_evidence=saved.get("pixel_spacing_evidence"),
            frame_spacing_source=saved.get("frame_spacing_source"),
            warnings=(
                f"{count} of {len(stems)} frames have outlines that were corrected by hand",
                *(warning for warning in saved["warnings"] if warning not in of_measures),
            ),
        )
        return pullback_record(self.measures(name), origin, run)

    def _along(self, name: str, drawn: Mapping[str, FrameAlong]) -> PullbackMeasures:
        along = [drawn.get(stem) or self._model(stem) for stem in self._case.vessels[name]]
        return measure_pullback(along, self._case.pullbacks[name].get("frame_spacing_mm"))

    def _model(self, stem: str) -> FrameAlong:
        if stem not in self._models:
            self._models[stem] = FrameAlong.of(self._measuring.original(stem))
        return self._models[stem]
