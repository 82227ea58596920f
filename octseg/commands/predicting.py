"""A run of `octseg predict`: each input's frames segmented, handed on to be written, and summed up in a line."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from octseg.commands.done import Done
from octseg.commands.exporting import MASK_ENDING, Exporting
from octseg.commands.inputs import Folders, Item, name_of_folder, pullbacks_of
from octseg.commands.picture_runs import LEAST_PICTURES, PictureRun, Runs
from octseg.commands.stems import Stems, numbered
from octseg.commands.stopping import finished, held
from octseg.commands.summaries import frame_summary, withdrawn_lines
from octseg.commands.telling import counted, printable, told
from octseg.errors import MeasurementError, OwnResultError, ReadError
from octseg.export.journal import Key
from octseg.export.kinds import ZIP, foreseen
from octseg.export.pullback import PullbackOrigin, pullback_record, write_pullback
from octseg.export.run import RunWriter
from octseg.export.segmented import ReadFrames
from octseg.export.zipping import ZIP_NAME
from octseg.measurement.pullback import PullbackMeasures, measure_pullback, scale_warnings
from octseg.pipeline.frames import REPEATED
from octseg.pipeline.opencv import OF_A_PULLBACK, shared_opencv
from octseg.pullback import Frame, FrameSpacingSource, Pullback
from octseg.reading.private import is_private_file, mark_of
from octseg.reading.spacing import untold
from octseg.reading.survey import FolderLevels
from octseg.view.agreed import with_agreed_scale

if TYPE_CHECKING:
    from octseg.commands.predict import PredictOptions
    from octseg.result import FrameResult
    from octseg.segmenter import Segmenter

Spacing = tuple[float | None, FrameSpacingSource | None]  # mm from frame to frame, and what told it


@dataclass(frozen=True)
class Source:
    """What a frame is of. label: as the user is told of it. file: its name, folder: where it lies, for the tables."""

    label: Path
    file: str
    folder: str


class Bar(Protocol):
    """What is told of each frame and of what there is to say, as tqdm is; total: of frames, as far as it is known."""

    total: Any

    def update(self) -> object:
        """One frame more is done."""

    def write(self, line: str, file: Any = None) -> object:
        """Say it, where somebody watches."""


class Run:
    """What all inputs of a run share.

    runs: the pullbacks that pictures of folders are.
    folders: where inputs lie. passed_over: results of this program that were found in folders; grows.
    """

    def __init__(
        self,
        options: "PredictOptions",
        segmenter: "Segmenter",
        writer: RunWriter,
        bar: Bar,
        items: Sequence[Item],
        runs: Runs,
        folders: Folders,
        passed_over: list[Path],
    ) -> None:
        self._options, self._segmenter, self._writer, self._bar = options, segmenter, writer, bar
        self._items, self._runs, self._passed_over = items, runs, passed_over
        self._folders = folders
        paths = [path for item in items for path in item.files]
        self._stems, self._levels = Stems(options.out, paths, exporting=bool(options.exports)), FolderLevels(paths)
        self._last = {item.path.parent: number for number, item in enumerate(items) if item.is_picture}
        self._in_run: dict[Path, tuple[PictureRun, list[Key]]] = {}  # of each folder, and those that could be read
        self._withdrawn_count = 0
        self._exporting = Exporting(options.exports, writer, segmenter.config.network.classes)
        if ZIP in options.exports:
            writer.at_last = partial(self._exporting.write_zip, self._stems.of_zip(ZIP_NAME), writer.run)
        self._pictures: dict[Path, list[Key]] = {}  # of each folder, or file, those that could be read
        self._not_exported: list[str] = []

    def summary(self) -> str:
        """How much is done."""
        frames = counted(self._writer.frame_count, "frame")
        inputs = sum(item.path not in self._passed_over for item in self._items)
        parts = [f"{frames} of {counted(inputs, 'input')} in {self._options.out}"]
        if self._withdrawn_count:
            parts.append(f"{self._withdrawn_count} of {frames} withdrawn")
        if self._passed_over:
            parts.append(f"{counted(len(self._passed_over), 'result')} of this program passed over")
        if self._writer.is_unfinished:
            parts.append("the same command goes on from there")
        return "; ".join(parts)

    def failures_of(self, number: int) -> list[str]:
        """Segment one input, and measure along the pictures of its folder after the last of them; what was wrong."""
        item = self._items[number]
        failures: list[str] = []
        try:
            pullbacks = pullbacks_of(item, self._levels)
        except ReadError as error:
            self._bar.update()
            failures += self._told(item, error)
            pullbacks = []
        self._bar.total += max(0, len(pullbacks) - 1)
        for place, pullback in enumerate(pullbacks):
            failures += self._failure_of(item, (number, place), pullback, is_only=len(pullbacks) == 1)
        if item.is_picture and self._last[item.path.parent] == number:
            self._finish_run(item.path.parent)
            self._finish_pictures(item.path.parent)
        failures += self._not_exported
        self._not_exported = []
        return failures

    def _failure_of(self, item: Item, of: Key, pullback: Pullback, *, is_only: bool) -> list[str]:
        try:
            self._one(item, of, pullback, is_only=is_only)
        except (ReadError, MeasurementError) as error:
            return self._told(item, error)
        return []

    def _told(self, item: Item, error: ReadError | MeasurementError) -> list[str]:
        if isinstance(error, OwnResultError) and item.in_folder:
            self._passed_over.append(item.path)
            return []
        return [told(item.path, error)]

    def _one(self, item: Item, of: Key, pullback: Pullback, *, is_only: bool) -> None:
        """Segment one of the pullbacks of an input; a picture is one of a single frame."""
        if is_only:
            file = item.path.name if item.path in item.files else pullback.name
            source = Source(item.path, file, self._folders.of_item(item))
        else:
            source = Source(item.path / pullback.name, pullback.name, self._folders.of(item.path))
        if self._options.frame_spacing_mm is not None:
            pullback = pullback.with_frame_spacing(self._options.frame_spacing_mm)
        if len(pullback) > 1:
            self._pullback(of, pullback, source)
            return
        run = self._runs.of_picture.get(item.path)
        number = self._runs.numbers.get(item.path)
        if number is not None:
            pullback = replace(pullback, first_number=number)
        if run is not None:
            pullback = replace(
                pullback,
                frame_spacing_mm=run.frame_spacing_mm,
                frame_spacing_source=run.frame_spacing_source,
                warnings=(*pullback.warnings, *run.warnings),
            )
        self._single(of, pullback, source, is_chosen=item.is_picture, in_run=run is not None)
        if run is not None:
            self._in_run.setdefault(item.path.parent, (run, []))[1].append(of)
        if item.is_picture:
            self._pictures.setdefault(item.path.parent, []).append(of)
        else:
            self._export([of], self._stems.of_exports(self._stem_of(of)), source, pullback.frames, pullback)

    def _single(self, of: Key, pullback: Pullback, source: Source, *, is_chosen: bool, in_run: bool) -> None:
        """Segment a frame that is a pullback by itself; is_chosen: pictures were chosen by their names before.

        in_run: whether it is measured along with others, of whose scales together it is told then.
        """
        stem = self._stems.of_frame(pullback.name)
        if self._writer.done(of):
            self._withdrawn_count += len(Done.of(self._writer.lines([of])).withdrawn)
            return
        try:
            if not is_chosen:
                self._options.frames.within(pullback)
            results = list(self._results(pullback))
        finally:
            self._bar.update()
        late = list(pullback.late_warnings)
        if not results:
            raise ReadError(f"{pullback.name} holds no frame that can be read" + "".join(f": {each}" for each in late))
        self._write(results[0], stem, source, _spacing(pullback), of, late)
        withdrawn = [result.withdrawn for result in results if result.withdrawn is not None]
        self._withdrawn_count += len(withdrawn)
        said = [*late] if is_chosen else [*pullback.warnings, *late]
        said += () if in_run else results[0].scale.warnings
        self._complain(f"{source.label}: {sentence}" for sentence in said)
        self._complain(withdrawn_lines(source.label, 1, withdrawn))
        self._writer.add_late_warnings(source.file, source.folder, late)
        self._say(f"{source.label}: {frame_summary(results[0])}")

    def _pullback(self, of: Key, whole: Pullback, source: Source) -> None:
        """Segment the frames of a pullback that are asked for and not done, and measure along all of them."""
        whole = with_agreed_scale(whole)  # before a part of it is taken
        base, spacing = self._stems.of_pullback(whole), _spacing(whole)
        try:
            first, last = self._options.frames.within(whole)
        except ReadError:
            self._bar.update()
            raise
        count = (len(whole) if last is None else last) - first
        self._complain(f"{source.label}: {why}" for why in foreseen(self._options.exports, whole).values())
        self._bar.total += count - 1
        late = Done.of(self._writer.lines([of])).late if self._writer.done(of) else []
        error: ReadError | MeasurementError | None = None

        def write(result: "FrameResult") -> None:
            new = [sentence for sentence in whole.late_warnings if sentence not in late]
            late.extend(new)
            self._write(result, numbered(base, result.frame_number), source, spacing, of, new)
            self._bar.update()

        try:
            # Closed with what reads ahead for it, where this is interrupted.
            with shared_opencv(OF_A_PULLBACK), closing(self._left(of, whole, first, last)) as left:
                _take_all(left, write)
        except (ReadError, MeasurementError) as met:
            error = met
        late += [sentence for sentence in whole.late_warnings if sentence not in late]
        done = Done.of(self._writer.lines([of]))
        self._bar.total -= count - len(done.frames)
        if not done.frames:
            raise error or ReadError(f"{whole.name}: {late[0] if late else 'no frame of it can be read'}")
        notes = [*late, *self._options.frames.beyond(whole), *_untold(whole)]
        self._withdrawn_count += len(done.withdrawn)
        self._complain(f"{source.label}: {sentence}" for sentence in (*whole.warnings, *notes))
        self._complain(withdrawn_lines(source.label, len(done.frames), done.withdrawn))
        self._writer.add_late_warnings(source.file, source.folder, [*late, *([] if error is None else [str(error)])])
        warnings = [*whole.warnings, *notes, *([] if error is None else [str(error)]), *done.left_out(len(whole))]
        measures, record = self._finish(done, base, source, warnings, spacing)
        part = partial(_frames_of_part, whole, first, first + count)
        self._export([of], base, source, part, whole, measures=measures, pullback_record=record)
        if error is not None:
            raise error

    def _left(self, of: Key, pullback: Pullback, first: int, last: int | None) -> Generator["FrameResult", None, None]:
        """Those of the frames `first` to `last` of a pullback that no earlier run has done."""
        end = len(pullback) if last is None else last
        begin = first + self._writer.done(of)
        if begin < end:
            yield from self._results(pullback, smooth=self._options.smooth, first=begin, last=last)
            return
        with suppress(ReadError):  # what is met behind the last frame is told once that is read
            for _ in pullback.frames(end - 1, last):
                pass

    def _results(
        self, pullback: Pullback, *, smooth: bool = False, first: int = 0, last: int | None = None
    ) -> Iterator["FrameResult"]:
        asked = self._options
        return self._segmenter.segment_pullback(
            pullback,
            asked.pixel_spacing_mm,
            preset=asked.preset,
            uncertainty=asked.uncertainty,
            smooth=smooth,
            first=first,
            last=last,
        )

    def _finish_run(self, folder: Path) -> None:
        """Measure along the pictures of a folder, where they are a pullback."""
        run, keys = self._in_run.get(folder, (None, []))
        if run is None or len(keys) < LEAST_PICTURES:
            return
        done = Done.of(self._writer.lines(keys))
        warnings = [*run.warnings, *done.left_out(len(run.numbers)), *([REPEATED] if done.repeats else [])]
        if self._options.smooth:
            warnings.append(
                "pictures of a folder are looked at one by one, so none was smoothed; give them as a ZIP file"
            )
        self._complain(f"{folder}: {sentence}" for sentence in warnings)
        spacing = (run.frame_spacing_mm, run.frame_spacing_source)
        source, base = Source(folder, run.name, self._folders.of(folder)), self._stems.of_run(run.name)
        measures, record = self._finish(done, base, source, warnings, spacing)
        self._export(keys, base, source, measures=measures, pullback_record=record)
        self._pictures[folder] = [key for key in self._pictures[folder] if key not in keys]

    def _finish_pictures(self, folder: Path) -> None:
        """Export the pictures of a folder that are frames by themselves."""
        keys = self._pictures.get(folder, [])
        if not keys or not self._options.exports:
            return
        if len(keys) == 1:
            item = self._items[keys[0][0]]
            stem, source = self._stem_of(keys[0]), Source(item.path, item.path.name, self._folders.of_item(item))
        else:
            stem = name_of_folder(folder)
            source = Source(folder, stem, self._folders.of(folder))
        self._export(keys, self._stems.of_exports(stem), source)

    def _stem_of(self, of: Key) -> str:
        """What the names of a single frame's files begin with."""
        return next(str(line["record"]["mask_file"]) for line in self._writer.lines([of])).removesuffix(MASK_ENDING)

    def _export(
        self,
        keys: Sequence[Key],
        stem: str,
        source: Source,
        frames: ReadFrames | None = None,
        pullback: Pullback | None = None,
        **more: Any,
    ) -> None:
        """Write what was asked for of frames that are done; pullback: None for pictures, opened one by one."""
        if not self._options.exports:
            return
        read = partial(self._frames_of, keys) if frames is None else frames
        headers = None if pullback is None else pullback.read_headers
        is_private = any(is_private_file(path) for number, _ in keys for path in self._items[number].files)
        more |= {"read_headers": headers, "are_pictures": pullback is None}
        more |= {"frame_texts": mark_of(private=is_private)}
        segmented = self._exporting.segmented(keys, stem, source.file, read)
        self._not_exported += self._exporting.write(segmented, source.label, **more)

    def _frames_of(self, keys: Sequence[Key], first: int = 0, last: int | None = None) -> Iterator[Frame]:
        """The frames of pictures, read again."""
        for number, place in keys[first:last]:
            yield from pullbacks_of(self._items[number], self._levels)[place]

    def _finish(
        self, done: Done, base: str, of: Source, warnings: Sequence[str], spacing: Spacing
    ) -> tuple[PullbackMeasures, dict[str, Any]]:
        """Measure along the frames that are done, and say it in a line; also as the file has it."""
        measures = measure_pullback(done.frames, spacing[0])
        source, evidence = done.scale(measures)
        origin = PullbackOrigin(
            file=of.file,
            folder=of.folder,
            pixel_spacing_source=source,
            pixel_spacing_evidence=evidence,
            frame_spacing_source=spacing[1],
            smoothing=done.smoothing,
            warnings=tuple(warnings),
        )
        path = write_pullback(self._options.out, base, measures, origin, self._writer.run)
        self._exporting.files.append(path.name)
        self._complain(f"{of.label}: {sentence}" for sentence in scale_warnings(done.frames))
        self._say(f"{of.label}: {done.summary(measures)}")
        return measures, pullback_record(measures, origin, self._writer.run)

    def _write(
        self, result: "FrameResult", stem: str, source: Source, spacing: Spacing, of: Key, late: Sequence[str]
    ) -> None:
        extra = {
            "folder": source.folder,
            "frame_spacing_mm": spacing[0],
            "frame_spacing_source": spacing[1],
            "mask_file": f"{stem}_mask.png",
            "overlay_file": f"{stem}_overlay.png" if self._options.overlays else None,
            **({"smoothing": result.smoothing} if self._options.smooth else {}),  # pictures beside a pullback have none
        }
        self._writer.write(replace(result, file=source.file), stem, extra, of=of, late=late)

    def _say(self, line: str) -> None:
        self._bar.write(printable(line))

    def _complain(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._bar.write(printable(f"octseg: {line}"), file=sys.stderr)


def _take_all(results: Generator["FrameResult", None, None], write: Callable[["FrameResult"], None]) -> None:
    """Write all results; where a signal stops this, those that are finished."""
    try:
        for result in results:
            with held():
                write(result)
    except KeyboardInterrupt as interrupt:
        for result in finished(results, interrupt):
            write(result)
        raise


def _untold(pullback: Pullback) -> tuple[str, ...]:
    """What is said where nothing tells the distance between frames and reading has not said so."""
    said = untold(len(pullback))
    return () if pullback.frame_spacing_mm is not None or said in pullback.warnings else (said,)


def _spacing(pullback: Pullback) -> Spacing:
    return pullback.frame_spacing_mm, pullback.frame_spacing_source


def _frames_of_part(
    pullback: Pullback, begin: int, end: int, first: int = 0, last: int | None = None
) -> Iterator[Frame]:
    """Frames at places `first` to `last` of a part of a pullback, which goes from `begin` to `end`, each left out."""
    return pullback.frames(begin + first, end if last is None else min(begin + last, end))
