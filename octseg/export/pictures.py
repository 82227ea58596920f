"""A result's pictures as PNG bytes, each with its provenance in text chunks."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
from PIL import Image
from PIL.PngImagePlugin import PngInfo, putchunk

from octseg.export.provenance import NOTICE, frame_copy, picture_texts
from octseg.measurement.wording import NOTHING_SAID
from octseg.pullback import Frame

if TYPE_CHECKING:
    from octseg.result import FrameResult

PNG_HEADER_BYTES = 33  # its signature and first chunk, behind which texts may stand
QUICK, SMALL = 1, 6  # zlib levels: a photograph hardly shrinks beyond the first, flat colours do
# Speckle has no strings that come again: runs alone, of differences from the row above, are smaller and take half the
# time. Where OpenCV is too old to be told the filter it tries them all, which takes longer.
FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, QUICK, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    FAST_PNG += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


def png_bytes(image: Image.Image, texts: Mapping[str, str], compress_level: int = QUICK) -> bytes:
    """PNG bytes of a picture with keyword -> text."""
    stream, info = io.BytesIO(), _texts(texts)
    image.save(stream, "PNG", compress_level=compress_level, pnginfo=info)
    return stream.getvalue()


def _texts(texts: Mapping[str, str]) -> PngInfo:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, text) if not text.isascii() else info.add_text(keyword, text)
    return info


def _frame_png_bytes(picture: Frame, texts: Mapping[str, str]) -> bytes:
    """PNG bytes of a picture (H, W, 3) with keyword -> text; its colours are exchanged in place.

    Pillow would hold it a second time, with four bytes to a pixel, and takes nearly three times as long.
    """
    content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR, picture), FAST_PNG)[1].data
    del picture  # before the bytes are copied
    stream = io.BytesIO()
    for kind, text, *_ in _texts(texts).chunks:
        putchunk(stream, kind, text)
    return b"".join([content[:PNG_HEADER_BYTES], stream.getvalue(), content[PNG_HEADER_BYTES:]])


def frame_png(frame: Frame) -> bytes:
    """A frame as it was read; its text says so, and who looks for frames in a folder passes it over."""
    return _frame_png_bytes(frame.copy(), frame_copy())


def mask_png(result: "FrameResult") -> bytes:
    """The palette mask of a result."""
    return png_bytes(result.palette_mask(), picture_texts(result), SMALL)


def overlay_png(result: "FrameResult", overlay: Image.Image | None = None) -> bytes:
    """The overlay of a result: the one given, else the usual one with legend, scale bar and notice.

    Where the result is withdrawn it says so in place of the notice, which stands in the picture's text all the same.
    """
    texts = picture_texts(result)
    if overlay is not None:
        return png_bytes(overlay, texts)
    caption = NOTICE if result.withdrawn is None else NOTHING_SAID
    return _frame_png_bytes(result.drawn(legend=True, caption=caption), texts)
