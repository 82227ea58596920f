"""From a file or an array to outlines and measures: reading, preprocessing, network, measurement in one place."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.checkpoint import Checkpoint
from octseg.decoding import Levels, decode, least_that_tells, why_withdrawn
from octseg.decoding.along import HALF, SENTENCE, PolarLook, sliding, smoothed
from octseg.decoding.doubt import labels_of, share_that_differs
from octseg.decoding.reaches import joined, joined_in_boxes, second_view
from octseg.drawing.own import refuse_own_picture
from octseg.errors import CheckpointError, ReadError
from octseg.inference import choose_backend
from octseg.inference.protocol import Inputs, Waiting
from octseg.inference.variants import SHIFTS, VARIANTS, shifted
from octseg.measurement import FrameMeasures
from octseg.measurement.frame import Measured
from octseg.measurement.intervals import AREAS, INTERVAL_MEASURES, Width, find_intervals, find_signs
from octseg.pipeline import Ahead, each
from octseg.pipeline.ahead import close
from octseg.pipeline.batches import batches, next_or_error, numbered
from octseg.pipeline.frames import Look, LookedAt, Maps, Seen, seen_along
from octseg.pipeline.memory import give_back_memory
from octseg.pipeline.under_way import UnderWay
from octseg.pullback import LARGE_PIXELS, Frame, PixelScale, Pullback, check_frame
from octseg.reading.sources import Source, as_pullback, file_of
from octseg.result import FrameResult, ModelIdentity, WholeMaps
from octseg.values import spacing_mm, text, whole_number, yes_or_no
from octseg.view.agreed import with_agreed_scale
from octseg.view.along import start_of_stretch
from octseg.view.part import FramePart
from octseg.view.preprocessing import FrameView, to_input

if TYPE_CHECKING:
    from octseg.model import DeepLabV3Plus

Run = Callable[[Inputs], Waiting]
FINISHED = 1  # results that wait: where the process is killed, they are lost
PIXELS_AT_ONCE = 6_000_000  # of variants that are decoded together: ten of a frame of 750 px take 100 MB
NO_SCALE = PixelScale(evidence="This picture is not one frame, so it has no scale.")
UNCALIBRATED = (
    "The intervals of this model were not checked against any truth: they hold what variants of the frame differ by, "
    "and are likely to be too narrow."
)


AREAS_UNCALIBRATED = (
    "The intervals of this model's areas were calibrated in pixels, by an earlier version, so areas have none: "
    "calibrate it anew with python -m train.calibrate."
)


class Segmenter:
    """A loaded model: `segment` for one frame, `segment_pullback` for many; safe to call from several threads.

    device, backend, precision: where and in what numbers the network runs, as stated in each result. notice: what there
    is to say of where the weights came from, where they are not those that were asked for.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        identity: ModelIdentity,
        *,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        notice: str = "",
    ) -> None:
        _check_made_of(checkpoint, identity)
        self.notice = text(notice, "notice")
        self.weights_bytes = checkpoint.weights_bytes
        self.config = checkpoint.config
        self._checkpoint = checkpoint
        self.identity = identity
        self._run = choose_backend(checkpoint, device, backend, precision)
        self._under_way = UnderWay()
        self.device, self.backend, self.precision = self._run.device, self._run.name, self._run.precision

    @property
    def network(self) -> "DeepLabV3Plus":
        """The network in PyTorch; what is changed in it changes nothing here."""
        return self._checkpoint.network

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
        uncertainty = yes_or_no(uncertainty, "uncertainty")
        pixel_spacing_mm = spacing_mm(pixel_spacing_mm, "pixel_spacing_mm")
        pullback = as_pullback(source)
        if len(pullback) != 1:
            raise ReadError(f"{pullback.name} holds {len(pullback)} frames; use segment_pullback for it")
        file = file_of(source, pullback)
        for result in self._results(pullback, file, pixel_spacing_mm, _named(preset), uncertainty):
            return result
        raise ReadError(f"{pullback.name} holds no frame, though its frame_count is 1")

    def segment_pullback(
        self,
        source: Source,
        pixel_spacing_mm: float | None = None,
        *,
        preset: str | None = None,
        uncertainty: bool = False,
        smooth: bool = False,
        first: int = 0,
        last: int | None = None,
    ) -> Iterator[FrameResult]:
        """Outline and measure each frame in order, as they are asked for and a few frames ahead of that.

        Reading, what is seen before the network, network and measures each have a thread, which end with the last
        frame or where the iterator is closed. Nothing is read before the first result is asked for. After Ctrl-C, or a
        KeyboardInterrupt thrown into the generator, it gives the results that are finished before it raises that.

        first, last: frames `first` to `last` alone, 0-based, `last` left out. Their results are what they are among
            all: whatever of other frames counts for them is found too.
        smooth: take of each place in the wall the median of three frames, see octseg/decoding/along.py; each result
            then says so. Not with uncertainty, whose variants are of one frame.
        """
        smooth, uncertainty = yes_or_no(smooth, "smooth"), yes_or_no(uncertainty, "uncertainty")
        if smooth and uncertainty:
            raise ValueError("smooth and uncertainty do not go together: intervals are those of single frames")
        first, last = whole_number(first, "first"), None if last is None else whole_number(last, "last")
        pixel_spacing_mm = spacing_mm(pixel_spacing_mm, "pixel_spacing_mm")
        pullback = as_pullback(source)
        return self._results(
            pullback, file_of(source, pullback), pixel_spacing_mm, _named(preset), uncertainty, smooth, first, last
        )

    def _results(
        self,
        pullback: Pullback,
        file: str,
        pixel_spacing_mm: float | None,
        preset: str | None,
        uncertainty: bool,
        smooth: bool = False,
        first: int = 0,
        last: int | None = None,
    ) -> Iterator[FrameResult]:
        pullback = with_agreed_scale(pullback)
        before = min(first, HALF) if smooth else 0  # frames by which the first one is smoothed
        begin = start_of_stretch(first - before)
        end = last + HALF if smooth and last is not None else last
        frames = _frames_of(pullback, begin, end)
        frame = _first_of(frames)
        if frame is None:
            return
        # A single frame needs no threads, and several large ones at once would take the memory.
        is_alone = len(pullback) == 1 or frame.shape[0] * frame.shape[1] > LARGE_PIXELS
        apart: Callable[[Iterator[Any]], Iterator[Any]] = iter if is_alone else Ahead

        make = partial(self._made, pullback=pullback, file=file, smooth=smooth, uncertainty=uncertainty)
        read = apart(each(numbered(frame, frames, pullback.first_number + begin), partial(_no_result, file=file)))
        del frame, frames
        seen = seen_along(read, pullback, pixel_spacing_mm, preset, passed_over=first - before - begin)
        looked_at: Iterator[LookedAt] = apart(self._looked_at(apart(seen), is_alone))
        if smooth:
            looked_at = self._smoothed(looked_at, before, None if last is None else before + last - first)
        results = each(looked_at, make) if is_alone else Ahead(each(looked_at, make), room=FINISHED)
        try:
            with self._under_way:
                yield from results
        except KeyboardInterrupt:
            if isinstance(results, Ahead):
                yield from results.made()
            raise
        finally:
            close(results)

    def _made(
        self, looked_at: LookedAt, *, pullback: Pullback, file: str, smooth: bool, uncertainty: bool
    ) -> FrameResult:
        item, looks = looked_at
        result = self._result(item, looks, pullback, file)
        if smooth:
            result = replace(result, smoothing=SENTENCE)
        if uncertainty and result.withdrawn is not None:
            result = replace(result, intervals_95=dict.fromkeys(INTERVAL_MEASURES))
        elif uncertainty:
            result = self._with_intervals(result, item, looks)
        if result.frame.shape[0] * result.frame.shape[1] > LARGE_PIXELS:
            give_back_memory()  # before its files are written, which takes as much again
        return result

    def _smoothed(self, looked_at: Iterator[LookedAt], begin: int, end: int | None) -> Iterator[LookedAt]:
        """Frames `begin` to `end`, `end` left out, with what their neighbours say of each place in the wall.

        Beside a frame that is withdrawn they stay as they are: it says nothing, and so not that there is no lipid.
        """
        classes, config = self.config.network.classes, self.config.preprocessing
        told = ((item, looks, self._is_withdrawn(item, looks)) for item, looks in looked_at)
        try:
            for window, at in islice(sliding(told), begin, end):
                item, looks, _ = window[at]
                if any(withdrawn for *_, withdrawn in window):
                    yield item, looks
                    continue
                seen = [
                    [PolarLook(look.planes, look.view.reach_px, look.view.starts_px) for look in of_item]
                    for _, of_item, _ in window
                ]
                planes = smoothed(seen, at, classes, config)
                yield item, [replace(look, planes=of_look) for look, of_look in zip(looks, planes, strict=True)]
        finally:
            close(looked_at)

    def _is_withdrawn(self, seen: Seen, looks: Sequence[Look]) -> bool:
        """Whether nothing will be said of a frame, by all of it and by its lumen, which smoothing leaves as it is."""
        classes = self.config.network.classes
        if "lumen" not in classes:
            return _why_withdrawn(seen, None) is not None
        lumen = classes.index("lumen")
        maps = self._probability(seen, [look.planes[lumen : lumen + 1] for look in looks], looks, ("lumen",))
        levels = Levels(self.config.every_threshold)
        [outlined] = decode([maps], levels, seen.grid, seen.seen.disc, seen.spacing_mm)
        return _why_withdrawn(seen, outlined["lumen"]) is not None

    def _looked_at(self, seen: Iterator[Seen], is_alone: bool) -> Iterator[LookedAt]:
        """Each frame with what the network saw of it; while one is looked at nearer, the next ones are on their way.

        is_alone: one after the other, each on all cores.
        """
        run = self._at_once if is_alone else self._run.begin
        ahead_by = 0 if is_alone else self._run.at_once - 1
        begun: deque[tuple[list[Seen], Callable[[], list[Look]]]] = deque()
        try:
            in_batches = batches(seen, self._run.batch)
            while True:
                error, batch = next_or_error(in_batches)
                if batch is not None:
                    begun.append((batch, self._begin(run, [item.view for item in batch], batch[0].number)))
                while len(begun) > (0 if batch is None else ahead_by):
                    looked_at, wait = begun.popleft()
                    yield from zip(looked_at, self._with_second(run, looked_at, wait()), strict=True)
                if error is not None:
                    raise error
                if batch is None:
                    return
        finally:
            for _, wait in begun:
                wait()
            close(seen)

    def _at_once(self, inputs: Inputs) -> Waiting:
        """The network's probability, which is there before anything is waited for.

        On all cores, or on one where others are at work, which takes a quarter less of both together.
        """
        if not self._under_way.is_one:
            return self._run.begin(inputs)
        probability = self._run(inputs)
        return lambda: probability

    def _with_second(self, run: Run, batch: Sequence[Seen], full: Sequence[Look]) -> list[list[Look]]:
        """The looks at each frame: the one at its full reach and, where that shows more, a second one at the wall."""
        config, classes = self.config.preprocessing, self.config.network.classes
        looks = [[look] for look in full]
        if "lumen" not in classes:
            return looks
        lumen = classes.index("lumen")
        second = [
            second_view(item.view, look.planes[lumen], config, item.scale.pixel_spacing_mm)
            for item, look in zip(batch, full, strict=True)
        ]
        views = [view for view in second if view is not None]
        second_looks = iter(self._begin(run, views, batch[0].number)() if views else ())
        for of_item, view in zip(looks, second, strict=True):
            if view is not None:
                of_item.append(next(second_looks))
        return looks

    def _begin(self, run: Run, views: Sequence[FrameView], first: int) -> Callable[[], list[Look]]:
        """The network's probability of views, begun now; `first` is the number of the first frame."""
        inputs = np.stack([to_input(view, self.config.preprocessing) for view in views])
        waiting = run(inputs)

        def wait() -> list[Look]:
            probability = waiting()
            if not np.isfinite(probability.sum()):
                raise CheckpointError(
                    f"the model {self.identity.name} gives no numbers for frame {first}; its weights are unusable"
                )
            return [Look(*each) for each in zip(views, inputs, probability, strict=True)]

        return wait

    def _result(self, seen: Seen, looks: Sequence[Look], pullback: Pullback, file: str) -> FrameResult:
        """What the network saw of one frame to its result."""
        planes = [look.planes for look in looks]
        probability = self._probability(seen, planes, looks)
        [(outlines, (measures, rays, places))] = self._measured(seen, [probability])
        withdrawn = _why_withdrawn(seen, outlines.get("lumen"))
        if withdrawn is not None:
            measures, rays, places = Measured(FrameMeasures(), None, None)
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
                partial(
                    joined, planes, self._views(seen, looks), self.config.preprocessing, self.config.network.classes
                ),
                seen.part,
            ),
            measures=measures,
            scale=NO_SCALE if withdrawn is not None and seen.is_no_frame else seen.scale,
            disc=seen.whole_disc,
            catheter_centre=seen.view.catheter_centre,
            device=self.device,
            backend=self.backend,
            precision=self.precision,
            model=self.identity,
            rays=rays,
            places=places,
            withdrawn=withdrawn,
            warnings=(*pullback.warnings, *seen.warnings, *measures.warnings),
        )

    def _probability(
        self,
        seen: Seen,
        planes: Sequence[NDArray[np.float32]],
        looks: Sequence[Look],
        classes: Sequence[str] | None = None,
    ) -> Maps:
        """Planes (K, rows, columns) of `classes`, all without, at each reach as probability over the part decoded."""
        classes, thresholds = classes or self.config.network.classes, self.config.every_threshold
        least = {name: least_that_tells(thresholds[name]) for name in classes}
        maps = joined_in_boxes(planes, self._views(seen, looks), self.config.preprocessing, least, seen.disc)
        return dict(zip(classes, maps, strict=True))

    @staticmethod
    def _views(seen: Seen, looks: Sequence[Look]) -> list[FrameView]:
        """The part that is decoded as each look reached into it."""
        return [seen.part.view(look.view, seen.seen.grey) for look in looks]

    def _measured(self, seen: Seen, probabilities: Sequence[Maps]) -> list[tuple[Maps, Measured]]:
        """Outlines, as planes that are 0.5 on them, and measures of variants of one frame's probability."""
        levels = Levels(self.config.every_threshold, self.config.calibration.least_core_logit)
        return [
            (planes, seen.measured(planes))
            for planes in decode(probabilities, levels, seen.grid, seen.seen.disc, seen.spacing_mm)
        ]

    def _with_intervals(self, result: FrameResult, seen: Seen, looks: Sequence[Look]) -> FrameResult:
        """The result with intervals, from variants of what the network saw, and from its probability shifted."""
        config, widths = self.config.preprocessing, self.config.calibration.intervals
        seen_as = [self._run(np.stack([variant.seen(look.grey, config) for variant in VARIANTS])) for look in looks]
        planes = [[variant.undone(each[n], config) for each in seen_as] for n, variant in enumerate(VARIANTS)]
        planes += [[shifted(look.planes, by) for look in looks] for by in SHIFTS]
        at_once = max(1, PIXELS_AT_ONCE // (seen.part.shape[0] * seen.part.shape[1]))
        measured: list[FrameMeasures] = []
        labels: list[NDArray[np.uint8]] = []
        for start in range(0, len(planes), at_once):
            probabilities = [self._probability(seen, each, looks) for each in planes[start : start + at_once]]
            for outlines, of_variant in self._measured(seen, probabilities):
                measured.append(of_variant.measures)
                labels.append(labels_of(outlines, seen.part.shape))
        variants, at_shifts = measured[: len(VARIANTS)], measured[len(VARIANTS) :]
        classes = self.config.network.classes
        signs = find_signs(result.measures, variants, at_shifts, classes)
        intervals = find_intervals(result.measures, signs, classes, widths, seen.extent)
        warnings = (*result.warnings, *_of_calibration(widths))
        doubt = seen.part.labels(share_that_differs(_in_part(result, seen), labels[: len(VARIANTS)]))
        return replace(result, signs=signs, intervals_95=intervals, doubt=doubt, warnings=warnings)


def _check_made_of(checkpoint: object, identity: object) -> None:
    """ValueError where a model is to be made of something else."""
    advice = "; octseg.from_pretrained() makes a Segmenter of a folder or a name"
    if not isinstance(checkpoint, Checkpoint):
        what = "a Checkpoint, as octseg.checkpoint.load_checkpoint gives it"
        raise ValueError(f"checkpoint must be {what}, not {type(checkpoint).__name__}{advice}")
    if not isinstance(identity, ModelIdentity):
        raise ValueError(f"identity must be a ModelIdentity of octseg.result, not {type(identity).__name__}{advice}")


def _of_calibration(widths: Mapping[str, Width]) -> tuple[str, ...]:
    """What there is to say of a model's widths of intervals."""
    if not widths:
        return (UNCALIBRATED,)
    in_pixels = [name for name in widths if name.endswith("_area_px")]
    return (AREAS_UNCALIBRATED,) if any(f"{AREAS[name]}_area_mm2" not in widths for name in in_pixels) else ()


def _named(preset: object) -> str | None:
    """A preset by its name, also where that is a number and was given as one."""
    return None if preset is None else str(preset)


def _no_result(numbered: tuple[int, Frame], file: str) -> tuple[int, Frame]:
    """A frame with its number; ValueError where it is none, OwnResultError where it is this program's own picture."""
    check_frame(numbered[1])
    refuse_own_picture(numbered[1], file)
    return numbered


def _frames_of(pullback: Pullback, begin: int, end: int | None) -> Iterator[Frame]:
    """Frames `begin` to `end`, `end` left out; all as the pullback is iterated where that is all."""
    return iter(pullback) if begin == 0 and end is None else pullback.frames(begin, end)


def _first_of(frames: Iterator[Frame]) -> Frame | None:
    """The first frame, held to be one; None where there is none."""
    for frame in islice(frames, 1):
        check_frame(frame)
        return frame
    return None


def _in_part(result: FrameResult, seen: Seen) -> NDArray[np.uint8]:
    """The labels (h, w) of a result over the part of the frame that is decoded."""
    return labels_of({name: BoxedMap.of(seen.part.share(mask)) for name, mask in result.masks.items()}, seen.part.shape)


def _why_withdrawn(seen: Seen, lumen: BoxedMap | None) -> str | None:
    """Why nothing is said of a frame: by all of it as displayed, and by the lumen's plane over its part."""
    overview = FramePart.overview(seen.view)
    outlined = None if lumen is None else lumen.reaches(0.5)
    return why_withdrawn(
        overview.picture(seen.frame), overview.view(seen.view), outlined, seen.spacing_mm, vessel=seen.seen
    )
