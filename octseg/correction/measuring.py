"""What is measured of labels: by the code that measures the model's, of the same frame, at the same scale."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap, box_about
from octseg.classes import CLASS_NAMES, PALETTE_INDEX
from octseg.correction.frames import CaseFrames
from octseg.correction.numbers import saved_measures, scale_of
from octseg.correction.recent import Recent
from octseg.correction.runs import Labels
from octseg.correction.saved import SavedCase
from octseg.export.planes import Masks
from octseg.measurement.frame import FrameMeasures, Measured
from octseg.pipeline.frames import Seen
from octseg.pullback import Frame, PixelScale, Pullback
from octseg.result import FrameResult, ModelIdentity
from octseg.view.part import FramePart
from octseg.view.preprocessing import view_frame

HELD_VIEWS = 12
MARGIN = 2  # pixels about a mask
FULL = 128  # of 255: half of a pixel of the part


def planes_of(labels: Labels) -> Masks:
    """The mask (H, W) of each class."""
    return {name: labels == PALETTE_INDEX[name] for name in CLASS_NAMES}


class Measuring:
    """Measures labels of a case's frames; what is seen of a frame before its outlines is found once."""

    def __init__(self, case: SavedCase, frames: CaseFrames) -> None:
        self._case, self._frames = case, frames
        self._seen: Recent[tuple[Seen, tuple[str, ...]]] = Recent(HELD_VIEWS, lambda seen: seen[0].frame.nbytes)

    def apart(self) -> "Measuring":
        """The same for another thread, which holds its own frames."""
        return Measuring(self._case, self._frames.apart())

    def frame(self, stem: str) -> Frame:
        """Its pixels (H, W, 3)."""
        return self._frames(stem)

    def pullback(self, stem: str) -> Pullback | None:
        """What was given that holds it; None where it is a copy beside the results."""
        return self._frames.pullback(stem)

    def is_private(self, stem: str) -> bool:
        """Whether it bears the mark of private frames."""
        return self._frames.is_private(stem)

    def original(self, stem: str) -> FrameResult:
        """The model's outlines of a frame, with the numbers that were saved, and their places."""
        record = self._case.record(stem)
        result = self.result(stem, self._case.labels(stem), record["withdrawn"])
        return replace(
            result,
            measures=saved_measures(record) or result.measures,
            intervals_95=record.get("intervals_95"),
            warnings=tuple(record["warnings"]),
        )

    def result(self, stem: str, labels: Labels, withdrawn: str | None = None) -> FrameResult:
        """Labels of a frame, measured; nothing is said of what is withdrawn."""
        seen, other_warnings = self._seen.get(stem, self._view)
        record, run = self._case.record(stem), self._case.run
        masks = planes_of(labels)
        told = _measured(seen, masks) if withdrawn is None else Measured(FrameMeasures(), None, None)
        return FrameResult(
            name=stem,
            file=record["file"],
            frame_number=record["frame"],
            frame=seen.frame,
            masks=masks,
            probabilities={},
            measures=told.measures,
            scale=seen.scale,
            disc=seen.whole_disc,
            catheter_centre=seen.view.catheter_centre,
            device=run.get("device", ""),
            backend=run.get("backend", ""),
            precision=run.get("precision", "f32"),
            model=_identity(run),
            rays=told.rays,
            places=told.places,
            withdrawn=withdrawn,
            warnings=(*other_warnings, *told.measures.warnings),
        )

    def _view(self, stem: str) -> tuple[Seen, tuple[str, ...]]:
        """A frame as it is seen, and what was said of it that is not of its outlines."""
        record, frame = self._case.record(stem), self._frames(stem)
        seen = Seen(record["frame"], frame, view_frame(frame), scale_in(self._case, stem))
        of_outlines = _measured(seen, planes_of(self._case.labels(stem))).measures.warnings
        return seen, tuple(warning for warning in record["warnings"] if warning not in of_outlines)


def scale_in(case: SavedCase, stem: str) -> PixelScale:
    """That which a frame was measured with; its pullback's where none was told in it, as of one that was black."""
    record, vessel = case.record(stem), case.vessel(stem)
    along = {} if vessel is None else case.pullbacks[vessel]
    if record["pixel_spacing_mm"] is not None or along.get("pixel_spacing_mm") is None:
        return scale_of(record)
    return replace(
        scale_of(record),
        pixel_spacing_mm=along["pixel_spacing_mm"],
        source=along.get("pixel_spacing_source"),
        evidence=along.get("pixel_spacing_evidence") or "",
    )


def _measured(seen: Seen, masks: Masks) -> Measured:
    """Measures of masks (H, W), each over the box that holds it in the part of the frame that is measured."""
    return seen.measured({name: _boxed(mask, seen.part) for name, mask in masks.items()})


def _boxed(mask: NDArray[np.bool_], part: FramePart) -> BoxedMap:
    plane = mask if part.is_whole else part.picture(mask.astype(np.uint8) * 255) >= FULL
    box = box_about(plane, MARGIN)
    return BoxedMap.nothing(part.shape) if box is None else BoxedMap(plane[box].astype(np.float32), box, part.shape)


def _identity(run: Mapping[str, Any]) -> ModelIdentity:
    model = run["model"]
    return ModelIdentity(
        name=model["name"], source=model["source"], revision=model.get("revision"), sha256=model["sha256"]
    )
