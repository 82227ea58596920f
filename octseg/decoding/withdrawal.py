"""Whether anything can be said of a frame: the signs of an OCT frame, and what an outlined lumen must be.

Each sign is one number; beside each limit stands what real frames and phantoms have, so that the room between is seen.
Signs of the wall are read along rays from the catheter, outwards. Frames are (H, W, 3) uint8 RGB, masks (H, W) bool,
points (row, col) in pixels, lengths in pixels unless named otherwise.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.measurement.depth import length_px
from octseg.pullback import Frame
from octseg.view.capture import cut_out, moved
from octseg.view.catheter import find_sheath
from octseg.view.disc import Disc, Outlines, rim_stretch
from octseg.view.grey import put_back, sepia_to_grey
from octseg.view.preprocessing import FrameView

LARGEST_LUMEN_MM2 = 50.0  # 8 mm across, a giant aneurysm (McCrindle et al. 2017, doi:10.1161/CIR.0000000000000484)
SMALLEST_LUMEN_MM2 = 0.5  # the catheter, 2.7 F or 0.64 mm2, less what an outline may err by
SMALLEST_PART = 0.006  # of the disc: the same where there is no scale, in the widest field of about 10 mm
# Behind each limit stand what real frames and phantoms have; then what those have in other exports, where it differs:
# JPEG of quality 40, 500 to 1024 px, gamma 0.6 to 1.6, a black level up to 60, on screens.
MOST_AT_RIM = 0.5  # 0 to 0.11, in side branches; 0.24 where the picture is cut within the disc
MOST_STRETCH = 1.04  # width by height or height by width: 1.003; 1.018
MOST_OFF_CENTRE = 0.4  # 0.01, and 0.28 in a phantom whose rings were mistaken
MOST_BLUE = 0.25  # -0.99 to 0.0
MOST_SCATTER = 0.15  # 0 to 0.06
BRIGHTEST_MEDIAN = 140  # grey level: 12 to 47; 3 to 92
LEAST_WALL_SHARE = 0.45  # 0.75 to 1.00
LEAST_CONTRAST = 0.15  # 0.41 to 0.87; 0.38 to 0.97
MOST_LIGHT_LEFT = 0.75  # 0.09 to 0.31; 0 to 0.58
LEAST_SPECKLE = 0.01  # 0.03 to 0.07; 0.03 to 0.09
N_RAYS = 180
ONE_LEVEL = 16  # grey levels; the noise (2 levels) of an empty picture spans 9
BUT_FOR_LETTERS = (0.01, 0.97)  # of the pixels
SAMPLE_STEP_PX, SAMPLES = 6, 120  # every 6th pixel, or so many of a row, tell the colours of a frame
N_LEVELS = 24  # colours are compared among pixels of like brightness, in so many groups

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rays:
    """A frame along rays about the catheter, a pixel per column: grey and lumen (N_RAYS, n), `mm` in pixels."""

    grey: Rows
    lumen: NDArray[np.bool_]
    mm: float

    @cached_property
    def edge(self) -> NDArray[np.int_]:
        """(N_RAYS,) where each ray first leaves the lumen; n where it never does, 0 where it starts outside."""
        leaves = ~self.lumen
        return np.asarray(np.where(leaves.any(axis=1), leaves.argmax(axis=1), self.lumen.shape[1]))

    @cached_property
    def meets_wall(self) -> NDArray[np.bool_]:
        """(N_RAYS,) whether a ray leaves the lumen, and with the wall's front still in the disc."""
        return np.asarray((self.edge > 3) & (self.edge < self.grey.shape[1] - 0.3 * self.mm))

    @cached_property
    def behind(self) -> Rows:
        """(N_RAYS, n) pixels from where each ray leaves the lumen, negative within."""
        return np.asarray(np.arange(self.grey.shape[1])[None] - self.edge[:, None], np.float32)

    @cached_property
    def before_wall(self) -> Rows:
        """(N_RAYS,) mean grey level of the lumen's last stretch."""
        return self.mean_grey(-0.25, -0.05)

    @cached_property
    def front(self) -> Rows:
        """(N_RAYS,) mean grey level of the wall's first stretch."""
        return self.mean_grey(0.03, 0.3)

    def mean_grey(self, from_mm: float, to_mm: float) -> Rows:
        """(N_RAYS,) mean grey level from one distance behind the lumen's edge to another; NaN where there is none."""
        within = (self.behind >= from_mm * self.mm) & (self.behind < max(to_mm * self.mm, from_mm * self.mm + 1))
        return _mean_where(self.grey, within)


