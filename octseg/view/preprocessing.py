"""Frame -> network input and probability -> the frame's own pixels: an exact pair, for two input domains.

`cartesian` is the disc as it is shown, its bounding square scaled to the input size. `polar` is the same disc sampled
along rays about the catheter: rows are angles, columns depths. Row 0 follows the last: a network may know that
(`circular_rows`), or be shown it by `wrap_rays` rows at either end that repeat the other and are dropped later.

Points are (row, col) in pixels, pixel centres at whole numbers. Angles are 0 towards +col and grow towards +row.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.boxed import Part
from octseg.errors import ConfigError
from octseg.model.config import checked_fields
from octseg.pullback import Frame
from octseg.view.altered import ALTERED, as_the_console_shows
from octseg.view.balance import WARMED, without_warmth
from octseg.view.bar import Bar, LabelMemory, bar_marks, find_bars
from octseg.view.capture import cut_out, locate, moved
from octseg.view.catheter import find_catheter
from octseg.view.cleaning import on_black, paint_out
from octseg.view.disc import Disc, Outlines, find_disc
from octseg.view.drawn_over import without_lines, without_marks
from octseg.view.grey import is_sepia, put_back, sepia_to_grey
from octseg.view.ruler import CYAN_EXCESS, Ruler, ends_within, find_ruler, ruler_marks
from octseg.view.ruler.marks import RING_DRAWN_MM
from octseg.view.saved_grey import UNDONE, as_it_was

ThirdChannel = Literal["grey", "slope"]
SecondLook = Literal["nearer", "along_lumen"]

EXCHANGED = (
    "Red, green and blue are exchanged in this picture, as by a program that takes one order for another; it "
    "was measured with them put back."
)
NO_DISC = (
    "No imaged disc was found in this frame, so all of it was taken as imaged. Where a picture is cut within its disc, "
    "more of its lipid is missed than was cut off: give it whole."
)

CUT_OFF = (
    "The edge of a window cuts the imaged disc off in this picture: what lies behind it was not seen, so lipid near it "
    "is missed or shown too small. Show the frame with all of its disc."
)


@dataclass(frozen=True, kw_only=True)
class PreprocessingConfig:
    """How a frame becomes the network's input; stands under "preprocessing" in config.json.

    size: (rows, columns) of the input. mean, std: of each RGB channel on a scale of 0 to 1.
    third_channel: "grey" as the first two, or "slope": how fast the levels rise with depth (octseg/model/normalise.py).
    second_look: at the wall, of what knows the lumen: "nearer" along shorter rays from the catheter, or "along_lumen",
        whose rays begin at the lumen's outline (octseg/decoding/reaches.py).
    disc: "blank" paints all outside the disc black. ruler: "paint_out" covers the burned-in line, dots and ring.
    """

    domain: Literal["cartesian", "polar"] = "cartesian"
    size: tuple[int, int] = (512, 512)
    wrap_rays: int = 0
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    third_channel: ThirdChannel = "grey"
    second_look: SecondLook = "nearer"
    disc: Literal["blank"] = "blank"
    ruler: Literal["paint_out"] = "paint_out"

    def __post_init__(self) -> None:
        if self.domain not in ("cartesian", "polar"):
            raise ConfigError(f'domain must be "cartesian" or "polar", not {self.domain!r}')
        _check_size(self.size)
        if not isinstance(self.wrap_rays, int) or not 0 <= self.wrap_rays <= self.size[0] // 4:
            raise ConfigError(f"wrap_rays must be from 0 to a quarter of {self.size[0]} rows, not {self.wrap_rays!r}")
        if self.domain == "cartesian" and self.wrap_rays:
            raise ConfigError("wrap_rays belongs to the polar domain; a cartesian input has no angle to wrap")
        _check_channels("mean", self.mean)
        _check_channels("std", self.std)
        if self.third_channel not in ("grey", "slope"):
            raise ConfigError(f'third_channel must be "grey" or "slope", not {self.third_channel!r}')
        if self.domain == "cartesian" and self.third_channel == "slope":
            raise ConfigError("a slope with depth belongs to the polar domain, whose rows are rays")
        if self.second_look not in ("nearer", "along_lumen"):
            raise ConfigError(f'second_look must be "nearer" or "along_lumen", not {self.second_look!r}')
        if self.disc != "blank" or self.ruler != "paint_out":
            raise ConfigError(f'disc must be "blank" and ruler "paint_out", not {self.disc!r} and {self.ruler!r}')

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Self:
        """Rebuild from the JSON object, its lists as tuples.

        Older files do not speak of a third channel, which was grey, nor of a second look, which was a nearer one.
        """
        return cls(**checked_fields(cls, given, "preprocessing", {"third_channel": "grey", "second_look": "nearer"}))

    def to_mapping(self) -> dict[str, Any]:
        """Fields as JSON knows them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def rays(self) -> int:
        """How many rows of a polar input are one full turn."""
        return self.size[0] - 2 * self.wrap_rays

    @property
    def one_turn(self) -> slice:
        """The rows of a polar input that are one full turn."""
        return slice(self.wrap_rays, self.size[0] - self.wrap_rays)


