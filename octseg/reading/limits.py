"""What a file may ask of the machine: every limit of reading in one place, held before anything is decoded.

`OCTSEG_MAX_PIXELS=50000000` in the environment changes `max_pixels`, and so on for each field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from octseg.errors import ConfigError, ReadError

PREFIX = "OCTSEG_"
RATIO_FROM = 10_000_000  # bytes, unpacked: what is smaller may be as packed as it likes


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bytes, pixels and counts, all of them above zero.

    max_file_bytes: of a picture's file as it is stored.
    max_content_bytes: of what is held in memory at once: a pullback handed over as bytes, a member of an archive. A
        pullback that is given by its path is read where it lies, whatever its size.
    max_inflated_bytes: of a deflated DICOM file, which is held in memory as a whole.
    min_side, max_side, max_pixels, max_aspect: of one frame; aspect is the longer side by the shorter.
    max_frames, max_total_pixels: of a pullback; its frames are decoded one at a time.
    max_scans: passes over the picture that a progressive JPEG may need.
    max_header_chunks: parts that a file's header may have.
    max_members, max_unpacked_bytes: of an archive: how many files, and how large all of them are when unpacked.
    max_ratio: of a file in an archive, unpacked by packed, where it is of more than RATIO_FROM bytes.
    """

    max_file_bytes: int = 200_000_000
    max_content_bytes: int = 1_000_000_000
    max_inflated_bytes: int = 500_000_000
    min_side: int = 32
    max_side: int = 8192
    max_pixels: int = 25_000_000
    max_aspect: int = 16
    max_frames: int = 2000
    max_total_pixels: int = 10_000_000_000
    max_scans: int = 64
    max_header_chunks: int = 10_000
    max_members: int = 20_000
    max_unpacked_bytes: int = 40_000_000_000
    max_ratio: int = 200

    def __post_init__(self) -> None:
        for field in fields(self):
            limit: object = getattr(self, field.name)
            if type(limit) is not int:
                raise ValueError(f"{field.name} must be a whole number, not {limit!r}")
            if limit < 1:
                raise ConfigError(f"{PREFIX}{field.name.upper()} must be 1 or more, not {limit}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Limits":
        """The limits with what the environment changes; a value that is no whole number is refused with its name."""
        given: dict[str, int] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if name in environment:
                try:
                    given[field.name] = int(environment[name])
                except ValueError as error:
                    raise ConfigError(f"{name} must be a whole number, not {environment[name]!r}") from error
        return cls(**given)

    def check_bytes(self, n_bytes: int, label: str) -> None:
        """Raise ReadError where a file is empty or larger than allowed."""
        _check_size(n_bytes, self.max_file_bytes, label, f"are read ({PREFIX}MAX_FILE_BYTES)")

    def check_content(self, n_bytes: int, label: str) -> None:
        """Raise ReadError where a pullback that is held in memory is empty or larger than allowed."""
        said = f"are held in memory ({PREFIX}MAX_CONTENT_BYTES): give the path of the file itself"
        _check_size(n_bytes, self.max_content_bytes, label, said)

    def check_frame(self, height: int, width: int, label: str) -> None:
        """Raise ReadError where a frame of this size, in pixels, is not one of OCT or would take too much memory."""
        shape = f"{label} is {height} x {width} pixels"
        if min(height, width) < self.min_side:
            raise ReadError(f"{shape}; a frame has at least {self.min_side} on each side ({PREFIX}MIN_SIDE)")
        if max(height, width) > self.max_side:
            raise ReadError(f"{shape}; at most {self.max_side} on a side are read ({PREFIX}MAX_SIDE)")
        if height * width > self.max_pixels:
            raise ReadError(f"{shape}; at most {self.max_pixels / 1e6:g} million are read ({PREFIX}MAX_PIXELS)")
        if max(height, width) > self.max_aspect * min(height, width):
            raise ReadError(f"{shape}; a frame is at most {self.max_aspect} times as long as wide ({PREFIX}MAX_ASPECT)")

    def check_pullback(self, frame_count: int, pixels: int, label: str, *, are_all: bool = True) -> None:
        """Raise ReadError where a pullback has too many frames, or too many pixels in all.

        are_all: whether all frames were counted, and not only those up to here.
        """
        if frame_count > self.max_frames:
            count = f"{frame_count}" if are_all else f"more than {self.max_frames}"
            raise ReadError(f"{label} has {count} frames; at most {self.max_frames} are read ({PREFIX}MAX_FRAMES)")
        if pixels > self.max_total_pixels:
            raise ReadError(
                f"{label} has {pixels / 1e6:.0f} million pixels in all its frames; "
                f"at most {self.max_total_pixels / 1e6:.0f} million are read ({PREFIX}MAX_TOTAL_PIXELS)"
            )


def empty(label: str) -> ReadError:
    """The error for a file without a byte."""
    return ReadError(f"{label} is empty; copy or download it again")


def _check_size(n_bytes: int, most: int, label: str, said: str) -> None:
    if n_bytes == 0:
        raise empty(label)
    if n_bytes > most:
        raise ReadError(f"{label} has {n_bytes / 1e6:.0f} MB; at most {most / 1e6:.0f} MB {said}")