def rays_of(view: FrameView, lumen: NDArray[np.bool_], pixel_spacing_mm: float | None) -> Rays:
    """The frame's clean grey levels and its lumen (H, W) along rays from the catheter to the disc's rim, (N_RAYS, n).

    Beyond the picture all is black, and a ray that is still in the lumen there never leaves it.
    """
    radius = view.circle.radius_px
    size = (max(8, round(radius)), N_RAYS)
    about = (view.catheter_centre[1], view.catheter_centre[0])
    how = cv2.INTER_NEAREST | cv2.WARP_FILL_OUTLIERS  # not filled, they are what memory held
    grey = cv2.warpPolar(view.grey, size, about, radius, how)
    outside = cv2.warpPolar((~lumen).view(np.uint8), size, about, radius, how)
    mm = length_px(1.0, pixel_spacing_mm, 2 * radius)
    return Rays(np.asarray(grey, np.float32), np.asarray(outside) == 0, mm)


def why_withdrawn(
    frame: Frame,
    view: FrameView,
    lumen: NDArray[np.bool_] | None,
    pixel_spacing_mm: float | None,
    *,
    vessel: FrameView | None = None,
) -> str | None:
    """Why nothing can be said of a frame (H, W, 3), in one sentence: what was seen and what to do; None where it can.

    view: of that frame. lumen: (H, W) as outlined, empty where none was found; None where none was looked for.
    vessel: the view to which lumen and spacing belong, where that is not `view`.
    """
    why = _why_not_as_displayed(frame, view)
    if why is not None or lumen is None:
        return why
    vessel = view if vessel is None else vessel
    rays = rays_of(vessel, lumen, pixel_spacing_mm)
    return _why_no_vessel(rays, lumen, vessel, pixel_spacing_mm is not None) or _why_no_wall(rays)


def _why_not_as_displayed(frame: Frame, view: FrameView) -> str | None:
    """What is wrong with a frame (H, W, 3) before anything is outlined in it."""
    imaged = view.circle.mask(*view.grey.shape)
    why = _why_not_by_levels(view, imaged)
    if why is not None:
        return why
    shown, disc = _shown(frame, view)
    imaged = imaged if view.part is None else imaged[view.part]
    sampled = _sampled(imaged.shape)
    colours = np.asarray(shown[sampled][imaged[sampled]], np.float32)
    if blueness(colours) > MOST_BLUE:
        return (
            "This picture is blue where an OCT frame is gold or grey, so nothing is said of it: "
            "exchange red and blue if a program has swapped them, or give it without a colour map."
        )
    if colour_scatter(colours) > MOST_SCATTER:
        return (
            "This picture has many colours where an OCT frame shows shades of gold or grey, so nothing is said of it: "
            "give a frame as the console exports it."
        )
    if view.frame_count > 1:
        several = f"This picture shows {view.frame_count} OCT frames"
        return f"{several}, so nothing is said of it: cut it and give each by itself."
    if view.is_page and view.disc is None:
        return (
            "No imaged disc was found in this picture, which shows more than a frame, as a screen, a page or a "
            "photograph of one does, so nothing is said of it: give the frame alone."
        )
    stretch = view.stretch
    if stretch is None:
        stretch = rim_stretch(view.outlines or Outlines.of(sepia_to_grey(shown)), disc)
    if stretch is not None and not 1 / MOST_STRETCH < stretch < MOST_STRETCH:
        return (
            f"This picture shows an ellipse, {stretch:.2f} times as wide as it is high, where an OCT frame shows a "
            "circle, so no length or area in it would be right: give the frame with its width and height scaled alike."
        )
    if view.disc is None and view.ruler is None and find_sheath(view.grey) is None:
        return (
            "Neither an imaged disc nor a catheter is seen in this picture, so nothing is said of it: "
            "give an OCT frame as the console shows it, with the catheter in the vessel."
        )
    if off_centre(view) > MOST_OFF_CENTRE:
        return (
            f"The catheter was not found near the middle of the {'picture' if view.disc is None else 'imaged disc'}, "
            "about which an OCT scan turns, "
            "so nothing is said of this picture: give the frame alone, without what is beside it on the screen."
        )
    return None