def _check_size(size: object) -> None:
    sides = size if isinstance(size, tuple) else ()
    if len(sides) != 2 or any(not isinstance(side, int) or not 32 <= side <= 2048 for side in sides):
        raise ConfigError(f"size must be two whole numbers from 32 to 2048, not {size!r}")


def _check_channels(name: str, given: object) -> None:
    values = given if isinstance(given, tuple) else ()
    if len(values) != 3 or any(not isinstance(value, float) or not 0.0 < value < 1.0 for value in values):
        raise ConfigError(f"{name} must be three numbers between 0 and 1, not {given!r}")


@dataclass(frozen=True)
class FrameView:
    """What is known of a frame before any network has seen it.

    grey: (H, W) uint8, black outside the disc, burned-in marks painted out.
    disc: None where none was found: the whole frame counts as imaged.
    catheter_centre: (row, col); the disc's or the frame's centre where no catheter was found.
    nearer_reach_px: how long rays are where they do not go to the farthest rim; of no meaning to a Cartesian input.
    starts_px: (rays,) how far from the catheter each ray begins, None where all begin at it.
    catheter_radius_px: None where no catheter was seen in the frame.
    part: rows and columns of the picture that are the frame; None where all of it is.
    frame_count, is_page: as in octseg/view/capture.py.
    stretch: width by height of the disc where another frame of the pullback told it, else None.
    outlines: of this very picture, where they are known and all of it is the frame.
    """

    grey: NDArray[np.uint8]
    disc: Disc | None
    catheter_centre: tuple[float, float]
    ruler: Ruler | None
    warnings: tuple[str, ...] = ()
    nearer_reach_px: float | None = None
    starts_px: NDArray[np.float32] | None = None
    catheter_radius_px: float | None = None
    part: Part | None = None
    frame_count: int = 1
    is_page: bool = False
    bars: tuple[Bar, ...] = ()
    stretch: float | None = None
    outlines: Outlines | None = None

    @property
    def has_catheter(self) -> bool:
        """Whether one was seen in the frame."""
        return self.catheter_radius_px is not None

    @property
    def mm_by_catheter_px(self) -> float | None:
        """Pixels to a mm by how wide the catheter is; None where none was seen."""
        return None if self.catheter_radius_px is None else 2 * self.catheter_radius_px / RING_DRAWN_MM

    @property
    def circle(self) -> Disc:
        """The disc, or where none was found the smallest circle about the whole frame."""
        if self.disc is not None:
            return self.disc
        height, width = self.grey.shape
        return Disc(((height - 1) / 2, (width - 1) / 2), float(np.hypot(height, width)) / 2)

    @property
    def reach_px(self) -> float:
        """How long the rays are: from the catheter to the farthest point of the rim, unless they are to be shorter."""
        if self.nearer_reach_px is not None:
            return self.nearer_reach_px
        circle = self.circle
        offset = np.hypot(self.catheter_centre[0] - circle.centre[0], self.catheter_centre[1] - circle.centre[1])
        return float(circle.radius_px + offset)


