"""A run of `octseg predict`: each input's frames segmented, handed on to be written, and summed up in a line."""

import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octseg.commands.done import Done
from octseg.commands.exporting import MASK_ENDING, Exporting
from octseg.commands.inputs import Item, name_of_folder, pullbacks_of
from octseg.commands.picture_runs import LEAST_PICTURES, PictureRun
from octseg.commands.stems import Stems, numbered
from octseg.commands.summaries import frame_summary, withdrawn_lines
from octseg.commands.telling import counted, printable, told
from octseg.errors import MeasurementError, OwnResultError, ReadError
from octseg.export.journal import Key
from octseg.export.kinds import ZIP
from octseg.export.pullback import PullbackOrigin, pullback_record, write_pullback
from octseg.export.run import RunWriter
from octseg.export.zipping import ZIP_NAME
from octseg.measurement.pullback import PullbackMeasures, measure_pullback
from octseg.pullback import Frame, FrameSpacingSource, Pullback
from octseg.reading.survey import FolderLevels
from octseg.view.agreed import with_agreed_scale

if TYPE_CHECKING:
    from tqdm import tqdm

    from octseg.commands.predict import PredictOptions
    from octseg.result import FrameResult
    from octseg.segmenter import Segmenter

Spacing = tuple[float | None, FrameSpacingSource | None]  # mm from frame to frame, and what told it