def _why_not_by_levels(view: FrameView, imaged: NDArray[np.bool_]) -> str | None:
    """What is wrong with grey levels, by some of them; imaged: (H, W)."""
    sampled = _sampled(view.grey.shape)
    if view.disc is None and np.ptp(np.quantile(view.grey[sampled], BUT_FOR_LETTERS)) <= ONE_LEVEL:
        return (
            "This picture has one level all over, as those have that fill the gaps of an export, so nothing is said "
            "of it: leave it out."
        )
    if np.median(view.grey[sampled][imaged[sampled]]) > BRIGHTEST_MEDIAN:
        return (
            "Most of this picture is bright where an OCT frame is dark, so nothing is said of it: "
            "exchange black and white if it is a negative."
        )
    return None


def _shown(frame: Frame, view: FrameView) -> tuple[Frame, Disc | None]:
    """The part of a picture (H, W, 3) that is the frame, in its right colours, and its disc, if any, in that."""
    if view.part is None or view.disc is None:
        return put_back(frame)[0], view.disc
    rows, cols = view.part
    return put_back(cut_out(frame, view.part, view.disc))[0], moved(view.disc, -rows.start, -cols.start)


def _why_no_vessel(rays: Rays, lumen: NDArray[np.bool_], view: FrameView, has_scale: bool) -> str | None:
    """What keeps the outlined lumen (H, W) from being that of a coronary artery with the catheter in it."""
    if not lumen.any():
        return "No lumen was found in this picture, so nothing is said of it: give an OCT frame with the vessel in it."
    if not rays.lumen[:, 0].all():
        return (
            "The lumen that was found does not hold the catheter, so nothing is said of this frame: "
            "outline it by hand or take the next frame."
        )
    if at_rim_share(rays) > MOST_AT_RIM:
        return (
            f"The lumen that was found runs to the rim of the picture over {100 * at_rim_share(rays):.0f} % of the "
            "directions, so no vessel wall is seen and nothing is said of this frame: take one that shows the wall."
        )
    area_mm2 = float(lumen.sum()) / rays.mm**2
    if has_scale and area_mm2 > LARGEST_LUMEN_MM2:
        return (
            f"The lumen that was found measures {area_mm2:.0f} mm2, more than a coronary artery has, "
            "so nothing is said of this frame: check its scale."
        )
    part = float(lumen.sum()) / (np.pi * view.circle.radius_px**2)
    if area_mm2 < SMALLEST_LUMEN_MM2 if has_scale else part < SMALLEST_PART:
        return (
            "The lumen that was found is smaller than the catheter in it, so nothing is said of this frame: "
            "check its scale or take the next frame."
        )
    return None


def _why_no_wall(rays: Rays) -> str | None:
    """What keeps that which lies about the lumen from being a vessel wall seen by OCT."""
    contrast = wall_contrast(rays)
    if contrast < -LEAST_CONTRAST:
        return (
            "The lumen that was found is brighter than the wall about it, so nothing is said of this picture: "
            "exchange black and white if it is a negative."
        )
    if not (contrast >= LEAST_CONTRAST and wall_share(rays) >= LEAST_WALL_SHARE):
        seen = "no bright wall lies directly behind the lumen"
    elif light_left(rays) > MOST_LIGHT_LEFT:
        seen = "the light does not fade behind the lumen"
    elif speckle(rays) < LEAST_SPECKLE:
        seen = "the wall shows no speckle"
    else:
        return None
    return (
        f"This picture does not look like an OCT frame, for {seen}, so nothing is said of it: "
        "give a frame as the console exports it, with the lumen cleared of blood."
    )