def view_frame(frame: Frame, memory: LabelMemory | None = None, *, was_put_back: bool | None = None) -> FrameView:
    """Find disc, ruler and catheter in a frame (H, W, 3), and clean its grey levels of all that is not tissue.

    Where the picture is a screen or a page with a frame on it, all of this is looked for in that part alone.
    memory: of what was read in earlier frames of the same pullback.
    was_put_back: whether levels that a viewer changed were put back before; None where that is not known yet.
    """
    grey = sepia_to_grey(frame)
    place = locate(frame, grey)
    height, width = grey.shape
    if place.disc is None or place.part == (slice(0, height), slice(0, width)):
        seen = _view_of(frame, grey, place.disc, memory, may_be_altered=was_put_back is None)
        is_page = place.is_page or (seen.disc is None and ends_within(seen.ruler, (height, width)))
        return replace(seen, is_page=is_page, outlines=place.outlines)
    rows, cols = place.part
    shown = cut_out(frame, place.part, place.disc)
    disc = moved(place.disc, -rows.start, -cols.start)
    seen = _view_of(shown, sepia_to_grey(shown), disc, memory, may_be_altered=not was_put_back, is_cut_out=True)
    whole = np.zeros_like(grey)
    whole[rows, cols] = seen.grey
    return replace(
        seen,
        grey=whole,
        disc=place.disc,
        catheter_centre=(seen.catheter_centre[0] + rows.start, seen.catheter_centre[1] + cols.start),
        ruler=seen.ruler and seen.ruler.moved(rows.start, cols.start),
        bars=tuple(bar.moved(rows.start, cols.start) for bar in seen.bars),
        warnings=(CUT_OFF,) * (place.disc.window is not None) + seen.warnings,
        part=place.part,
        frame_count=place.frame_count,
        is_page=place.is_page,
    )


def _view_of(
    frame: Frame,
    grey: NDArray[np.uint8],
    disc: Disc | None,
    memory: LabelMemory | None,
    *,
    may_be_altered: bool,
    is_cut_out: bool = False,
) -> FrameView:
    """The view of a picture (H, W, 3) that is a frame and no more, its grey levels (H, W) and its disc being known.

    may_be_altered: whether its levels are asked for changes. is_cut_out: of a page."""
    given, right = frame, as_the_console_shows(frame) if may_be_altered else None
    if right is not None:
        frame, grey = right, sepia_to_grey(right)
        disc = find_disc(grey) or disc
    ruler, frame, exchanged = _ruler_in(frame, disc)
    cooled = without_warmth(given) if ruler is None else None
    by_cooled = None if cooled is None else find_ruler(cooled, disc)
    is_warm = by_cooled is not None and by_cooled.ring_fits
    if cooled is not None and is_warm:
        ruler, frame, grey, right = by_cooled, cooled, sepia_to_grey(cooled), None
    frame, grey, had_lines = without_lines(frame, grey, disc, None if ruler is None else ruler_marks(frame, ruler))
    if had_lines and ruler is None:
        ruler, frame, exchanged = _ruler_in(frame, disc)
    levels = as_it_was(grey, ruler, disc) if ruler is not None and ruler.by_shape else None
    if levels is not None:
        grey, frame = levels, np.asarray(cv2.merge([levels] * 3), np.uint8)
        disc = find_disc(levels) or disc
        ruler = find_ruler(frame, disc) or ruler
    catheter = find_catheter(frame, ruler, disc)
    middle = disc.centre if disc is not None else ((grey.shape[0] - 1) / 2, (grey.shape[1] - 1) / 2)
    centre = catheter.centre if catheter is not None else middle
    bars = find_bars(frame, memory)
    imaged = None if disc is None else disc.mask(*grey.shape)
    of_ruler = None if ruler is None else ruler_marks(frame, ruler)
    grey, of_colours = without_marks(grey, frame, disc, of_ruler, had_lines=had_lines)
    if bars:
        grey = paint_out(grey, bar_marks(frame, bars))
    if imaged is not None:
        grey = on_black(grey, imaged, is_cut_out=is_cut_out)
    warnings = (
        (EXCHANGED,) * exchanged
        + (ALTERED,) * (right is not None)
        + (WARMED,) * is_warm
        + (UNDONE,) * (levels is not None)
        + of_colours
        + _view_warnings(disc is not None, catheter is not None)
    )
    radius_px = None if catheter is None else catheter.radius_px
    return FrameView(grey, disc, centre, ruler, warnings, catheter_radius_px=radius_px, bars=bars)


