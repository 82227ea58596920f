"""What a picture's header says, and how it refuses what cannot be right. Nothing here decodes a pixel.

Each format has a module of its own with `read_header(data, label, limits) -> Header`; `label` names the file to the
user.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from octseg.errors import ReadError
from octseg.reading.formats import ImageFormat


@dataclass(frozen=True, kw_only=True)
class Header:
    """A picture as its header tells it.

    height, width: in pixels, of every frame, before turning.
    pages: place in the file of each frame.
    deep: whether a sample has more than 8 bits, so that it takes a rule to make a level of it.
    deep_colour: whether one pixel has several samples of more than 8 bits, which Pillow cannot keep.
    interlaced: whether the file stores its rows in several passes.
    clear_colour: the one grey level or RGB colour that is transparent; empty where there is none.
    inverted_bits: where 0 is white and the decoder leaves it so, the bits over which to invert; else 0.
    declared_bits: of the grey scale that the samples use, where the file says so; else None.
    orientation: how to turn the decoded picture, as in EXIF, 1 to 8; 1 where the decoder turns it.
    planes: how many pages make one frame, a colour each; 1 where a page is a frame.
    missing: what is said of a file that ends early and gives what it has; empty where it does not.
    warnings: what the header does not tell for sure, one sentence each.
    data: the file, or what of it decoding needs: no text, no profile, no position, no patient.
    page_file: the same of one page alone, by its number, where a file may hold many; `data` is empty then.
    """

    format: ImageFormat
    height: int
    width: int
    pages: tuple[int, ...] = (0,)
    deep: bool = False
    deep_colour: bool = False
    interlaced: bool = False
    clear_colour: tuple[int, ...] = ()
    inverted_bits: int = 0
    declared_bits: int | None = None
    orientation: int = 1
    planes: int = 1
    missing: str = ""
    warnings: tuple[str, ...] = ()
    data: bytes = field(default=b"", repr=False)
    page_file: Callable[[int], bytes] | None = field(default=None, repr=False)

    def file_of(self, number: int) -> bytes:
        """What decodes the page of that number."""
        return self.data if self.page_file is None else self.page_file(number)


def damaged(label: str, image_format: ImageFormat, what: str) -> ReadError:
    """The error for a file that does not keep to its format."""
    return ReadError(f"{label} is a damaged {image_format} file: {what}")


def truncated(label: str, image_format: ImageFormat) -> ReadError:
    """The error for a file that ends too early."""
    return ReadError(f"{label} is incomplete: the {image_format} file ends before its picture does; save it again")


def unsupported(label: str, image_format: ImageFormat, what: str, do: str = "save it as 8-bit PNG") -> ReadError:
    """The error for a picture that is right but of a kind that is not read."""
    return ReadError(f"{label} is a {image_format} file {what}, which this version does not read; {do}")


def animated(label: str, image_format: ImageFormat) -> ReadError:
    """The error for a picture that moves: saved as one PNG it would be its first frame."""
    return unsupported(label, image_format, "with an animation", "save its frames as pictures, a stack or a video")
