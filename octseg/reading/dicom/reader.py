"""A DICOM file, or the files of a series, to a pullback: frames are read from their places and decoded one by one.

What can be decoded rules: frames that are missing at the end are left out, damaged ones between others are black, so
that each frame keeps its number; both are said.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.pullback import BurnedInScale, Frame, FrameSpacingSource, Pullback
from octseg.reading.dicom.codecs import DamagedFrameError, Decoded, Stored, decode
from octseg.reading.dicom.colours import jpeg_is_rgb
from octseg.reading.dicom.fragments import Place, as_stored, find_places, read_place
from octseg.reading.dicom.layout import Layout, layout_of
from octseg.reading.dicom.objects import burned_in, check_object, is_polar
from octseg.reading.dicom.opening import Source, open_dicom
from octseg.reading.dicom.painting import Painter, painter_for
from octseg.reading.dicom.polar import ScanConversion, scan_conversion
from octseg.reading.dicom.scale import Found, frame_spacing_of, is_square, pixel_spacing_of
from octseg.reading.limits import Limits
from octseg.reading.names import frame_number
from octseg.reading.pictures.decoding import to_rgb
from octseg.reading.spacing import counted_spacing, frame_spacing_by_count

SURVEYED = 9  # frames, evenly spaced, that are looked at for black and white where no header tells them
FAR_OFF = 0.01  # two values for the distance of frames


@dataclass(frozen=True)
class Held:
    """One frame: the file that it is in, its place there, and how it is stored."""

    source: Source
    place: Place
    stored: Stored


@dataclass(frozen=True, kw_only=True)
class Film:
    """All frames of a pullback in order, and how they become pictures of (rows, columns)."""

    label: str
    held: Sequence[Held]
    painters: Sequence[Painter]
    conversion: ScanConversion | None
    shape: tuple[int, int]
    late_warnings: list[str] = field(default_factory=list)

    def frames(self, first: int, last: int) -> Iterator[Frame]:
        """Frames `first` to `last`, 0-based, `last` left out."""
        missing = 0
        last = min(last, len(self.held))
        for index, decoded in zip(range(first, last), decoded_frames(self.held[first:last], self.label), strict=True):
            if decoded is None or decoded.samples.shape[:2] != self.shape:
                missing += 1
                continue
            yield from self._black(index - missing, missing)
            missing = 0
            yield self._shown(decoded, index)
        if missing and last == len(self.held):
            self._say(f"the last {missing} of its {len(self.held)} frames are damaged and left out")
        else:
            yield from self._black(last - missing, missing)

    def _shown(self, decoded: Decoded, index: int) -> Frame:
        levels = self.painters[min(index, len(self.painters) - 1)].paint(decoded)
        return to_rgb(levels if self.conversion is None else self.conversion.show(levels, index))

    def _black(self, first: int, count: int) -> Iterator[Frame]:
        if not count:
            return
        which = f"frame {first + 1} is" if count == 1 else f"frames {first + 1} to {first + count} are"
        self._say(f"{which} damaged and left black, so that the others keep their numbers")
        side = None if self.conversion is None else self.conversion.size
        rows, columns = self.shape if side is None else (side, side)
        for _ in range(count):
            yield np.zeros((rows, columns, 3), np.uint8)

    def _say(self, sentence: str) -> None:
        if sentence not in self.late_warnings:
            self.late_warnings.append(sentence)


def read_dicom(source: Path | bytes, label: str, stem: str, limits: Limits) -> Pullback:
    """The frames of a DICOM file, streamed.

    Args:
        source: the file's path, of which only what is asked for is read, or its content.
        label: what errors call the file. stem: the pullback's name. limits: what a file may ask for.

    Raises:
        ReadError: it holds no frames of OCT, is beyond a limit, or nothing in it can be decoded.
    """
    opened = open_dicom(source, label, limits)
    warnings = check_object(opened, label)
    layout = as_stored(opened, layout_of(opened.dataset, label, limits))
    places = find_places(opened, layout, label, limits)
    if not places.of_frames:
        raise ReadError(f"{label} is incomplete: the DICOM file ends before its first frame does; export it again")
    stored = Stored(
        layout=layout,
        big_endian=opened.syntax.big_endian,
        encapsulated=places.encapsulated,
        limits=limits,
        label=label,
    )
    held = [Held(opened.source, place, stored) for place in places.of_frames]
    warnings += _of_count(len(held), layout, places.cut) + burned_in(opened.dataset)
    spacing = frame_spacing_of(opened.dataset, len(held))
    lossy = opened.syntax.lossy and len(held) > 1
    return pullback_of([opened.dataset], held, layout, stem, spacing, warnings, lossy)


def pullback_of(
    datasets: Sequence[Dataset],
    held: list[Held],
    layout: Layout,
    stem: str,
    frame_spacing: Found,
    warnings: tuple[str, ...],
    lossy: bool,
) -> Pullback:
    """The pullback of frames that are alike; `datasets` is one for all of them, or one for each."""
    label, limits = held[0].stored.label, held[0].stored.limits
    first = _first_decoded(held, label)
    if (is_rgb := jpeg_is_rgb(first, layout)) is not None:
        held = [replace(each, stored=replace(each.stored, jpeg_is_rgb=is_rgb)) for each in held]
    rows, columns = first.samples.shape[:2]
    limits.check_pullback(len(held), len(held) * rows * columns, label)
    dataset = datasets[0]
    painters = _painters(datasets, layout, first, held, label)
    warnings += painters[0].warnings
    conversion = None
    if is_polar(dataset) and first.samples.ndim == 2:
        conversion = scan_conversion(dataset, layout, len(held), label, limits)
        scale = Found(conversion.spacing_mm, conversion.evidence, conversion.warnings)
    else:
        scale = pixel_spacing_of(dataset)
    warnings += scale.warnings
    if (rows, columns) != (layout.rows, layout.columns):
        warnings += (
            f"the header says {layout.rows} x {layout.columns} pixels and its frames are {rows} x {columns}: "
            "the header's scale is not used",
        )
        scale = Found()
    film = Film(label=label, held=held, painters=painters, conversion=conversion, shape=(rows, columns))
    frame_spacing_mm, source, said = _frame_spacing(frame_spacing, len(held), layout.frames)
    burned: BurnedInScale = "agreed" if lossy else "each"
    if conversion is not None or not is_square(dataset) or any("square" in said for said in scale.warnings):
        burned = "never"
    number = frame_number(stem) if len(held) == 1 else None
    return Pullback(
        name=stem,
        frame_count=len(held),
        read_frames=lambda: film.frames(0, len(held)),
        read_range=film.frames,
        pixel_spacing_mm=scale.spacing_mm,
        pixel_spacing_evidence=scale.evidence,
        frame_spacing_mm=frame_spacing_mm,
        frame_spacing_source=source,
        burned_in_scale=burned,
        warnings=warnings + said,
        late_warnings=film.late_warnings,
        first_number=1 if number is None else number,
    )


def decoded_frames(held: Sequence[Held], label: str) -> Iterator[Decoded | None]:
    """Each frame's samples in order, None for one that cannot be decoded; a file is opened once for all it holds."""
    now: Source | None = None
    with ExitStack() as files:
        for each in held:
            try:
                if each.source is not now:
                    files.close()
                    file = files.enter_context(each.source.opened())
                    now = each.source
                content = read_place(file, each.place, each.stored.encapsulated)
            except OSError as error:
                raise ReadError(f"{label} cannot be read on: {(error.strerror or 'unknown cause').lower()}") from error
            try:
                yield None if content is None else decode(content, each.stored)
            except DamagedFrameError:
                yield None