def _ruler_in(frame: Frame, disc: Disc | None) -> tuple[Ruler | None, Frame, bool]:
    """The ruler in a frame (H, W, 3), the frame as its colours are right, and whether these were exchanged.

    A sepia frame tells of such an exchange itself, a grey one by nothing but the colours of its ruler, and of those the
    ring is the proof.
    """
    frame, is_exchanged = put_back(frame)
    ruler = find_ruler(frame, disc)
    if is_exchanged:
        return ruler, frame, True
    may_be_exchanged = (ruler is None or not ruler.ring_fits) and not is_sepia(frame)
    if may_be_exchanged and int(cv2.subtract(frame[..., 0], frame[..., 2]).max()) > CYAN_EXCESS:
        exchanged = np.ascontiguousarray(frame[..., ::-1])
        found = find_ruler(exchanged, disc)
        if found is not None and found.ring_fits:
            return found, exchanged, True
    return ruler, frame, False


def _view_warnings(has_disc: bool, has_catheter: bool) -> tuple[str, ...]:
    if not has_disc and not has_catheter:
        return ("Neither an imaged disc nor a catheter was found in this frame.",)
    if not has_disc:
        return (NO_DISC,)
    return () if has_catheter else ("No catheter was found in this frame, so the disc's middle was taken for it.",)


def to_input(view: FrameView, config: PreprocessingConfig) -> NDArray[np.uint8]:
    """The grey levels (rows, columns) that the network looks at."""
    return _to_domain(view.grey, view, config)


def planes_to_input(planes: NDArray[np.float32], view: FrameView, config: PreprocessingConfig) -> NDArray[np.float32]:
    """Planes (K, H, W) over the frame, as truth to train on, to the input's (K, rows, columns)."""
    return np.stack([_to_domain(plane, view, config) for plane in planes])


def to_frame(planes: NDArray[np.float32], view: FrameView, config: PreprocessingConfig) -> NDArray[np.float32]:
    """Planes (K, rows, columns) over the input, as probability, back to the frame's (K, H, W); 0 outside the disc."""
    height, width = view.grey.shape
    if config.domain == "cartesian":
        back = _squares_to_frame(planes, view)
    else:
        maps = _polar_positions(view, config, (slice(0, height), slice(0, width)))
        if config.wrap_rays == 0:
            planes = np.concatenate([planes, planes[:, :1]], axis=1)  # behind the last ray comes the first
        back = _remapped(planes, *maps)
    if view.disc is not None:
        back *= view.disc.mask(height, width)
    return back