class Run:
    """What all inputs of a run share.

    numbers: which frame of its run a picture is, by its name. runs: folder -> the pullback that its pictures are.
    passed_over: results of this program that were found in folders; grows.
    """

    def __init__(
        self,
        options: "PredictOptions",
        segmenter: "Segmenter",
        writer: RunWriter,
        bar: "tqdm[Any]",
        items: Sequence[Item],
        numbers: Mapping[Path, int | None],
        runs: Mapping[Path, PictureRun],
        passed_over: list[Path],
    ) -> None:
        self._options, self._segmenter, self._writer, self._bar = options, segmenter, writer, bar
        self._items, self._numbers, self._runs, self._passed_over = items, numbers, runs, passed_over
        paths = [path for item in items for path in item.files]
        self._stems, self._levels = Stems(options.out, paths, exporting=bool(options.exports)), FolderLevels(paths)
        self._last = {item.path.parent: number for number, item in enumerate(items) if item.is_picture}
        self._of_run: dict[Path, list[Key]] = {}  # the pictures of a folder that could be read
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
        label = item.path if is_only else item.path / pullback.name
        file = item.path.name if is_only and item.path in item.files else pullback.name
        if self._options.frame_spacing_mm is not None:
            pullback = pullback.with_frame_spacing(self._options.frame_spacing_mm)
        if len(pullback) > 1:
            self._pullback(of, pullback, label, file)
            return
        run = self._runs.get(item.path.parent) if item.is_picture and item.in_folder else None
        number = self._numbers.get(item.path)
        if number is not None:
            pullback = replace(pullback, first_number=number)
        if run is not None:
            pullback = replace(
                pullback,
                frame_spacing_mm=run.frame_spacing_mm,
                frame_spacing_source=run.frame_spacing_source,
                warnings=(*pullback.warnings, *run.warnings),
            )
        self._single(of, pullback, label, file, is_chosen=item.is_picture)
        if run is not None:
            self._of_run.setdefault(item.path.parent, []).append(of)
        if item.is_picture:
            self._pictures.setdefault(item.path.parent, []).append(of)
        else:
            self._export([of], self._stems.of_exports(self._stem_of(of)), label, file, pullback)

    def _single(self, of: Key, pullback: Pullback, label: Path, file: str, *, is_chosen: bool) -> None:
        """Segment a frame that is a pullback by itself; is_chosen: pictures were chosen by their names before."""
        stem = self._stems.of_frame(pullback.name)
        if self._writer.done(of):
            self._withdrawn_count += len(Done.of(self._writer.lines([of])).withdrawn)
            return
        try:
            results = list(self._results(pullback if is_chosen else self._options.frames.of(pullback)))
        finally:
            self._bar.update()
        late = list(pullback.late_warnings)
        if not results:
            raise ReadError(f"{pullback.name} holds no frame that can be read" + "".join(f": {each}" for each in late))
        self._write(results[0], stem, file, _spacing(pullback), of, late)
        withdrawn = [result.withdrawn for result in results if result.withdrawn is not None]
        self._withdrawn_count += len(withdrawn)
        said = late if is_chosen else [*pullback.warnings, *late]
        self._complain([f"{label}: {sentence}" for sentence in said] + withdrawn_lines(label, 1, withdrawn))
        self._writer.add_late_warnings(file, late)
        self._say(f"{label}: {frame_summary(results[0])}")

    def _pullback(self, of: Key, whole: Pullback, label: Path, file: str) -> None:
        """Segment the frames of a pullback that are asked for and not done, and measure along all of them."""
        whole = with_agreed_scale(whole)  # before a part of it is taken
        base, spacing = self._stems.of_pullback(whole), _spacing(whole)
        try:
            part = self._options.frames.of(whole)
        except ReadError:
            self._bar.update()
            raise
        self._bar.total += len(part) - 1
        late = Done.of(self._writer.lines([of])).late if self._writer.done(of) else []
        error: ReadError | MeasurementError | None = None
        try:
            with closing(self._left(of, part)) as left:  # with what reads ahead for it, where this is interrupted
                for result in left:
                    new = [sentence for sentence in part.late_warnings if sentence not in late]
                    late += new
                    self._write(result, numbered(base, result.frame_number), file, spacing, of, new)
                    self._bar.update()
        except (ReadError, MeasurementError) as met:
            error = met
        late += [sentence for sentence in part.late_warnings if sentence not in late]
        done = Done.of(self._writer.lines([of]))
        self._bar.total -= len(part) - len(done.frames)
        if not done.frames:
            raise error or ReadError(f"{whole.name}: {late[0] if late else 'no frame of it can be read'}")
        notes = [*late, *self._options.frames.beyond(whole)]
        self._withdrawn_count += len(done.withdrawn)
        self._complain(f"{label}: {sentence}" for sentence in (*whole.warnings, *notes))
        self._complain(withdrawn_lines(label, len(done.frames), done.withdrawn))
        self._writer.add_late_warnings(file, [*late, *([] if error is None else [str(error)])])
        warnings = [*whole.warnings, *notes, *([] if error is None else [str(error)]), *done.left_out(len(whole))]
        measures, record = self._finish(done, base, label, PullbackOrigin(file=file, warnings=tuple(warnings)), spacing)
        self._export([of], base, label, file, part, measures=measures, pullback_record=record)
        if error is not None:
            raise error

    def _left(self, of: Key, part: Pullback) -> Generator["FrameResult", None, None]:
        """The frames of a pullback that no earlier run has done."""
        done = self._writer.done(of)
        if done < len(part):
            yield from self._results(part, smooth=self._options.smooth, done=done)
            return
        with suppress(ReadError):  # what is met behind the last frame is told once that is read
            for _ in part.frames(len(part) - 1):
                pass

    def _results(self, pullback: Pullback, *, smooth: bool = False, done: int = 0) -> Iterator["FrameResult"]:
        asked = self._options
        return self._segmenter.segment_pullback(
            pullback,
            asked.pixel_spacing_mm,
            preset=asked.preset,
            uncertainty=asked.uncertainty,
            smooth=smooth,
            done=done,
        )

    def _finish_run(self, folder: Path) -> None:
        """Measure along the pictures of a folder, where they are a pullback."""
        run, keys = self._runs.get(folder), self._of_run.get(folder, [])
        if run is None or len(keys) < LEAST_PICTURES:
            return
        done = Done.of(self._writer.lines(keys))
        warnings = [*run.warnings, *done.left_out(run.frame_count)]
        if self._options.smooth:
            warnings.append(
                "pictures of a folder are looked at one by one, so none was smoothed; give them as a ZIP file"
            )
        self._complain(f"{folder}: {sentence}" for sentence in warnings)
        spacing = (run.frame_spacing_mm, run.frame_spacing_source)
        base = self._stems.of_run(run.name)
        measures, record = self._finish(
            done, base, folder, PullbackOrigin(file=run.name, warnings=tuple(warnings)), spacing
        )
        self._export(keys, base, folder, run.name, None, measures=measures, pullback_record=record)
        self._pictures[folder] = [key for key in self._pictures[folder] if key not in keys]

    def _finish_pictures(self, folder: Path) -> None:
        """Export the pictures of a folder that are frames by themselves."""
        keys = self._pictures.get(folder, [])
        if not keys or not self._options.exports:
            return
        name = name_of_folder(folder)
        stem = self._stems.of_exports(self._stem_of(keys[0]) if len(keys) == 1 else name)
        label = self._items[keys[0][0]].path if len(keys) == 1 else folder
        self._export(keys, stem, label, label.name if len(keys) == 1 else name, None)

    def _stem_of(self, of: Key) -> str:
        """What the names of a single frame's files begin with."""
        return next(str(line["record"]["mask_file"]) for line in self._writer.lines([of])).removesuffix(MASK_ENDING)

    def _export(
        self, keys: Sequence[Key], stem: str, label: Path, file: str, pullback: Pullback | None, **more: Any
    ) -> None:
        """Write what was asked for of frames that are done; pullback: None for pictures, opened one by one."""
        if not self._options.exports:
            return
        frames = partial(self._frames_of, keys) if pullback is None else pullback.frames
        headers = None if pullback is None else pullback.read_headers
        more |= {"read_headers": headers, "are_pictures": pullback is None}
        self._not_exported += self._exporting.write(self._exporting.segmented(keys, stem, file, frames), label, **more)

    def _frames_of(self, keys: Sequence[Key], first: int = 0, last: int | None = None) -> Iterator[Frame]:
        """The frames of pictures, read again."""
        for number, place in keys[first:last]:
            yield from pullbacks_of(self._items[number], self._levels)[place]

    def _finish(
        self, done: Done, base: str, label: Path, origin: PullbackOrigin, spacing: Spacing
    ) -> tuple[PullbackMeasures, dict[str, Any]]:
        """Measure along the frames that are done, and say it in a line; also as the file has it."""
        measures = measure_pullback(done.frames, spacing[0])
        source, evidence = done.scale(measures)
        origin = replace(
            origin,
            pixel_spacing_source=source,
            pixel_spacing_evidence=evidence,
            frame_spacing_source=spacing[1],
            smoothing=done.smoothing,
        )
        path = write_pullback(self._options.out, base, measures, origin, self._writer.run)
        self._exporting.files.append(path.name)
        self._say(f"{label}: {done.summary(measures)}")
        return measures, pullback_record(measures, origin, self._writer.run)

    def _write(
        self, result: "FrameResult", stem: str, file: str, spacing: Spacing, of: Key, late: Sequence[str]
    ) -> None:
        extra = {
            "frame_spacing_mm": spacing[0],
            "frame_spacing_source": spacing[1],
            "mask_file": f"{stem}_mask.png",
            "overlay_file": f"{stem}_overlay.png" if self._options.overlays else None,
        }
        self._writer.write(replace(result, file=file), stem, extra, of=of, late=late)

    def _say(self, line: str) -> None:
        self._bar.write(printable(line))

    def _complain(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._bar.write(printable(f"octseg: {line}"), file=sys.stderr)


def _spacing(pullback: Pullback) -> Spacing:
    return pullback.frame_spacing_mm, pullback.frame_spacing_source
