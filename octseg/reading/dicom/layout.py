"""How a frame's samples are stored: size, depth, colours; held against the limits before anything is decoded."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.reading.limits import Limits

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
HALF_COLOURS, PALETTE = "YBR_FULL_422", "PALETTE COLOR"
RETIRED = ("YBR_PARTIAL_422", "YBR_PARTIAL_420", "ARGB", "HSV", "CMYK")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A frame as the header tells it; rows, columns in pixels, bits of one sample.

    frames: as declared; None where the header gives no number.
    by_plane: all of one colour stand before the next.
    """

    rows: int
    columns: int
    frames: int | None
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    by_plane: bool

    @property
    def is_colour(self) -> bool:
        """Whether a pixel has three samples."""
        return self.samples == 3

    @property
    def pixels(self) -> int:
        """Of one frame."""
        return self.rows * self.columns


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    """An element's whole number; None where it is not there or is none."""
    value = first_value(dataset, keyword)
    try:
        return None if value is None else int(str(value).strip())
    except ValueError:
        return None


def number(dataset: Dataset, keyword: str) -> float | None:
    """An element's number; None where it is not there or is none."""
    value = first_value(dataset, keyword)
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None


def is_no_number(dataset: Dataset, keyword: str) -> bool:
    """Whether an element holds something that is no number, such as `0.2 mm` or `0,2`."""
    element = dataset.get_item(keyword)
    value = None if element is None else element.value
    is_empty = value is None or (isinstance(value, (str, bytes)) and not value.strip())
    return not is_empty and number(dataset, keyword) is None


def text(dataset: Dataset, keyword: str) -> str:
    """An element's coded word in capitals; empty where it is not there."""
    value = first_value(dataset, keyword)
    return "" if value is None else str(value).strip(" \0").upper()


def numbers(dataset: Dataset, keyword: str) -> list[float] | None:
    """An element's values; empty where it is not there, None where they are no numbers or cannot be read."""
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            return []
        return [float(str(each)) for each in ([value] if isinstance(value, (str, int, float)) else value)]
    except Exception:
        return None  # pydicom raises whatever it likes on a value that its type does not allow


def first_value(dataset: Dataset, keyword: str) -> object:
    """An element's value, or the first where it has several; None where it has none, or cannot be read."""
    try:
        value = dataset.get(keyword)
    except Exception:
        return None  # pydicom raises whatever it likes on a value that its type does not allow
    if value is None or isinstance(value, (str, bytes, int, float)):
        return None if value in ("", b"") else value
    try:
        return next(iter(value), None)
    except TypeError:
        return value


def layout_of(dataset: Dataset, label: str, limits: Limits) -> Layout:
    """The layout that a header gives; ReadError where that is missing, impossible or beyond a limit."""
    rows, columns = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    if not rows or not columns:
        raise ReadError(f"{label} is a DICOM file that gives no size of its frames, rows and columns; export it again")
    limits.check_frame(rows, columns, label)
    declared = whole_number(dataset, "NumberOfFrames")
    frames = declared if declared is not None and declared > 0 else None
    limits.check_pullback(frames or 1, (frames or 1) * rows * columns, label)
    photometric = text(dataset, "PhotometricInterpretation")
    samples = whole_number(dataset, "SamplesPerPixel") or (3 if photometric in COLOURS else 1)
    photometric = photometric or ("RGB" if samples == 3 else "MONOCHROME2")
    _check_colours(photometric, samples, label)
    allocated, stored, high = _bits(dataset, label)
    return Layout(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        signed=whole_number(dataset, "PixelRepresentation") == 1,
        by_plane=samples == 3 and whole_number(dataset, "PlanarConfiguration") == 1,
    )


def _bits(dataset: Dataset, label: str) -> tuple[int, int, int]:
    """Bits of a sample as allocated and as stored, and the highest of the latter."""
    allocated = whole_number(dataset, "BitsAllocated") or 8
    stored = min(whole_number(dataset, "BitsStored") or allocated, allocated)
    if allocated not in (8, 16) or stored < 1:
        raise ReadError(
            f"{label} is a DICOM file of {stored} bits in {allocated}; samples of 8 to 16 bits are read, "
            "so export it with 8 or 16"
        )
    high = whole_number(dataset, "HighBit")
    return allocated, stored, stored - 1 if high is None or not stored - 1 <= high < allocated else high


def _check_colours(photometric: str, samples: int, label: str) -> None:
    if photometric in RETIRED:
        raise ReadError(f"{label} has colours stored as {photometric}, which is not read; export it in RGB")
    expected = 3 if photometric in COLOURS else 1 if photometric in (*MONOCHROME, PALETTE) else None
    if expected is None:
        raise ReadError(f"{label} has colours of a kind that DICOM does not know; export it in RGB or grey")
    if samples != expected:
        raise ReadError(f"{label} says {photometric} with {samples} samples to a pixel; {expected} would be right")
