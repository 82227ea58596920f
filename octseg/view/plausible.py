"""Whether a scale can be true of a frame: what its disc, its catheter and its scale bars say of it.

All scales are mm per pixel. What speaks against one is a sentence without its full stop, for the user.
"""

import math
from collections.abc import Sequence
from functools import cached_property

from octseg.pullback import Frame
from octseg.view.bar import Bar
from octseg.view.capture import Place, cut_out, locate, moved
from octseg.view.catheter import RING_RADIUS_PART, find_sheath
from octseg.view.disc import Disc, Outlines, rim_stretch
from octseg.view.grey import Grey, sepia_to_grey
from octseg.view.ruler import RING_MM, Ruler, find_ring

MOST_STRETCH = 1.03  # width by height of the disc or the other way round: 1.003 in real frames, 1.018 in poor exports
SHEATH_MM = (0.68, 1.13)  # its rings as they are found: 0.88 to 1.08 in real frames, 0.74 to 1.0 in phantoms
FIELD_MM = (3.5, 16.0)  # width of an imaged disc; consoles show 5 to 10.5
SAME_SCALE = 0.02  # two scales of one frame
WITHIN = 0.75  # of the disc's radius
BORDER = 0.12  # of the picture's side
END_PX = 1.0  # by which a bar's length may be wrong besides
READ_TO_PX, COARSE_BAR_PX = 0.5, 40.0  # how well a bar's length is read; below which its share of it is said


class FrameShape:
    """Disc and catheter of a frame (H, W, 3), looked for where a scale is held against them.

    Of a screen or a page that is the frame on it, and nothing beside that.
    """

    def __init__(self, frame: Frame, ruler: Ruler | None) -> None:
        self.frame = frame
        self.ruler = ruler

    @cached_property
    def _place(self) -> Place:
        return locate(self.frame)

    @property
    def disc(self) -> Disc | None:
        """The imaged disc, None where none is found."""
        return self._place.disc

    @cached_property
    def _shown(self) -> tuple[Grey, Disc | None]:
        """Grey levels (h, w) of the part that is the frame, and the disc in it."""
        disc, part = self._place.disc, self._place.part
        if disc is None or not self._place.is_page:
            return sepia_to_grey(self.frame), disc
        return sepia_to_grey(cut_out(self.frame, part, disc)), moved(disc, -part[0].start, -part[1].start)

    @property
    def radius_px(self) -> float:
        """The disc's radius; without a disc half the frame's shorter side."""
        return min(self.frame.shape[:2]) / 2 if self.disc is None else self.disc.radius_px

    def field_mm(self, spacing_mm: float) -> float:
        """How wide the imaged disc is by a scale; without a disc the frame's shorter side."""
        return 2 * self.radius_px * spacing_mm

    def is_likely_field(self, spacing_mm: float) -> bool:
        """Whether a console may show a disc as wide as it is by a scale."""
        return FIELD_MM[0] <= self.field_mm(spacing_mm) <= FIELD_MM[1]

    @cached_property
    def ring_px(self) -> float | None:
        """Diameter of the ring that the console draws about the catheter, None where none is seen."""
        if self.ruler is not None:
            return self.ruler.ring_diameter_px
        return None if self.disc is None else find_ring(self.frame, self.disc)

    def why_not_round(self) -> str | None:
        """Why no single scale fits the frame: its disc is no circle."""
        grey, disc = self._shown
        stretch = rim_stretch(Outlines.of(grey), disc)
        if stretch is None or 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
            return None
        return f"the imaged disc is {stretch:.2f} times as wide as it is high, so no one scale fits it"

    @cached_property
    def sheath_px(self) -> float | None:
        """Diameter of the sheath's rings; None where none are seen: rings at the end of the search lie beyond it."""
        sheath = find_sheath(self._shown[0])
        at_end = sheath is None or sheath.radius_px > 0.95 * 2 * RING_RADIUS_PART[1] * self.radius_px
        return None if sheath is None or at_end else 2 * sheath.radius_px

    def why_not_the_catheter(self, spacing_mm: float, name: str) -> str | None:
        """Why a scale is not true: the catheter would have a width that none has."""
        ring_px = self.ring_px
        seen_px, (least, most) = (self.sheath_px, SHEATH_MM) if ring_px is None else (ring_px, RING_MM)
        if seen_px is None or least <= seen_px * spacing_mm <= most:
            return None
        return f"by {name} the catheter would measure {seen_px * spacing_mm:.2f} mm, outside {least:.2f} to {most:.2f}"

    def beside_disc(self, bar: Bar) -> bool:
        """Whether a bar lies level with the disc, and not at a strip below it."""
        if self.disc is None:
            return True
        row = (bar.ends[0][0] + bar.ends[1][0]) / 2
        return abs(row - self.disc.centre[0]) <= 1.05 * self.disc.radius_px

    def in_the_vessel(self, bar: Bar) -> bool:
        """Whether a bar lies within the disc and off the picture's border: a distance that somebody measured."""
        if self.disc is None:
            return False
        (top, left), (bottom, right) = bar.ends
        middle = ((top + bottom) / 2, (left + right) / 2)
        size = self.frame.shape[:2]
        at_border = any(min(place, side - place) < BORDER * side for place, side in zip(middle, size, strict=True))
        away = math.hypot(middle[0] - self.disc.centre[0], middle[1] - self.disc.centre[1])
        return not at_border and away <= WITHIN * self.disc.radius_px


