"""A frame of many megapixels: decoded on its disc and as finely as rays can tell, in the frame's own pixels again."""

import io
import os
import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.boxed import BoxedMap
from octseg.decoding.borders import Borders
from octseg.decoding.planes import draw_planes
from octseg.decoding.rays import N_RAYS, RayGrid
from octseg.decoding.wall import walls_behind
from octseg.drawing.screen import sized_for_screen
from octseg.export.pictures import overlay_png
from octseg.export.provenance import NOTICE, picture_texts
from octseg.phantom import Phantom, random_spec, render
from octseg.pullback import LARGE_PIXELS, Frame
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from octseg.view.disc import Disc
from octseg.view.part import FramePart
from octseg.view.preprocessing import FrameView
from tests.fakes.forking import python

SIDE = 3000  # four pixels to one of the phantom, and two to one of the part that is decoded
LARGEST_SIDE = 5000
ADDED_MB = 600  # 300 here; planes of real numbers over all of the frame took 1,800
ADDED = """
import resource, sys
from octseg.pretrained import from_pretrained

def peak_mb():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

model = from_pretrained()
model.segment(sys.argv[1])
before = peak_mb()
result = model.segment(sys.argv[2])
print(peak_mb() - before, result.masks["lumen"].shape, result.withdrawn)
"""


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    """With lipid core, cap and ruler, 750 px."""
    return render(random_spec(0))


@pytest.fixture(scope="module")
def pair(segmenter: Segmenter, phantom: Phantom) -> tuple[FrameResult, FrameResult]:
    """The phantom as it is, and enlarged so that it counts as large."""
    return segmenter.segment(phantom.frame), segmenter.segment(enlarged(phantom.frame, SIDE))