def _first_decoded(held: Sequence[Held], label: str) -> Decoded:
    first = next((decoded for decoded in decoded_frames(held, label) if decoded is not None), None)
    if first is None:
        count = "its frame" if len(held) == 1 else f"none of its {len(held)} frames"
        verb = "cannot be decoded" if len(held) == 1 else "can be decoded"
        raise ReadError(f"{label} is damaged: {count} {verb}; export it again")
    return first


def _painters(
    datasets: Sequence[Dataset], layout: Layout, first: Decoded, held: Sequence[Held], label: str
) -> list[Painter]:
    step = max(1, len(held) // SURVEYED)

    def some() -> Iterator[Decoded]:
        return (decoded for decoded in decoded_frames(held[::step], label) if decoded is not None)

    painters = [painter_for(datasets[0], layout, first, some(), label)]
    if painters[0].palette is None:
        return painters
    return painters + [painter_for(dataset, layout, first, some(), label) for dataset in datasets[1:]]


def _of_count(count: int, layout: Layout, cut: bool) -> tuple[str, ...]:
    """What to say where a file does not hold as many frames as it declares."""
    end = "; the file ends in the middle of one, so it is incomplete: export it again" if cut else ""
    if layout.frames is None or count == layout.frames:
        return (f"the file holds {count} frames{end}",) if cut else ()
    return (f"the header declares {layout.frames} frames and the file holds {count}, which are read{end}",)


def _frame_spacing(
    found: Found, count: int, declared: int | None
) -> tuple[float | None, FrameSpacingSource | None, tuple[str, ...]]:
    """Mm between frames, where it is from, and what to say of it."""
    if count < 2:
        return None, None, ()
    if found.spacing_mm is not None:
        by_count = frame_spacing_by_count(count)
        if by_count is not None and abs(found.spacing_mm / by_count - 1) > FAR_OFF:
            said = f"the header gives {found.spacing_mm:.4g} mm from frame to frame; pullbacks of {count} frames have "
            return found.spacing_mm, "dicom", (*found.warnings, f"{said}{by_count:g} mm as a rule")
        return found.spacing_mm, "dicom", found.warnings
    spacing_mm, said = counted_spacing(count, declared)
    return spacing_mm, None if spacing_mm is None else "frame_count", (*found.warnings, said)
