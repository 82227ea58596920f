"""A DICOM file, or files of one frame each, to a pullback: what can be read rules, not what is declared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.pullback import BurnedInScale, FrameSpacingSource, Pullback
from octseg.reading.dicom.along import frame_spacing_of, order_said
from octseg.reading.dicom.codecs import Decoded, Stored
from octseg.reading.dicom.colours import jpeg_is_rgb
from octseg.reading.dicom.film import Film, Held, decoded_frames
from octseg.reading.dicom.fragments import as_stored, find_places
from octseg.reading.dicom.layout import Layout, layout_of
from octseg.reading.dicom.objects import burned_in, check_object, is_polar
from octseg.reading.dicom.opening import Opened, open_dicom
from octseg.reading.dicom.painting import Painter, painter_for
from octseg.reading.dicom.polar import ScanConversion, scan_conversion
from octseg.reading.dicom.scale import Found, pixel_spacing_of
from octseg.reading.limits import Limits
from octseg.reading.names import frame_number
from octseg.reading.spacing import counted_spacing, frame_spacing_by_count

SURVEYED = 9  # frames, evenly spaced, that are looked at for black and white where no header tells them
LIKELY_SPACING_MM = (0.04, 0.5)  # 10 to 40 mm a second at 100 to 250 frames, and older consoles
FAR_OFF = 0.01  # two values for the distance of frames


@dataclass(frozen=True)
class Footage:
    """What a file's head says of its frames, and where they are.

    warnings: what is odd about it. declared: number of frames that the header gives, or None.
    """

    dataset: Dataset
    layout: Layout
    held: tuple[Held, ...]
    lossy: bool
    warnings: tuple[str, ...]

    @property
    def declared(self) -> int | None:
        """Number of frames that the header gives; None where it gives none."""
        return self.layout.frames


def footage_of(opened: Opened, label: str, limits: Limits) -> Footage:
    """The frames of a file, none of them decoded; ReadError where it holds none that could be."""
    warnings = check_object(opened, label)
    layout = as_stored(opened, layout_of(opened.dataset, label, limits))
    places = find_places(opened, layout, label, limits)
    if not places.of_frames:
        raise ReadError(f"{label} is incomplete: the DICOM file ends before its first frame does; export it again")
    swapped = opened.in_words and opened.syntax.big_endian and layout.bits_allocated == 8 and not places.encapsulated
    stored = Stored(
        layout=layout,
        big_endian=opened.syntax.big_endian,
        encapsulated=places.encapsulated,
        limits=limits,
        label=label,
        coding=opened.syntax.coding,
        words_from=opened.pixels_at if swapped else None,
    )
    held = tuple(Held(opened.source, place, stored) for place in places.of_frames)
    warnings += _of_count(len(held), layout, places.cut) + burned_in(opened.dataset)
    return Footage(opened.dataset, layout, held, opened.syntax.lossy, warnings)


def pullback_of(files: Sequence[Footage], stem: str, declared: int | None = None) -> Pullback:
    """The pullback of one file, or of single-frame files that are alike, in order.

    declared: how many frames there should be, where it is not what the file says.
    """
    held = [each for file in files for each in file.held]
    layout, datasets, label, limits = _common(files)
    first = _first_decoded(held, label)
    if (is_rgb := jpeg_is_rgb(first, layout)) is not None:
        held = [replace(each, stored=replace(each.stored, jpeg_is_rgb=is_rgb)) for each in held]
    shape = (first.samples.shape[0], first.samples.shape[1])
    limits.check_pullback(len(held), len(held) * shape[0] * shape[1], label)
    painters = _painters(datasets, layout, first, held, label)
    conversion = None
    if is_polar(datasets[0]) and first.samples.ndim == 2:
        conversion = scan_conversion(datasets, layout, len(held), label, limits)
    scale = _scale(datasets, layout, shape, conversion)
    film = Film(held=held, painters=painters, conversion=conversion, shape=shape)
    between_mm, source, said = _frame_spacing(datasets, len(held), declared or layout.frames)
    order = order_said(datasets[0], len(held)) if len(files) == 1 else ()
    number = frame_number(stem) if len(held) == 1 else None
    return Pullback(
        name=stem,
        frame_count=len(held),
        read_frames=lambda: film.frames(0, len(held)),
        read_range=film.frames,
        pixel_spacing_mm=scale.spacing_mm,
        pixel_spacing_evidence=scale.evidence,
        frame_spacing_mm=between_mm,
        frame_spacing_source=source,
        burned_in_scale=_burned_in_scale(files, len(held), scale, conversion),
        warnings=tuple(dict.fromkeys((*_all_warnings(files), *painters[0].warnings, *scale.warnings, *order, *said))),
        spacing_warnings=said[-1:] if source != "dicom" else (),
        late_warnings=film.late_warnings,
        first_number=1 if number is None else number,
        read_headers=None if conversion is not None else partial(headers_of, held, label, limits),
    )


def headers_of(held: Sequence[Held], label: str, limits: Limits) -> list[Dataset]:
    """All that the files of frames say before their pixels, in order, the patient too: read anew, and kept nowhere."""
    sources = {id(each.source): each.source for each in held}
    return [open_dicom(source.where, label, limits, None).dataset for source in sources.values()]


def _common(files: Sequence[Footage]) -> tuple[Layout, list[Dataset], str, Limits]:
    stored = files[0].held[0].stored
    return files[0].layout, [file.dataset for file in files], stored.label, stored.limits


def _all_warnings(files: Sequence[Footage]) -> tuple[str, ...]:
    """Each file's, once; of one file among several with its number."""
    return tuple(dict.fromkeys(warning for file in files for warning in file.warnings))


