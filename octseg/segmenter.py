"""From a file or an array to outlines and measures: reading, preprocessing, network, measurement in one place."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.boxed import BoxedMap
from octseg.checkpoint import Checkpoint
from octseg.decoding import Levels, RayGrid, decode, least_that_tells, why_withdrawn
from octseg.decoding.reaches import joined, joined_in_boxes, nearer_view
from octseg.drawing.own import refuse_own_picture
from octseg.errors import CheckpointError, OctsegError, ReadError
from octseg.inference import Backend, choose_backend
from octseg.inference.variants import SHIFTS, VARIANTS, shifted
from octseg.measurement import FrameMeasures
from octseg.measurement.frame import measure_boxed, of_whole_frame
from octseg.measurement.intervals import find_intervals, find_signs
from octseg.pullback import Frame, PixelScale, Pullback, spacing_mm
from octseg.reading import FileSource, read_frame_array, read_pullback
from octseg.reading.given import name_of
from octseg.result import FrameResult, ModelIdentity, WholeMaps
from octseg.segmenting.ahead import ahead
from octseg.segmenting.scale import ScaleAlong
from octseg.view.part import FramePart
from octseg.view.preprocessing import FrameView, to_input

Maps = dict[str, BoxedMap]  # class name -> its map over the part that is decoded
Source = FileSource | Image.Image | NDArray[Any] | Pullback
ARRAY_NAME = "frame"
PIXELS_AT_ONCE = 6_000_000  # of variants that are decoded together: ten of a frame of 750 px take 100 MB
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
    def part(self) -> FramePart:
        """What of the frame is decoded and measured, and how finely; all below is of this part, (h, w)."""
        return FramePart.about(self.view)

    @cached_property
    def seen(self) -> FrameView:
        """The part as it is seen."""
        return self.part.view(self.view)

    @cached_property
    def spacing_mm(self) -> float | None:
        """Of its pixels."""
        return self.part.spacing_mm(self.scale.pixel_spacing_mm)

    @cached_property
    def disc(self) -> NDArray[np.bool_] | None:
        """(h, w), True on the imaged disc."""
        return None if self.seen.disc is None else self.seen.disc.mask(*self.part.shape)

    @property
    def whole_disc(self) -> NDArray[np.bool_] | None:
        """(H, W), True on the imaged disc, of the whole frame."""
        if self.part.is_whole or self.view.disc is None:
            return self.disc
        return self.view.disc.mask(*self.part.whole)

    @cached_property
    def grid(self) -> RayGrid:
        """Rays about the catheter to the farthest rim."""
        part, seen = self.part, self.seen
        return RayGrid(part.shape, seen.catheter_centre, seen.reach_px, part.frame_side_px, part.factor)

    def measured(self, planes: Maps) -> FrameMeasures:
        """Measures of outlines over the part, in the frame's own pixels."""
        measures = measure_boxed(
            planes,
            self.spacing_mm,
            disc=self.disc,
            catheter_centre=self.seen.catheter_centre,
            frame_side_px=self.grid.side_px,
        )
        return of_whole_frame(measures, self.part.factor)


