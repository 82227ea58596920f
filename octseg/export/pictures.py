"""A result's pictures as PNG bytes, each with its provenance in text chunks."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL import Image

from octseg.classes import PALETTE
from octseg.drawing.palette import palette_indices
from octseg.export.png import grey_png, indexed_png, rgb_png, texts_of
from octseg.export.provenance import NOTICE, frame_copy, picture_texts
from octseg.measurement.wording import NOTHING_SAID
from octseg.pullback import Frame

if TYPE_CHECKING:
    from octseg.result import FrameResult

DOUBT_ENDING = "_doubt.png"
DOUBT_KEYWORD = "Doubt"
DOUBT_SAID = "share of 8 variants of the frame of which the tissue is another one here; 255 is all of them"
QUICK, SMALL = 1, 6  # zlib levels: a photograph hardly shrinks beyond the first, flat colours do


def png_bytes(image: Image.Image, texts: Mapping[str, str], compress_level: int = QUICK) -> bytes:
    """PNG bytes of a picture with keyword -> text."""
    stream, info = io.BytesIO(), texts_of(texts)
    image.save(stream, "PNG", compress_level=compress_level, pnginfo=info)
    return stream.getvalue()


def frame_png(frame: Frame, texts: Mapping[str, str] | None = None) -> bytes:
    """A frame as it was read; its text says so, and who looks for frames in a folder passes it over.

    texts: keyword -> text of what is to be said beside, such as that it is private.
    """
    return rgb_png(frame, {**frame_copy(), **(texts or {})})


def mask_png(result: "FrameResult") -> bytes:
    """The palette mask of a result."""
    return indexed_png(palette_indices(result.masks), PALETTE, picture_texts(result))


def doubt_png(result: "FrameResult") -> bytes | None:
    """Where variants of the frame disagree with its outlines, in grey, 255 for all of them; None where none were seen.

    Its text says that it is no frame.
    """
    if result.doubt is None:
        return None
    return grey_png(result.doubt, {**picture_texts(result), DOUBT_KEYWORD: DOUBT_SAID})


def overlay_png(result: "FrameResult", overlay: Image.Image | None = None) -> bytes:
    """The overlay of a result: the one given, else the usual one with legend, scale bar and notice.

    Where the result is withdrawn it says so in place of the notice, which stands in the picture's text all the same.
    """
    texts = picture_texts(result)
    if overlay is not None:
        return png_bytes(overlay, texts)
    caption = NOTICE if result.withdrawn is None else NOTHING_SAID
    return rgb_png(result.drawn(legend=True, caption=caption), texts)
