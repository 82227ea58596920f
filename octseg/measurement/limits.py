"""What limits the numbers of one frame: sentences for the reader beside them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.measurement.cap import TRIM_DEG, CapRays
from octseg.measurement.depth import LIPID_DEPTH_MM
from octseg.measurement.geometry import Tissue
from octseg.measurement.lipid import MIN_DEPTH_MM, Arc
from octseg.measurement.lumen import Lumen
from octseg.measurement.wording import NO_SCALE_DEPTH

NO_LUMEN_PLANE = (
    "The lumen is not among the classes outlined, so there is no arc about it and no cap thickness, and lipid is not "
    f"cut {LIPID_DEPTH_MM:g} mm behind it: its area is of all that was outlined."
)
OTHER_LUMEN_SHARE = 0.05  # of the largest lumen; less is a speck
MOST_CUT_DEG = 30  # of the directions, in which a picture may end close behind the lumen and nothing is said
RIM_PX = 5  # side of the square within which a pixel counts as at the disc's rim


def reaches_edge(tissue: Tissue, size: tuple[int, ...], disc: NDArray[np.bool_] | None) -> bool:
    """Whether tissue is cut by the frame's edge, `size` being (height, width), or by the rim of the disc (H, W)."""
    (top, left), (height, width), inside = tissue.corner, tissue.value.shape, tissue.inside
    sides = [
        (top == 0, inside[0]),
        (left == 0, inside[:, 0]),
        (top + height == size[0], inside[-1]),
        (left + width == size[1], inside[:, -1]),
    ]
    if any(at_edge and side.any() for at_edge, side in sides):
        return True
    if disc is None:
        return False
    imaged = disc[top : top + height, left : left + width].astype(np.uint8)
    within = cv2.erode(imaged, np.ones((RIM_PX, RIM_PX), np.uint8)) > 0
    return bool(np.any(inside & ~within))


def lumen_warnings(
    found: Tissue | None, lumen: Lumen | None, cut: bool, bent: bool, catheter_centre: tuple[float, float] | None
) -> list[str]:
    """Of a lumen that was looked for.

    found: all that was outlined as lumen. cut: whether an edge cuts it. bent: whether it has no chords.
    """
    if found is None or lumen is None:
        return ["No lumen was found, so there are no diameters, no arc about it and no cap thickness."]
    said = []
    if cut:
        said.append("The lumen reaches the edge of the image: its area and diameters are those of the visible part.")
    if np.count_nonzero(found.inside & ~lumen.filled.inside) > OTHER_LUMEN_SHARE * lumen.area_px:
        said.append("Several separate lumens were outlined; the largest is measured.")
    if catheter_centre is not None and not lumen.holds(catheter_centre):
        said.append("The catheter lies outside the lumen outlined, so that outline is likely to be wrong.")
    if bent:
        said.append("The lumen is bent around its own centroid, so it has no diameters.")
    return said


def depth_warnings(has_lumen_plane: bool, has_lumen: bool, pixel_spacing_mm: float | None) -> list[str]:
    """Of lipid core that was found: that it counts to another depth than LIPID_DEPTH_MM."""
    if not has_lumen_plane:
        return [NO_LUMEN_PLANE]
    return [NO_SCALE_DEPTH] if has_lumen and pixel_spacing_mm is None else []


def lipid_warnings(arcs: Sequence[Arc] | None, rays: CapRays | None, cut: bool, no_thickness: bool) -> list[str]:
    """Of lipid core that was found; `no_thickness` says that a scale was there and no cap could be measured."""
    said = []
    if cut:
        said.append("The lipid core reaches the edge of the image: its area is that of the visible part.")
    if arcs is not None and not arcs:
        said.append(f"The lipid core is nowhere {MIN_DEPTH_MM:g} mm deep, so it spans no arc.")
    if rays is not None and (touching := rays.touching_deg) > 0:
        said.append(f"The lipid core reaches the lumen over {touching:.0f} degrees: no cap thickness there.")
    if arcs and no_thickness:
        said.append(f"No cap thickness: no arc has a cap left after {TRIM_DEG} degrees are dropped at each end.")
    return said


def cut_warnings(cut_deg: int, deep_mm: float) -> list[str]:
    """Of a picture that ends less than so many mm behind the lumen over `cut_deg` degrees, within the imaged disc."""
    if cut_deg <= MOST_CUT_DEG:
        return []
    return [
        f"The picture ends less than {deep_mm:g} mm behind the lumen over {cut_deg} of 360 degrees, so that lipid "
        "there is missed or shown too small: give the frame with all of its disc."
    ]


def open_warnings(open_deg: int) -> list[str]:
    """Of a lumen behind whose outline no wall is seen over `open_deg` degrees."""
    if open_deg == 0:
        return []
    return [
        f"No wall is seen behind the lumen's outline over {open_deg} of 360 degrees, as where a side branch opens or "
        "blood lies before the wall: the outline is a guess there, and of a branch often its mouth alone is counted."
    ]