def _first_decoded(held: Sequence[Held], label: str) -> Decoded:
    first = next((decoded for decoded in decoded_frames(held, strict=True) if decoded is not None), None)
    if first is None:
        said = "its frame cannot" if len(held) == 1 else f"none of its {len(held)} frames can"
        raise ReadError(f"{label} is damaged: {said} be decoded; export it again")
    return first


def _painters(
    datasets: Sequence[Dataset], layout: Layout, first: Decoded, held: Sequence[Held], label: str
) -> list[Painter]:
    """One for all frames; of files with palettes one for each."""
    step = max(1, len(held) // SURVEYED)

    def some() -> Iterator[Decoded]:
        return (decoded for decoded in decoded_frames(held[::step]) if decoded is not None)

    painters = [painter_for(datasets[0], layout, first, some(), label)]
    if painters[0].palette is not None:
        painters += [painter_for(dataset, layout, first, some(), label) for dataset in datasets[1:]]
    return painters


def _scale(
    datasets: Sequence[Dataset], layout: Layout, shape: tuple[int, int], conversion: ScanConversion | None
) -> Found:
    """Mm per pixel of the frames as they are shown, and all that is to be said of it."""
    if conversion is not None:
        found = Found(conversion.spacing_mm, conversion.evidence, conversion.warnings)
    else:
        found = pixel_spacing_of(datasets)
    if shape == (layout.rows, layout.columns):
        return found
    said = f"the header says {layout.rows} x {layout.columns} pixels and its frames are {shape[0]} x {shape[1]}"
    warnings = (*found.warnings, f"{said}: the header's scale is not used")
    return Found(warnings=warnings, is_unsquare=found.is_unsquare)


def _burned_in_scale(
    files: Sequence[Footage], count: int, scale: Found, conversion: ScanConversion | None
) -> BurnedInScale:
    if conversion is not None or scale.is_unsquare:
        return "never"
    return "agreed" if count > 1 and any(file.lossy for file in files) else "each"


def _of_count(count: int, layout: Layout, cut: bool) -> tuple[str, ...]:
    """What to say where a file does not hold as many frames as it declares."""
    end = "; the file ends in the middle of one, so it is incomplete: export it again" if cut else ""
    if count == (layout.frames or 1):
        return (f"the file holds {count} frames{end}",) if cut else ()
    if layout.frames is None:
        return (f"the header gives no number of frames and the file holds {count}, which are read{end}",)
    return (f"the header declares {layout.frames} frames and the file holds {count}, which are read{end}",)


def _frame_spacing(
    datasets: Sequence[Dataset], count: int, declared: int | None
) -> tuple[float | None, FrameSpacingSource | None, tuple[str, ...]]:
    """Mm between frames, where it is from, and what to say of it: last, where no header tells it, that."""
    if count < 2:
        return None, None, ()
    found = frame_spacing_of(datasets)
    if found.spacing_mm is not None:
        by_count = frame_spacing_by_count(count)
        if by_count is not None and abs(found.spacing_mm / by_count - 1) > FAR_OFF:
            said = f"the header gives {found.spacing_mm:.4g} mm from frame to frame; pullbacks of {count} frames have "
            return found.spacing_mm, "dicom", (*found.warnings, f"{said}{by_count:g} mm as a rule")
        if not LIKELY_SPACING_MM[0] <= found.spacing_mm <= LIKELY_SPACING_MM[1]:
            least, most = LIKELY_SPACING_MM
            said = (
                f"the header gives {found.spacing_mm:.4g} mm from frame to frame, outside the {least:g} to {most:g} mm "
                "of OCT pullbacks: lengths and volumes by it are likely wrong; give the right one (--frame-spacing)"
            )
            return found.spacing_mm, "dicom", (*found.warnings, said)
        return found.spacing_mm, "dicom", found.warnings
    spacing_mm, said = counted_spacing(count, declared)
    return spacing_mm, None if spacing_mm is None else "frame_count", (*found.warnings, said)
