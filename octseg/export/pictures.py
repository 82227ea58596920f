"""A result's pictures as PNG bytes, each with its provenance in text chunks."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from octseg.export.provenance import NOTICE, picture_texts
from octseg.measurement.wording import NOTHING_SAID

if TYPE_CHECKING:
    from octseg.result import FrameResult

QUICK, SMALL = 1, 6  # zlib levels: a photograph hardly shrinks beyond the first, flat colours do


def png_bytes(image: Image.Image, texts: Mapping[str, str], compress_level: int = QUICK) -> bytes:
    """PNG bytes of a picture with keyword -> text."""
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, text) if not text.isascii() else info.add_text(keyword, text)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=compress_level, pnginfo=info)
    return stream.getvalue()


def mask_png(result: "FrameResult") -> bytes:
    """The palette mask of a result."""
    return png_bytes(result.palette_mask(), picture_texts(result), SMALL)


def overlay_png(result: "FrameResult", overlay: Image.Image | None = None) -> bytes:
    """The overlay of a result: the one given, else the usual one with legend, scale bar and notice.

    Where the result is withdrawn it says so in place of the notice, which stands in the picture's text all the same.
    """
    caption = NOTICE if result.withdrawn is None else NOTHING_SAID
    drawn = result.overlay(legend=True, caption=caption) if overlay is None else overlay
    return png_bytes(drawn, picture_texts(result))
