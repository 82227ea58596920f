"""A mask held against its frame by what it claims: tissue lies in the disc, the catheter in the lumen, the cap before
the core.

Lengths are parts of the disc's radius R, points (row, col) in pixels. Each limit lies far from all that was measured on
186 frames of the record and 60 phantoms; the comments say how far.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME
from octseg.errors import ReadError
from octseg.view.disc import Disc
from octseg.view.preprocessing import FrameView
from train.preparing.edges import better_place

Mask = NDArray[np.bool_]
Planes = Mapping[str, Mask]

RIM = 1.03  # of R: what lies farther out is beyond the disc; 0.0003 of the disc's area at most in real masks
LEAST_GROUND = 0.01  # of the frame beyond the disc, to be spoken of
# Percent, and what was measured at most:
MOST_OUTSIDE = 15  # of a class; 1 beyond 1.01 R
MOST_OF_GROUND = 50  # of what lies beyond the disc; 0.3
MOST_OF_DISC = {"lumen": 90, "fibrous_cap": 60, "lipid_core": 80, "vasa_vasorum": 5}  # 41, 9, 43, 1
MOST_IN_LUMEN = {"fibrous_cap": 75, "lipid_core": 50, "vasa_vasorum": 50}  # of it; 31, 0.4, 0
MOST_OF_CATHETER = 50  # 0
CATHETER = 0.05  # of R: well within the sheath, which has 0.09 R and more
FARTHEST_LUMEN = 0.2  # of R, from the catheter's centre; one that is drawn around the sheath begins at 0.13
DRAWN_EDGE = 0.9  # of the pixels along a side of the picture, where a line is drawn there; 0.3
MOST_ENCLOSED = 3  # times what a class covers
EDGE_DEPTH = 0.02  # of the shorter side: how far from the edge such a line may run
N_RAYS, N_DEPTHS, FEWEST_RAYS = 360, 256, 20
CAP_FIRST = 0.5  # of the rays that meet both; real masks: 0.97, phantoms 0.80
LARGE_CAP = 0.4  # of the core's area; a core taken for the cap has 0.7 of it and more


@dataclass(frozen=True, eq=False)
class Regions:
    """Parts of a frame (H, W): the disc, all well beyond its rim, the catheter and a wide neighbourhood of it.

    centre: of the catheter; radius: R. Where no disc was found the whole frame is one, and nothing lies beyond.
    """

    inside: Mask
    beyond: Mask
    catheter: Mask
    about: Mask
    centre: tuple[float, float]
    radius: float
    disc_is_known: bool

    @classmethod
    def of(cls, view: FrameView) -> "Regions":
        """Those of a seen frame."""
        shape, circle, centre = view.grey.shape, view.circle, view.catheter_centre
        catheter, about = (Disc(centre, part * circle.radius_px).mask(*shape) for part in (CATHETER, FARTHEST_LUMEN))
        inside = circle.mask(*shape)
        beyond = ~Disc(circle.centre, RIM * circle.radius_px).mask(*shape)
        return cls(inside, beyond, catheter, about, centre, circle.radius_px, view.disc is not None)


def refuse_contradiction(planes: Planes, view: FrameView) -> None:
    """ReadError where planes (H, W) cannot be of this frame, or not of the classes whose names they bear.

    A frame in which no disc was found tells nothing but whether a class covers it all; one without a catheter not where
    the lumen is.
    """
    drawn = {name: plane for name, plane in planes.items() if plane.any()}
    if not drawn:
        return
    regions = Regions.of(view)
    for name, plane in drawn.items():
        _refuse_everything(name, plane, regions)
        _refuse_drawn_edge(name, plane)
        _refuse_hollow(name, plane, regions)
        if name != "lumen":
            _refuse_outside(name, plane, regions)
    if not view.has_catheter or view.disc is None:
        return
    _refuse_far_lumen(drawn, regions)
    for name in drawn:
        _refuse_in_lumen(name, drawn, regions)
    _refuse_order(drawn, regions)
    edged = next((name for name in ("lumen", "fibrous_cap") if name in drawn), None)
    if edged is not None and (place := better_place(drawn[edged], view, edged)):
        raise ReadError(
            f"{_called(edged)} of the mask does not lie on its edge in the frame, but would if the mask were "
            f"{place}; export frame and mask alike, neither turned, mirrored nor moved"
        )


def _called(name: str) -> str:
    return f"the {BY_NAME[name].label.lower()}"


def _percent(part: Mask, whole: Mask) -> float:
    """How much of `whole` (H, W) lies in `part`; 0 where there is none."""
    size = np.count_nonzero(whole)
    return 100 * np.count_nonzero(part & whole) / size if size else 0.0


def _refuse_everything(name: str, plane: Mask, regions: Regions) -> None:
    """ReadError where a class covers the ground beside the disc, or more of the disc than it can."""
    on_ground = _percent(plane, regions.beyond)
    if on_ground > MOST_OF_GROUND and np.count_nonzero(regions.beyond) > LEAST_GROUND * plane.size:
        raise ReadError(
            f"{_called(name)} of the mask covers {on_ground:.0f} % of the ground beside the imaged disc; its values "
            "are inverted, or its background is taken for a class: export masks with 0 as background"
        )
    covered = _percent(plane, regions.inside)
    if covered > MOST_OF_DISC[name]:
        raise ReadError(
            f"{_called(name)} of the mask covers {covered:.0f} % of the "
            f"{'imaged disc' if regions.disc_is_known else 'frame'}, more than it can; the mask is inverted, or its "
            "planes or values mean other classes: see --class-map and --binary-class"
        )


def _refuse_drawn_edge(name: str, plane: Mask) -> None:
    """ReadError where a line runs along a side of the picture, as some tools draw it around what they export."""
    depth = max(4, round(EDGE_DEPTH * min(plane.shape)))
    for side in (plane, plane[::-1], plane.T, plane.T[::-1]):
        covered = side[: depth + 1].mean(axis=1)
        if covered.max() >= DRAWN_EDGE and covered[-1] <= DRAWN_EDGE / 2:
            raise ReadError(
                f"the mask has a line along its edge that counts as {BY_NAME[name].label.lower()}; export it without a "
                "frame drawn around it"
            )


def _refuse_hollow(name: str, plane: Mask, regions: Regions) -> None:
    """ReadError where a class encloses far more than it covers: outlines that nobody filled.

    What a tissue encloses together with the catheter is not counted: it may go all around the lumen.
    """
    _, parts = cv2.connectedComponents(np.pad(~plane, 1, constant_values=True).astype(np.uint8), connectivity=4)
    area = np.bincount(parts.ravel())
    area[[0, parts[0, 0]]] = 0
    if name != "lumen":
        area[parts[1:-1, 1:-1][regions.catheter]] = 0
    enclosed = area.sum() / np.count_nonzero(plane)
    if enclosed > MOST_ENCLOSED:
        raise ReadError(
            f"{_called(name)} of the mask is a line around {enclosed:.0f} times what it covers; export areas filled, "
            "not their outlines"
        )


def _refuse_outside(name: str, plane: Mask, regions: Regions) -> None:
    """ReadError where too much of a class lies beyond the disc's rim."""
    outside = _percent(regions.beyond, plane)
    if outside > MOST_OUTSIDE:
        raise ReadError(
            f"{outside:.0f} % of {_called(name)} of the mask lies outside the imaged disc; the mask is of another "
            "frame, inverted, moved or turned against it: export frame and mask alike"
        )