def bar_spacing(bars: Sequence[Bar], shape: FrameShape, by_ruler: float | None, warnings: list[str]) -> float | None:
    """The scale of a frame's bars where disc and catheter do not contradict it; else None, and why.

    by_ruler: the ruler's scale, if any, which was held against the catheter; a bar at a strip is then passed by.
    """
    bars = [bar for bar in bars if not shape.in_the_vessel(bar)]
    chosen = [bar for bar in bars if shape.beside_disc(bar)] or list(bars if by_ruler is None else ())
    if not chosen:
        return None
    likely = [bar for bar in chosen if shape.is_likely_field(1 / bar.px_per_mm)]
    if not likely:
        field_mm = shape.field_mm(1 / chosen[0].px_per_mm)
        warnings.append(
            f"by the burned-in bar of {chosen[0].length_mm:g} mm the imaged disc would be {field_mm:.2f} mm wide, "
            f"outside {FIELD_MM[0]:g} to {FIELD_MM[1]:g}: the bar is not used"
        )
        return None
    longest = max(likely, key=lambda bar: bar.length_px)
    if any(not same_scale(1 / bar.px_per_mm, 1 / longest.px_per_mm, bar.length_px) for bar in likely):
        said = " and ".join(f"{bar.px_per_mm:.1f}" for bar in likely)
        warnings.append(f"the scale bars in this frame give {said} pixels per mm: none is used")
        return None
    spacing_mm = 1 / longest.px_per_mm
    if by_ruler is not None:
        return spacing_mm
    why = shape.why_not_round() or shape.why_not_the_catheter(spacing_mm, "the burned-in scale bar")
    if why is not None:
        warnings.append(f"{why}: the bar is not used; enter the scale to get mm")
        return None
    if longest.length_px < COARSE_BAR_PX:
        percent = 100 * READ_TO_PX / longest.length_px
        warnings.append(
            f"the burned-in bar is {longest.length_px:.0f} pixels long and read to half a pixel, so lengths by it may "
            f"be {percent:.1f} % off and areas {2 * percent:.1f} %"
        )
    return spacing_mm


def same_scale(one_mm: float, other_mm: float, length_px: float) -> bool:
    """Whether two scales agree as well as a bar of that length can tell."""
    return abs(one_mm / other_mm - 1) <= SAME_SCALE + END_PX / length_px


def contradict(by_ruler: float, by_bar: float, warnings: list[str]) -> bool:
    """Whether ruler and bar of one frame contradict each other, which is then said."""
    if same_scale(by_ruler, by_bar, 1 / by_bar):
        return False
    warnings.append(
        f"the burned-in ruler gives {1 / by_ruler:.1f} pixels per mm and the scale bar {1 / by_bar:.1f}: "
        "neither is trusted; enter the scale to get mm"
    )
    return True
