"""From a file or an array to outlines and measures: reading, preprocessing, network, measurement in one place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.checkpoint import Checkpoint
from octseg.errors import CheckpointError, OctsegError, ReadError
from octseg.inference import Backend, choose_backend
from octseg.inference.variants import SHIFTS, VARIANTS, shifted
from octseg.measurement import FrameMeasures, measure
from octseg.measurement.intervals import find_intervals, find_signs
from octseg.measurement.lumen import lumen_mask
from octseg.preprocessing import FrameView, to_frame, to_input, view_frame
from octseg.pullback import Frame, PixelScale, Pullback
from octseg.reading import find_pixel_scale, read_frame_array, read_pullback
from octseg.result import FrameResult, ModelIdentity

Source = str | Path | bytes | Image.Image | NDArray[Any] | Pullback
ARRAY_NAME = "frame"
UNCALIBRATED = (
    "The intervals of this model were not checked against any truth: they hold what variants of the frame differ by, "
    "and are likely to be too narrow."
)


@dataclass(frozen=True)
class _Seen:
    """A frame on its way to the network."""

    number: int
    frame: Frame
    view: FrameView
    scale: PixelScale

    @cached_property
    def disc(self) -> NDArray[np.bool_] | None:
        """(H, W), True on the imaged disc."""
        return None if self.view.disc is None else self.view.disc.mask(*self.view.grey.shape)


class Segmenter:
    """A loaded model: `segment` for one frame, `segment_pullback` for many; safe to call from several threads.

    device, backend: where the network runs, as stated in each result. notice: what there is to say of where the weights
    came from, where they are not those that were asked for.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        identity: ModelIdentity,
        *,
        device: str = "auto",
        backend: str = "auto",
        notice: str = "",
    ) -> None:
        self.notice = notice
        self.weights_bytes = checkpoint.weights_bytes
        self.config = checkpoint.config
        self.network = checkpoint.network
        self.identity = identity
        self._run = choose_backend(checkpoint, device, backend)
        self.device, self.backend = self._run.device, self._run.name

    def segment(
        self,
        source: Source,
        pixel_spacing_mm: float | None = None,
        *,
        preset: str | None = None,
        uncertainty: bool = False,
    ) -> FrameResult:
        """Outline and measure one frame.

        Args:
            source: path, bytes of a file, PIL image, (H, W) or (H, W, 3) uint8 array, or a Pullback of one frame.
            pixel_spacing_mm: mm per pixel as known by the user; it goes before the scale found in the frame.
            preset: name of a preset scale, used where neither file nor ruler tells one.
            uncertainty: also give each measure its 95 % interval, which takes several times as long.

        Raises:
            ReadError: the source is no frame, or holds more than one.
        """
        pullback = _as_pullback(source)
        if len(pullback) != 1:
            raise ReadError(f"{pullback.name} holds {len(pullback)} frames; use segment_pullback for it")
        return next(self._results(pullback, _file_of(source, pullback), pixel_spacing_mm, preset, uncertainty))

    def segment_pullback(
        self,
        source: Source,
        pixel_spacing_mm: float | None = None,
        *,
        preset: str | None = None,
        uncertainty: bool = False,
    ) -> Iterator[FrameResult]:
        """Outline and measure each frame in order; frames are read, segmented and handed out batch by batch."""
        pullback = _as_pullback(source)
        return self._results(pullback, _file_of(source, pullback), pixel_spacing_mm, preset, uncertainty)

    def _results(
        self, pullback: Pullback, file: str, pixel_spacing_mm: float | None, preset: str | None, uncertainty: bool
    ) -> Iterator[FrameResult]:
        seen = (
            _Seen(number, frame, view, _scale_of(frame, view, pullback, pixel_spacing_mm, preset))
            for number, frame, view in ((n, f, view_frame(f)) for n, f in enumerate(pullback, start=1))
        )
        for batch in _batches(seen, self._run):
            inputs = np.stack([to_input(item.view, self.config.preprocessing) for item in batch])
            probability = self._run(inputs)
            if not np.isfinite(probability.sum()):
                raise CheckpointError(
                    f"the model {self.identity.name} gives no numbers for frame {batch[0].number}; "
                    "its weights are unusable"
                )
            for item, grey, planes in zip(batch, inputs, probability, strict=True):
                result = self._result(item, planes, pullback, file)
                yield self._with_intervals(result, item, grey, planes) if uncertainty else result

    def _result(self, seen: _Seen, planes: NDArray[np.float32], pullback: Pullback, file: str) -> FrameResult:
        """Planes (K, rows, columns) of one frame's probability to its result."""
        thresholds = self.config.every_threshold
        probability, measures = self._measured(seen, planes)
        masks = {name: plane >= thresholds[name] for name, plane in probability.items()}
        if "lumen" in masks:
            masks["lumen"] = lumen_mask(masks["lumen"])  # what is outlined is what is measured
        return FrameResult(
            name=pullback.name,
            file=file,
            frame_number=seen.number,
            frame=seen.frame,
            masks=masks,
            probabilities=probability,
            measures=measures,
            scale=seen.scale,
            disc=seen.disc,
            catheter_centre=seen.view.catheter_centre,
            device=self.device,
            backend=self.backend,
            model=self.identity,
            warnings=(*pullback.warnings, *seen.view.warnings, *seen.scale.warnings, *measures.warnings),
        )

    def _measured(
        self, seen: _Seen, planes: NDArray[np.float32]
    ) -> tuple[dict[str, NDArray[np.float32]], FrameMeasures]:
        """Planes (K, rows, columns) as probability at the frame's own resolution, and the measures of that."""
        names = self.config.network.classes
        probability = dict(zip(names, to_frame(planes, seen.view, self.config.preprocessing), strict=True))
        measures = measure(
            probability,
            seen.scale.pixel_spacing_mm,
            thresholds=self.config.every_threshold,
            disc=seen.disc,
            catheter_centre=seen.view.catheter_centre,
        )
        return probability, measures

    def _with_intervals(
        self, result: FrameResult, seen: _Seen, grey: NDArray[np.uint8], planes: NDArray[np.float32]
    ) -> FrameResult:
        """The result with intervals, from variants of the frame's input `grey` and its own `planes`, shifted."""
        config, widths = self.config.preprocessing, self.config.calibration.intervals
        of_variants = self._run(np.stack([variant.seen(grey, config) for variant in VARIANTS]))
        variants = [
            self._measured(seen, variant.undone(of_variant, config))[1]
            for variant, of_variant in zip(VARIANTS, of_variants, strict=True)
        ]
        at_shifts = [self._measured(seen, shifted(planes, by))[1] for by in SHIFTS]
        classes = self.config.network.classes
        signs = find_signs(result.measures, variants, at_shifts, classes)
        intervals = find_intervals(result.measures, signs, classes, widths)
        warnings = result.warnings if widths else (*result.warnings, UNCALIBRATED)
        return replace(result, signs=signs, intervals_95=intervals, warnings=warnings)


def _batches(seen: Iterator[_Seen], run: Backend) -> Iterator[list[_Seen]]:
    """As many frames at once as the backend takes; those read before an unreadable one are handed out first."""
    batch: list[_Seen] = []
    try:
        for item in seen:
            batch.append(item)
            if len(batch) >= run.batch:
                yield batch
                batch = []
    except OctsegError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _as_pullback(source: Source) -> Pullback:
    if isinstance(source, Pullback):
        return source
    if isinstance(source, (Image.Image, np.ndarray)):
        frame = read_frame_array(source)
        return Pullback(name=ARRAY_NAME, frame_count=1, read_frames=lambda: iter([frame]))
    return read_pullback(source)


def _file_of(source: Source, pullback: Pullback) -> str:
    """The file's name without its folder; the pullback's name where there was no file."""
    return Path(source).name if isinstance(source, (str, Path)) else pullback.name


def _scale_of(
    frame: Frame, view: FrameView, pullback: Pullback, pixel_spacing_mm: float | None, preset: str | None
) -> PixelScale:
    return find_pixel_scale(
        frame, header_mm=pullback.pixel_spacing_mm, user_mm=pixel_spacing_mm, preset=preset, ruler=view.ruler
    )