@dataclass(frozen=True)
class _Look:
    """A frame as the network sees it at one reach: its input (rows, columns) and the probability (K, rows, columns)."""

    view: FrameView
    grey: NDArray[np.uint8]
    planes: NDArray[np.float32]


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
            source: path, bytes of a file, open file, PIL image, (H, W) or (H, W, 3) uint8 array, or a Pullback of one
                frame.
            pixel_spacing_mm: mm per pixel as known by the user; it goes before the scale found in the frame.
            preset: name of a preset scale, used where neither file, ruler nor scale bar tells one.
            uncertainty: also give each measure its 95 % interval, which takes several times as long.

        Raises:
            ReadError: the source is no frame, or holds more than one. ValueError: it, or a spacing, is of another type.
        """
        pixel_spacing_mm = spacing_mm(pixel_spacing_mm, "pixel_spacing_mm")
        pullback = _as_pullback(source)
        if len(pullback) != 1:
            raise ReadError(f"{pullback.name} holds {len(pullback)} frames; use segment_pullback for it")
        return next(self._results(pullback, _file_of(source, pullback), pixel_spacing_mm, _named(preset), uncertainty))

    def segment_pullback(
        self,
        source: Source,
        pixel_spacing_mm: float | None = None,
        *,
        preset: str | None = None,
        uncertainty: bool = False,
    ) -> Iterator[FrameResult]:
        """Outline and measure each frame in order; frames are read, segmented and handed out batch by batch."""
        pixel_spacing_mm = spacing_mm(pixel_spacing_mm, "pixel_spacing_mm")
        pullback = _as_pullback(source)
        return self._results(pullback, _file_of(source, pullback), pixel_spacing_mm, _named(preset), uncertainty)

    def _results(
        self, pullback: Pullback, file: str, pixel_spacing_mm: float | None, preset: str | None, uncertainty: bool
    ) -> Iterator[FrameResult]:
        several = len(pullback) > 1
        frames = (_no_result(frame, file) for frame in pullback)
        seen = _seen_in(ahead(frames) if several else frames, pullback, pixel_spacing_mm, preset)
        looked = self._looked(ahead(seen) if several else seen)
        with closing(ahead(looked) if several else looked) as stages:
            for item, looks in stages:
                result = self._result(item, looks, pullback, file)
                asked = uncertainty and result.withdrawn is None
                yield self._with_intervals(result, item, looks) if asked else result

    def _looked(self, seen: Generator[_Seen, None, None]) -> Generator[tuple[_Seen, list[_Look]], None, None]:
        """Each frame with what the network saw of it."""
        with closing(seen):
            for batch in _batches(seen, self._run):
                yield from zip(batch, self._looks_at(batch), strict=True)

    def _looks_at(self, batch: Sequence[_Seen]) -> list[list[_Look]]:
        """Each frame at its full reach and, where that shows more, nearer."""
        config, classes = self.config.preprocessing, self.config.network.classes
        looks = [[look] for look in self._look([item.view for item in batch], batch[0].number)]
        if "lumen" not in classes:
            return looks
        lumen = classes.index("lumen")
        nearer = [
            nearer_view(item.view, of_item[0].planes[lumen], config, item.scale.pixel_spacing_mm)
            for item, of_item in zip(batch, looks, strict=True)
        ]
        near_looks = iter(self._look([view for view in nearer if view is not None], batch[0].number))
        for of_item, view in zip(looks, nearer, strict=True):
            if view is not None:
                of_item.append(next(near_looks))
        return looks

    def _look(self, views: Sequence[FrameView], first: int) -> list[_Look]:
        """The network's probability of views at once; `first` is the number of the first frame."""
        if not views:
            return []
        inputs = np.stack([to_input(view, self.config.preprocessing) for view in views])
        probability = self._run(inputs)
        if not np.isfinite(probability.sum()):
            raise CheckpointError(
                f"the model {self.identity.name} gives no numbers for frame {first}; its weights are unusable"
            )
        return [_Look(*each) for each in zip(views, inputs, probability, strict=True)]

    def _result(self, seen: _Seen, looks: Sequence[_Look], pullback: Pullback, file: str) -> FrameResult:
        """What the network saw of one frame to its result."""
        planes = [look.planes for look in looks]
        probability = self._probability(seen, planes, looks)
        [(outlines, measures)] = self._measured(seen, [probability])
        withdrawn = _why_withdrawn(seen, outlines.get("lumen"))
        if withdrawn is not None:
            measures = FrameMeasures()
            masks = {name: np.zeros(seen.part.whole, bool) for name in outlines}
        else:
            masks = {name: seen.part.mask_in_box(plane) for name, plane in outlines.items()}
        return FrameResult(
            name=pullback.name,
            file=file,
            frame_number=seen.number,
            frame=seen.frame,
            masks=masks,
            probabilities=WholeMaps(
                self.config.network.classes,
                partial(joined, planes, self._views(seen, looks), self.config.preprocessing),
                seen.part,
            ),
            measures=measures,
            scale=seen.scale,
            disc=seen.whole_disc,
            catheter_centre=seen.view.catheter_centre,
            device=self.device,
            backend=self.backend,
            model=self.identity,
            withdrawn=withdrawn,
            warnings=(*pullback.warnings, *seen.view.warnings, *seen.scale.warnings, *measures.warnings),
        )

    def _probability(self, seen: _Seen, planes: Sequence[NDArray[np.float32]], looks: Sequence[_Look]) -> Maps:
        """Planes (K, rows, columns) at each reach as probability over the part that is decoded."""
        classes, thresholds = self.config.network.classes, self.config.every_threshold
        least = [least_that_tells(thresholds[name]) for name in classes]
        maps = joined_in_boxes(planes, self._views(seen, looks), self.config.preprocessing, least, seen.disc)
        return dict(zip(classes, maps, strict=True))

    @staticmethod
    def _views(seen: _Seen, looks: Sequence[_Look]) -> list[FrameView]:
        """The part that is decoded as each look reached into it."""
        return [seen.part.view(look.view, seen.seen.grey) for look in looks]

    def _measured(self, seen: _Seen, probabilities: Sequence[Maps]) -> list[tuple[Maps, FrameMeasures]]:
        """Outlines, as planes that are 0.5 on them, and measures of variants of one frame's probability."""
        levels = Levels(self.config.every_threshold, self.config.calibration.least_core_logit)
        return [
            (planes, seen.measured(planes))
            for planes in decode(probabilities, levels, seen.grid, seen.disc, seen.spacing_mm)
        ]

    def _with_intervals(self, result: FrameResult, seen: _Seen, looks: Sequence[_Look]) -> FrameResult:
        """The result with intervals, from variants of what the network saw, and from its probability shifted."""
        config, widths = self.config.preprocessing, self.config.calibration.intervals
        seen_as = [self._run(np.stack([variant.seen(look.grey, config) for variant in VARIANTS])) for look in looks]
        planes = [[variant.undone(each[n], config) for each in seen_as] for n, variant in enumerate(VARIANTS)]
        planes += [[shifted(look.planes, by) for look in looks] for by in SHIFTS]
        at_once = max(1, PIXELS_AT_ONCE // (seen.part.shape[0] * seen.part.shape[1]))
        measured: list[FrameMeasures] = []
        for start in range(0, len(planes), at_once):
            probabilities = [self._probability(seen, each, looks) for each in planes[start : start + at_once]]
            measured += [measures for _, measures in self._measured(seen, probabilities)]
        variants, at_shifts = measured[: len(VARIANTS)], measured[len(VARIANTS) :]
        classes = self.config.network.classes
        signs = find_signs(result.measures, variants, at_shifts, classes)
        intervals = find_intervals(result.measures, signs, classes, widths)
        warnings = result.warnings if widths else (*result.warnings, UNCALIBRATED)
        return replace(result, signs=signs, intervals_95=intervals, warnings=warnings)


def _named(preset: object) -> str | None:
    """A preset by its name, also where that is a number and was given as one."""
    return None if preset is None else str(preset)


def _no_result(frame: Frame, file: str) -> Frame:
    """The frame; OwnResultError where it is one of this program's own pictures."""
    refuse_own_picture(frame, file)
    return frame


def _seen_in(
    frames: Generator[Frame, None, None], pullback: Pullback, pixel_spacing_mm: float | None, preset: str | None
) -> Generator[_Seen, None, None]:
    """Frames as they are seen; what is the same for a pullback is found once, and looked for anew where it is not."""
    along = ScaleAlong(pullback, pixel_spacing_mm, preset)
    with closing(frames):
        for number, frame in enumerate(frames, start=pullback.first_number):
            view, scale = along.seen(frame)
            yield _Seen(number, frame, view, scale)


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
    name = name_of(source)
    return pullback.name if name is None else Path(name).name


def _why_withdrawn(seen: _Seen, lumen: BoxedMap | None) -> str | None:
    """Why nothing is said of a frame: by all of it as displayed, and by the lumen's plane over its part."""
    overview = FramePart.overview(seen.view)
    outlined = None if lumen is None else lumen.reaches(0.5)
    return why_withdrawn(
        overview.picture(seen.frame), overview.view(seen.view), outlined, seen.spacing_mm, vessel=seen.seen
    )