def wall_share(rays: Rays) -> float:
    """Share of the rays that meet the wall whose first 0.3 mm behind the lumen's edge outshine the last before it."""
    before, behind = rays.before_wall, rays.front
    seen = rays.meets_wall & np.isfinite(before)
    return float((behind > 1.25 * before + 1)[seen].mean()) if seen.any() else 0.0


def wall_contrast(rays: Rays) -> float:
    """(wall - lumen) / (wall + lumen) at the lumen's edge, the median ray; below 0 where the lumen is the brighter."""
    before, behind = rays.before_wall, rays.front
    return _median(((behind - before) / (behind + before + 1))[rays.meets_wall])


def light_left(rays: Rays) -> float:
    """Grey level 1.0 to 1.5 mm behind the lumen's edge as a part of that of the wall's front, the median ray."""
    deep = rays.mean_grey(1.0, 1.5)
    return _median((deep / (rays.front + 1))[rays.meets_wall])


def speckle(rays: Rays) -> float:
    """How much grey jumps from pixel to pixel along a ray in the wall's front, as a part of its mean level."""
    jump = np.zeros_like(rays.grey)
    jump[:, 1:-1] = np.abs(rays.grey[:, 1:-1] - (rays.grey[:, 2:] + rays.grey[:, :-2]) / 2)
    front = (rays.behind >= 0.05 * rays.mm) & (rays.behind < 0.4 * rays.mm) & rays.meets_wall[:, None]
    return float(jump[front].mean() / (rays.grey[front].mean() + 1)) if front.any() else 0.0


def blueness(colours: Rows) -> float:
    """How much more blue than red pixels (n, 3) of a frame have, as a part of their brightest channel.

    Sepia -1, grey 0, swapped sepia 1.
    """
    if len(colours) == 0:
        return 0.0
    return float((colours[:, 2] - colours[:, 0]).mean() / _mean_brightness(colours))


def colour_scatter(colours: Rows) -> float:
    """How far colours of one brightness differ among pixels (n, 3) of a frame, as a part of their mean brightness.

    0 where grey runs along a palette.
    """
    if len(colours) < N_LEVELS:
        return 0.0
    brightness = (colours @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)
    # of bytes a stable sort counts, which takes a tenth of the time
    order = np.argsort(brightness, kind="stable")[: len(colours) // N_LEVELS * N_LEVELS]
    red, green, blue = colours.T
    hues = np.stack([red - green, green - blue]).take(order, axis=1).reshape(2, N_LEVELS, -1)
    apart = np.median(np.abs(hues - np.median(hues, axis=2, keepdims=True)), axis=2).mean()
    return float(apart / _mean_brightness(colours))


def _mean_brightness(colours: Rows) -> float:
    """The brightest channel's level, of pixels (n, 3) the mean, at least 1."""
    red, green, blue = colours.T
    return max(1.0, float(np.maximum(np.maximum(red, green), blue).mean()))


def off_centre(view: FrameView) -> float:
    """Distance of the catheter from the disc's middle, as a part of the disc's radius: the scan turns about both."""
    row, col = np.subtract(view.catheter_centre, view.circle.centre)
    return float(np.hypot(row, col) / view.circle.radius_px)


def at_rim_share(rays: Rays) -> float:
    """Share of the rays that never leave the lumen within the disc."""
    return float((rays.edge >= 0.97 * rays.lumen.shape[1]).mean())


def _sampled(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Some of the rows and columns of a picture (H, W)."""
    every = slice(None, None, max(SAMPLE_STEP_PX, min(shape) // SAMPLES))
    return every, every


def _mean_where(values: Rows, within: NDArray[np.bool_]) -> Rows:
    """Mean (N_RAYS,) of each ray's values (N_RAYS, n) where `within` (N_RAYS, n); NaN where that is nowhere."""
    count = within.sum(axis=1)
    total = np.where(within, values, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _median(values: Rows) -> float:
    """The median of what of (n,) is a number; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