def _squares_to_frame(planes: NDArray[np.float32], view: FrameView) -> NDArray[np.float32]:
    """Planes (K, rows, columns) over a Cartesian input back to the frame's (K, H, W); 0 outside their square."""
    height, width = view.grey.shape
    side, top, left = _square(view.circle)
    square = _resized(planes, (side, side))
    back = np.zeros((len(planes), height, width), np.float32)
    rows, cols = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    back[:, rows, cols] = square[:, rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    return back


def _to_domain(plane: NDArray[Any], view: FrameView, config: PreprocessingConfig) -> NDArray[Any]:
    """One plane (H, W) of grey levels or probability over the frame, seen as the input is."""
    if config.domain == "cartesian":
        side, top, left = _square(view.circle)
        return cv2.resize(_cropped(plane, side, top, left), config.size[::-1], interpolation=cv2.INTER_AREA)
    reach = view.reach_px
    shrink = reach / config.size[1]
    if shrink > 1.5:  # finer than the input shows: average first, or the speckle aliases
        small = (round(plane.shape[1] / shrink), round(plane.shape[0] / shrink))
        plane = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
        centre_row, centre_col = ((point + 0.5) / shrink - 0.5 for point in view.catheter_centre)
        reach /= shrink
    else:
        shrink, (centre_row, centre_col) = 1.0, view.catheter_centre
    rows, cols = _offsets(config, reach, None if view.starts_px is None else view.starts_px / shrink)
    rows, cols = rows + np.float32(centre_row), cols + np.float32(centre_col)
    return cv2.remap(plane, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def _square(circle: Disc) -> tuple[int, int, int]:
    """Side, top and left of the square of whole pixels about a circle; it may reach past the frame."""
    top, left = (int(np.ceil(centre - circle.radius_px - 0.5)) for centre in circle.centre)
    bottom, right = (int(np.floor(centre + circle.radius_px + 0.5)) for centre in circle.centre)
    return max(bottom - top, right - left) + 1, top, left


def _cropped(plane: NDArray[Any], side: int, top: int, left: int) -> NDArray[Any]:
    """The (side, side) square at (top, left) of a plane (H, W), 0 where it reaches past the plane."""
    height, width = plane.shape
    if top >= 0 and left >= 0 and top + side <= height and left + side <= width:
        return plane[top : top + side, left : left + side]
    square = np.zeros((side, side), plane.dtype)
    rows, cols = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    square[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left] = plane[rows, cols]
    return square


@lru_cache(maxsize=8)
def unit_positions(config: PreprocessingConfig) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each position of the input (rows, columns) lies about the centre, as (row, col) offsets.

    The unit is how far the input reaches: half the square's side, or from the catheter to the farthest rim.
    """
    if config.domain == "cartesian":
        row, col = ((np.arange(n) + 0.5) * 2.0 / n - 1.0 for n in config.size)
        rows, cols = np.meshgrid(row, col, indexing="ij")
        return rows.astype(np.float32), cols.astype(np.float32)
    return positions_behind(np.zeros(config.rays), 1.0, config)


def positions_behind(
    starts_px: NDArray[np.floating], length_px: float, config: PreprocessingConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each position of a polar input (rows, columns) lies about the centre, as (row, col) offsets in pixels.

    Its rays begin `starts_px` (rays,) from the centre and are `length_px` long.
    """
    ray = np.arange(config.size[0]) - config.wrap_rays
    angle = (ray * 2.0 * np.pi / len(starts_px))[:, None]
    depth = (np.arange(config.size[1]) + 0.5) / config.size[1] * length_px
    radius = starts_px[ray % len(starts_px), None] + depth[None]
    return (radius * np.sin(angle)).astype(np.float32), (radius * np.cos(angle)).astype(np.float32)


def _offsets(
    config: PreprocessingConfig, length_px: float, starts_px: NDArray[np.float32] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `positions_behind`; rays without `starts_px` begin at the centre."""
    if starts_px is not None:
        return positions_behind(starts_px, length_px, config)
    rows, cols = unit_positions(config)
    return rows * np.float32(length_px), cols * np.float32(length_px)


def about(centre: tuple[float, float], part: tuple[slice, slice]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distance in pixels from a centre and angle in radians, 0 to 2 pi, of each pixel (h, w) of a part of a frame."""
    rows, cols = part
    row = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(centre[0])
    col = np.arange(cols.start, cols.stop, dtype=np.float32)[None] - np.float32(centre[1])
    shape = np.broadcast_shapes(row.shape, col.shape)
    radius, angle = cv2.cartToPolar(np.broadcast_to(col, shape).copy(), np.broadcast_to(row, shape).copy())
    return np.asarray(radius, np.float32), np.asarray(angle, np.float32)


@lru_cache(maxsize=2)
def seen_from(shape: tuple[int, ...], centre: tuple[float, float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distance and angle, as of `about`, of each pixel (H, W) of a frame; the same for all frames of a pullback."""
    return about(centre, (slice(0, shape[0]), slice(0, shape[1])))


@lru_cache(maxsize=2)
def _rows_of(shape: tuple[int, ...], centre: tuple[float, float], rays: int, wrap_rays: int) -> NDArray[np.float32]:
    """The row of a polar input on which each pixel (H, W) of a frame lies; the same for all frames of a pullback."""
    _, angle = seen_from(shape, centre)
    return angle * np.float32(rays / (2.0 * np.pi)) + np.float32(wrap_rays)


def _polar_positions(
    view: FrameView, config: PreprocessingConfig, part: Part, along: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where in the polar input each pixel (h, w) of a part of the frame lies, as rows and cols of that shape."""
    rows = _rows_in(view, config, part)
    along = along_rays(view, config, part) if along is None else along
    cols = along * np.float32(config.size[1] / view.reach_px)
    cols -= np.float32(0.5)
    return rows, np.maximum(cols, 0.0, out=cols)


def _rows_in(view: FrameView, config: PreprocessingConfig, part: Part) -> NDArray[np.float32]:
    """The row of the polar input on which each pixel (h, w) of a part of the frame lies."""
    return _rows_of(view.grey.shape, view.catheter_centre, config.rays, config.wrap_rays)[part]


def along_rays(view: FrameView, config: PreprocessingConfig, part: Part) -> NDArray[np.float32]:
    """How far along its ray each pixel (h, w) of a part of the frame lies, in pixels; below 0 where before the ray."""
    radius = seen_from(view.grey.shape, view.catheter_centre)[0][part]
    if view.starts_px is None:
        return radius
    rows = _rows_in(view, config, part) - np.float32(config.wrap_rays)
    starts = np.append(view.starts_px, view.starts_px[:1])[:, None]  # behind the last ray comes the first
    return radius - cv2.remap(starts, np.zeros_like(rows), rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def to_part(
    plane: NDArray[np.float32],
    view: FrameView,
    config: PreprocessingConfig,
    part: Part,
    along: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """One plane (rows, columns) over the input back to a part (h, w) of the frame, also outside the disc.

    along: what `along_rays` says of the part, where it is known.
    """
    if config.domain == "cartesian":
        return np.ascontiguousarray(_squares_to_frame(plane[None], view)[0][part])
    if config.wrap_rays == 0:
        plane = np.concatenate([plane, plane[:1]])
    rows, cols = _polar_positions(view, config, part, along)
    read = cv2.remap(plane, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read, np.float32)


def box_in_frame(
    inside: NDArray[np.bool_], view: FrameView, config: PreprocessingConfig, margin_px: int
) -> Part | None:
    """The part of the frame that holds all that reads from places of a polar input (rows, columns) that are True.

    None where none is.
    """
    rays = np.flatnonzero(inside.any(axis=1))
    if rays.size == 0:
        return None
    columns = inside.shape[1]
    nearest = inside[rays].argmax(axis=1) - 1.0
    nearest[nearest < 0] = -np.inf  # what lies before reads the first place
    farthest = columns - inside[rays, ::-1].argmax(axis=1) + 1.0
    farthest[farthest >= columns] = np.inf  # what lies beyond reads the last place
    ray = np.concatenate([rays - config.wrap_rays + side for side in (-1, 0, 1)])
    angle = ray * (2 * np.pi / config.rays)
    radius = np.tile(np.stack([nearest, farthest]) * (view.reach_px / columns), 3)  # (2, n)
    if view.starts_px is not None:
        radius = radius + view.starts_px[ray % config.rays]
    radius = np.clip(radius, 0, float(np.hypot(*view.grey.shape)))
    sides = []
    for at, way, count in zip(view.catheter_centre, (np.sin(angle), np.cos(angle)), view.grey.shape, strict=True):
        places = at + radius * way
        first = min(max(math.floor(places.min()) - margin_px, 0), count - 1)
        sides.append(slice(first, min(max(math.ceil(places.max()) + margin_px + 1, first + 1), count)))
    return sides[0], sides[1]


def _remapped(planes: NDArray[np.float32], rows: NDArray[np.float32], cols: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes (K, h, w) read at positions (H, W), to (K, H, W); past their edge the last value holds."""
    back = np.empty((len(planes), *rows.shape), np.float32)
    for plane, read in zip(planes, back, strict=True):
        cv2.remap(plane, cols, rows, cv2.INTER_LINEAR, read, cv2.BORDER_REPLICATE)
    return back


def _resized(planes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Planes (K, h, w) to (K, *size), bilinear."""
    return np.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in planes])