def enlarged(frame: Frame, side: int) -> Frame:
    return np.asarray(cv2.resize(frame, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def view_of(shape: tuple[int, int], disc: Disc | None) -> FrameView:
    middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    return FrameView(np.zeros(shape, np.uint8), disc, middle if disc is None else disc.centre, None)


def test_a_frame_enlarged_has_the_outlines_it_had(pair: tuple[FrameResult, FrameResult]) -> None:
    small, large = pair
    assert large.withdrawn is None
    for name, least in (("lumen", 0.99), ("lipid_core", 0.96), ("fibrous_cap", 0.9)):
        mask = cv2.resize(small.masks[name].view(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
        assert large.masks[name].shape == (SIDE, SIDE)
        assert dice(large.masks[name], mask) > least, name


def test_its_measures_in_mm_are_the_same_and_those_in_pixels_are_in_its_own(
    pair: tuple[FrameResult, FrameResult],
) -> None:
    small, large = (result.measures for result in pair)
    assert large.pixel_spacing_mm == pytest.approx(small.pixel_spacing_mm * 750 / SIDE, rel=0.005)
    for name, within in (("lumen_area_mm2", 0.02), ("lumen_diameter_mean_mm", 0.01), ("lipid_core_area_mm2", 0.08)):
        assert getattr(large, name) == pytest.approx(getattr(small, name), rel=within), name
    assert large.lumen_area_px == pytest.approx(pair[1].masks["lumen"].sum(), rel=0.005)
    assert large.lipid_core_area_px == pytest.approx(pair[1].masks["lipid_core"].sum(), rel=0.005)
    assert sum(large.lipid_core_areas_px) == pytest.approx(large.lipid_core_area_px)
    assert sum(core.area_px for core in large.lipid_cores) == pytest.approx(large.lipid_core_area_px, rel=0.01)


def test_its_probability_its_disc_and_its_catheter_lie_in_the_whole_frame(
    pair: tuple[FrameResult, FrameResult],
) -> None:
    small, large = pickle.loads(pickle.dumps(pair))  # as from the process of a borrowed GPU
    assert large.disc.shape == (SIDE, SIDE)
    assert large.catheter_centre == pytest.approx(((SIDE - 1) / 2, (SIDE - 1) / 2), abs=0.02 * SIDE)
    probability = large.probabilities["lumen"]
    assert (probability.shape, probability.dtype) == ((SIDE, SIDE), np.float32)
    before = cv2.resize(small.probabilities["lumen"], (SIDE, SIDE))
    assert np.abs(probability - before).mean() < 0.01


def test_without_a_scale_lipid_counts_as_deep_whatever_part_of_the_frame_is_decoded(segmenter: Segmenter) -> None:
    """To a share of the frame's shorter side, which what lies beside the disc does not change."""
    alone = enlarged(render(replace(random_spec(0), ruler=False)).frame, SIDE)
    page = np.zeros((SIDE, SIDE + 2000, 3), np.uint8)
    page[:, 1000:-1000] = alone
    as_frame, on_page = (segmenter.segment(picture) for picture in (alone, page))
    assert on_page.measures.lipid_core_area_mm2 is None
    assert on_page.measures.lipid_core_area_px == pytest.approx(as_frame.measures.lipid_core_area_px, rel=0.05)
    assert dice(on_page.masks["lipid_core"][:, 1000:-1000], as_frame.masks["lipid_core"]) > 0.97
    assert not on_page.masks["lumen"][:, :1000].any()


def test_a_large_overlay_is_the_picture_drawn_with_its_texts(pair: tuple[FrameResult, FrameResult]) -> None:
    result = pair[1]
    with Image.open(io.BytesIO(overlay_png(result))) as written:
        assert written.info == picture_texts(result)
        assert np.array_equal(np.asarray(written), np.asarray(result.overlay(legend=True, caption=NOTICE)))


def test_a_screen_gets_a_large_picture_smaller_and_any_other_as_it_is(pair: tuple[FrameResult, FrameResult]) -> None:
    small, large = (sized_for_screen(result.frame) for result in pair)
    assert small is pair[0].frame
    assert large.shape[0] == large.shape[1] < SIDE
    assert large.shape[0] * large.shape[1] == pytest.approx(LARGE_PIXELS, rel=0.01)


@pytest.mark.parametrize("shape", [(750, 750), (2048, 2048)])
def test_a_frame_that_is_not_large_is_taken_pixel_by_pixel(shape: tuple[int, int]) -> None:
    assert FramePart.about(view_of(shape, None)).is_whole


@pytest.mark.parametrize("factor_and_radius", [(1, 900.0), (2, 1100.0), (3, 2300.0)])
def test_the_part_is_about_the_disc_and_no_finer_than_two_pixels_a_sample(
    factor_and_radius: tuple[int, float],
) -> None:
    factor, radius = factor_and_radius
    disc = Disc((2400.0, 2500.0), radius)
    part = FramePart.about(view_of((5000, 5003), disc))
    assert part.factor == factor
    assert max(part.shape) <= 2 * radius / factor + 8
    assert np.allclose(part.view(view_of((5000, 5003), disc)).catheter_centre, np.array(part.shape) / 2, atol=2)


@pytest.mark.parametrize(
    ("rows", "cols"),
    [(slice(0, 5000), slice(0, 5003)), (slice(101, 4702), slice(199, 4805)), (slice(1000, 2000), slice(4790, 5003))],
)
def test_a_frame_on_a_screen_is_where_its_pixels_are_in_the_part(rows: slice, cols: slice) -> None:
    view = replace(view_of((5000, 5003), Disc((2400.0, 2500.0), 2300.0)), part=(rows, cols))
    part = FramePart.about(view)
    drawn = np.zeros((5000, 5003), np.uint8)
    drawn[rows, cols] = 255
    of_part = np.zeros(part.shape, bool)
    seen = part.view(view).part
    assert seen is not None
    of_part[seen] = True
    np.testing.assert_array_equal(of_part, part.picture(drawn) > 0)


def test_an_outline_in_the_part_is_at_its_place_in_the_frame_to_a_fraction_of_a_pixel() -> None:
    centre, radius = (1700.0, 2600.0), 333.3
    part = FramePart.about(view_of((5000, 5003), Disc((2400.0, 2500.0), 2300.0)))
    row, col = part.point(centre)
    down, right = np.ogrid[: part.shape[0], : part.shape[1]]
    inside = radius / part.factor - np.hypot(down - row, right - col)
    mask = part.mask(np.clip(inside / 4 + 0.5, 0, 1).astype(np.float32))
    true = Disc(centre, radius).mask(5000, 5003)
    assert np.count_nonzero(mask != true) < 0.0005 * np.count_nonzero(true)


def test_a_thin_cap_drawn_in_the_part_ends_where_it_ends_in_the_frame() -> None:
    side, factor, centre, spacing = 3600, 4, 1803.3, 0.0015
    lipid = np.isin(np.arange(N_RAYS), [*range(20, 34), *range(91, 103)])
    masks = []
    for part in (FramePart((0, 0), (side, side), 1, (side, side)), FramePart((0, 0), (900, 900), factor, (side, side))):
        grid = RayGrid(part.shape, part.point((centre, centre)), 1750 / part.factor, part.frame_side_px, part.factor)
        lumen, front, back = (np.full(N_RAYS, radius / part.factor) for radius in (900.0, 925.0, 1300.0))
        [wall] = walls_behind([lumen], grid, part.spacing_mm(spacing))
        maps = {name: BoxedMap.nothing(part.shape) for name in ("lumen", "fibrous_cap", "lipid_core")}
        borders = Borders(lumen, wall, front, back, lipid)
        planes = draw_planes(maps, dict.fromkeys(maps, 0.5), borders, grid, None, part.spacing_mm(spacing))
        masks.append({name: part.mask_in_box(plane) for name, plane in planes.items()})
    whole, enlarged_back = masks
    for name, most in (("lumen", 0.0005), ("fibrous_cap", 0.005), ("lipid_core", 0.01)):
        differing = np.count_nonzero(whole[name] != enlarged_back[name])
        assert differing < most * np.count_nonzero(whole[name]), name


def test_values_of_the_part_come_to_their_pixels_of_the_frame_as_they_are() -> None:
    part = FramePart(corner=(1, 2), shape=(3, 2), factor=2, whole=(8, 7))
    values = np.array([[1, 2], [3, 4], [5, 6]], np.uint8)
    assert part.labels(values).tolist() == [
        [0] * 7,
        *[[0, 0, 1, 1, 2, 2, 2]] * 2,
        *[[0, 0, 3, 3, 4, 4, 4]] * 2,
        *[[0, 0, 5, 5, 6, 6, 6]] * 3,
    ]


def test_what_is_outlined_at_the_frames_last_pixels_is_outlined_to_the_last() -> None:
    part = FramePart.about(view_of((2999, 4003), None))  # neither side is a multiple of the factor
    assert part.factor > 1
    assert part.mask(np.ones(part.shape, np.float32)).all()
    assert (part.map(np.ones(part.shape, np.float32)) == 1).all()


def test_a_frame_of_the_largest_size_adds_no_planes_of_that_size(phantom: Phantom, tmp_path: Path) -> None:
    pictures = [tmp_path / "small.jpg", tmp_path / "largest.jpg"]
    for path, side in zip(pictures, (750, LARGEST_SIDE), strict=True):
        cv2.imwrite(str(path), enlarged(phantom.frame, side)[..., ::-1])
    done = python(["-c", ADDED, *map(str, pictures)], {**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    added_mb, rest = done.stdout.split(maxsplit=1)
    assert rest.strip() == f"({LARGEST_SIDE}, {LARGEST_SIDE}) None"
    assert float(added_mb) < ADDED_MB
