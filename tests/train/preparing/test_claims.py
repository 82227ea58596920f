"""Masks held against their frames: those that are right pass, those that cannot be are named for what they are."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from octseg.classes import CLASS_NAMES
from octseg.errors import ReadError
from octseg.view.preprocessing import FrameView, view_frame
from tests.fakes.prepared import Masks, phantom
from train.dataset import record_case
from train.preparing.claims import refuse_contradiction

LIPID, SMALL = 3, 11  # phantoms: one with a large core, one with vasa vasorum


@lru_cache
def seen(seed: int) -> FrameView:
    return view_frame(phantom(seed).frame)


def moved(change: Callable[[np.ndarray], np.ndarray]) -> Masks:
    return {name: np.ascontiguousarray(change(plane)) for name, plane in phantom(LIPID).masks.items()}


def renamed(order: tuple[str, ...], seed: int = LIPID) -> Masks:
    """The planes of a phantom in another order than that of the classes."""
    return {name: phantom(seed).masks[drawn] for name, drawn in zip(CLASS_NAMES, order, strict=True)}


def lipid(plane: np.ndarray) -> Masks:
    return {"lipid_core": plane}


@pytest.mark.parametrize("seed", range(8))
def test_the_exact_masks_of_a_phantom_pass(seed: int) -> None:
    refuse_contradiction(phantom(seed).masks, seen(seed))


@pytest.mark.parametrize("seed", range(4))
def test_the_core_alone_and_nothing_at_all_pass(seed: int) -> None:
    core = phantom(seed).masks["lipid_core"]
    refuse_contradiction(lipid(core), seen(seed))
    refuse_contradiction(lipid(core & False), seen(seed))


def test_masks_of_real_frames_pass(real_frames: Path) -> None:
    for image in sorted((real_frames / "train" / "img").glob("*.png"))[::20]:
        case = record_case(image)
        refuse_contradiction(case.truth, view_frame(case.frame))


def outlined(depth: int) -> np.ndarray:
    """The core, and a line of one pixel `depth` pixels from the picture's edge."""
    plane = phantom(LIPID).masks["lipid_core"].copy()
    plane[[depth, -1 - depth]] = plane[:, [depth, -1 - depth]] = True
    return plane


def outline_of(plane: np.ndarray) -> np.ndarray:
    inner = cv2.erode(np.pad(plane, 1).astype(np.uint8), np.ones((5, 5), np.uint8))[1:-1, 1:-1]
    return plane & (inner == 0)


CORE = phantom(LIPID).masks["lipid_core"]
REFUSED = {
    "inverted": (lipid(~CORE), "lipid core of the mask covers 100 % of the ground .* inverted"),
    "the whole picture": (lipid(CORE | True), "covers 100 % of the ground"),
    "the whole disc": (lipid(phantom(LIPID).frame.max(axis=2) > 3), "of the imaged disc, more than it can"),
    "the lumen called a core": (lipid(phantom(LIPID).masks["lumen"]), "covers the catheter.*--binary-class"),
    "a line along the edge": (lipid(outlined(0)), "a line along its edge"),
    "a line near the edge": (lipid(outlined(6)), "a line along its edge"),
    "a line along one side": (lipid(CORE | (np.arange(CORE.shape[1]) == 0)), "a line along its edge"),
    "the core's outline": (lipid(outline_of(CORE)), "lipid core of the mask is a line around .* times"),
    "the lumen's outline": ({"lumen": outline_of(phantom(LIPID).masks["lumen"])}, "lumen of the mask is a line around"),
    "moved far": (lipid(np.roll(CORE, (300, 300), (0, 1))), "outside the imaged disc|covers the catheter"),
    "mirrored": (moved(np.fliplr), "would if the mask were mirrored left to right"),
    "upside down": (moved(np.flipud), "would if the mask were mirrored top to bottom"),
    "turned": (moved(np.rot90), "would if the mask were turned by 90 degrees clockwise"),
    "moved": (moved(lambda plane: np.roll(plane, 60, axis=0)), r"would if the mask were moved by \d+ px up"),
    "cap and core exchanged": (
        renamed(("lumen", "lipid_core", "fibrous_cap", "vasa_vasorum")),
        "fibrous cap of the mask lies behind its lipid core",
    ),
    "sorted by title": (
        renamed(("fibrous_cap", "lipid_core", "lumen", "vasa_vasorum")),
        "lumen of the mask lies .* from the catheter|lipid core of the mask covers the catheter",
    ),
    "in reverse": (renamed(tuple(reversed(CLASS_NAMES)), SMALL), "vasa vasorum of the mask covers .* more than it can"),
    "core and vasa exchanged": (
        renamed(("lumen", "fibrous_cap", "vasa_vasorum", "lipid_core"), SMALL),
        "vasa vasorum of the mask covers",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_named(kind: str) -> None:
    masks, words = REFUSED[kind]
    seed = SMALL if kind in ("in reverse", "core and vasa exchanged") else LIPID
    with pytest.raises(ReadError, match=words):
        refuse_contradiction(masks, seen(seed))


def test_a_lumen_drawn_around_the_sheath_passes() -> None:
    """Some readers leave the catheter out of the lumen."""
    view = seen(LIPID)
    row, col = np.indices(view.grey.shape)
    distance = np.hypot(row - view.catheter_centre[0], col - view.catheter_centre[1])
    masks = phantom(LIPID).masks
    refuse_contradiction({**masks, "lumen": masks["lumen"] & (distance > 0.12 * view.circle.radius_px)}, view)


def test_a_core_all_around_the_lumen_passes() -> None:
    """It encloses more than it covers, the catheter with it."""
    masks = phantom(LIPID).masks
    around = cv2.dilate(masks["lumen"].astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    thin = around & ~cv2.dilate(masks["lumen"].astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert thin.sum() * 3 < masks["lumen"].sum()
    refuse_contradiction(lipid(thin), seen(LIPID))