def _refuse_far_lumen(drawn: Planes, regions: Regions) -> None:
    """ReadError where the lumen is not where the catheter lies."""
    if "lumen" not in drawn or (drawn["lumen"] & regions.about).any():
        return
    rows, cols = np.nonzero(drawn["lumen"])
    distance = float(np.hypot(rows - regions.centre[0], cols - regions.centre[1]).min())
    raise ReadError(
        f"the lumen of the mask lies {distance:.0f} px from the catheter, which is always in it; the mask is of "
        "another frame, moved or turned, or its planes or values mean other classes: see --class-map"
    )


def _refuse_in_lumen(name: str, drawn: Planes, regions: Regions) -> None:
    """ReadError where a tissue lies in the lumen."""
    if name == "lumen":
        return
    in_lumen = _percent(drawn["lumen"], drawn[name]) if "lumen" in drawn else 0.0
    if in_lumen > MOST_IN_LUMEN[name]:
        raise ReadError(
            f"{in_lumen:.0f} % of {_called(name)} of the mask lies in its lumen; its planes or values mean other "
            "classes: see --class-map, or give planes in the order lumen, fibrous cap, lipid core, vasa vasorum"
        )
    if _percent(drawn[name], regions.catheter) > MOST_OF_CATHETER:
        raise ReadError(
            f"{_called(name)} of the mask covers the catheter, which lies in the lumen; the mask outlines another "
            "class (--binary-class, --class-map), is inverted, or is of another frame"
        )


def _refuse_order(drawn: Planes, regions: Regions) -> None:
    """ReadError where a large cap lies behind the core: the two planes are exchanged."""
    if "fibrous_cap" not in drawn or "lipid_core" not in drawn:
        return
    cap, core = drawn["fibrous_cap"], drawn["lipid_core"]
    if np.count_nonzero(cap) < LARGE_CAP * np.count_nonzero(core):
        return
    first = [_first_depths(plane, regions.centre, regions.radius) for plane in (cap, core)]
    both = (first[0] >= 0) & (first[1] >= 0)
    if both.sum() >= FEWEST_RAYS and float((first[0] <= first[1])[both].mean()) < CAP_FIRST:
        raise ReadError(
            "the fibrous cap of the mask lies behind its lipid core as seen from the lumen, and a cap lies before it; "
            "the two are exchanged: see --class-map, or the order of the planes"
        )


def _first_depths(plane: Mask, centre: tuple[float, float], radius: float) -> NDArray[np.int64]:
    """(N_RAYS,) at which of N_DEPTHS steps from the catheter each ray meets a plane (H, W); -1 where it does not."""
    size, flags = (N_DEPTHS, N_RAYS), cv2.INTER_NEAREST | cv2.WARP_FILL_OUTLIERS
    seen = cv2.warpPolar(plane.astype(np.uint8), size, centre[::-1], 1.1 * radius, flags)
    return np.asarray(np.where(seen.any(axis=1), seen.argmax(axis=1), -1), np.int64)
