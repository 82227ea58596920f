"""A frame that its file asks to be turned (EXIF), and whether its mask is to be turned with it.

Cameras, phones and some converters store a picture turned and say so in EXIF; some annotation tools heed that and some
do not, so a mask without such a tag may have been drawn on the picture as it is stored or as it is shown.
"""

import os

from octseg.errors import ReadError
from octseg.reading import Limits
from octseg.reading.content import Content
from octseg.reading.formats import HEAD_BYTES, image_format
from octseg.reading.masks.samples import turned
from octseg.reading.masks.tiff_samples import tiff_orientation
from octseg.reading.pictures.reading import header_of
from octseg.view.preprocessing import FrameView
from train.preparing.edges import BETTER, STRONG, Edges, Outline
from train.preparing.masks import Planes, check_size

UNTURNED = 1


def upright_planes(planes: Planes, mask_orientation: int, image: bytes, view: FrameView) -> Planes:
    """Planes as stored, (H, W) each, to planes over the frame as it is shown.

    image: the frame's file. Raises ReadError where they have another size than the frame, and where frame or mask is
    to be turned and nothing tells whether the other is too.
    """
    shape = (view.grey.shape[0], view.grey.shape[1])
    frame_orientation = _orientation(image)
    asked = {frame_orientation, mask_orientation} - {UNTURNED}
    if not asked:
        check_size(_shape(planes), shape)
        return planes
    if frame_orientation == mask_orientation:
        both = _turned(planes, mask_orientation)
        check_size(_shape(both), shape)
        return both
    if len(asked) > 1:
        raise ReadError(
            f"the frame is stored turned in one way (EXIF orientation {frame_orientation}) and its mask in another "
            f"({mask_orientation}); save both upright, without that tag"
        )
    (orientation,) = asked
    ways = [way for way in (planes, _turned(planes, orientation)) if _shape(way) == shape]
    if not ways:
        check_size(_shape(planes), shape)
    chosen = ways[0] if len(ways) == 1 else _fitting(ways[0], ways[1], view)
    if chosen is None:
        one, other = ("frame", "mask") if frame_orientation != UNTURNED else ("mask", "frame")
        raise ReadError(
            f"the {one} is stored turned (EXIF orientation {orientation}) and the {other} does not say so, and nothing "
            f"in them tells whether it is to be turned too; save frames upright, without that tag, and export their "
            "masks of these"
        )
    return chosen


def _orientation(image: bytes) -> int:
    """In which a frame's file asks to be shown, as in EXIF, 1 to 8."""
    kind = image_format(image[:HEAD_BYTES], "the frame")
    if kind == "TIFF":
        return tiff_orientation(image)
    return header_of(Content(image), "the frame", Limits.from_environment(os.environ)).orientation


def _turned(planes: Planes, orientation: int) -> Planes:
    return {name: turned(plane, orientation) for name, plane in planes.items()}


def _shape(planes: Planes) -> tuple[int, int]:
    height, width = next(iter(planes.values())).shape
    return height, width


def _fitting(one: Planes, other: Planes, view: FrameView) -> Planes | None:
    """Which of two placements puts the lumen's outline, or the cap's, on an edge of the frame; None if neither does.

    Where nothing is drawn both are the same.
    """
    if not any(plane.any() for plane in one.values()):
        return one
    for name, sign in (("lumen", 1), ("fibrous_cap", -1)):
        if name in one and one[name].any():
            edge = Edges(view, sign)
            first, second = (edge.contrast(Outline.of(way[name])) for way in (one, other))
            if max(first, second) > STRONG[name] and abs(first - second) > BETTER:
                return one if first > second else other
    return None
