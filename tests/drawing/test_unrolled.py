import numpy as np
import pytest

from octseg.drawing.unrolled import N_RADII, N_RAYS, CutRays


@pytest.mark.parametrize("size", [(300, 300), (1024, 1024), (700, 1200)])
@pytest.mark.parametrize(("degrees", "part"), [(0, 0.5), (93, 0.8), (207, 0.3), (354, 0.6)])
def test_a_bright_spot_lies_on_its_ray_at_its_distance(size: tuple[int, int], degrees: float, part: float) -> None:
    height, width = size
    centre, radius = (height * 0.48, width * 0.51), min(size) * 0.45
    turn = np.radians(degrees)
    row, col = np.ogrid[:height, :width]
    away = np.hypot(row - centre[0] - part * radius * np.sin(turn), col - centre[1] - part * radius * np.cos(turn))
    frame = np.repeat((np.exp(-((away / (radius * 0.03)) ** 2)) * 255)[..., None], 3, axis=2).astype(np.uint8)
    rays = CutRays(centre, radius).of(frame)
    assert rays.shape == (N_RAYS, N_RADII)
    ray, place = np.unravel_index(rays.argmax(), rays.shape)
    assert ray * 360 / N_RAYS == pytest.approx(degrees, abs=3.1)
    assert (place + 0.5) / N_RADII == pytest.approx(part, abs=0.02)


def test_rays_go_about_the_catheter_to_the_rim() -> None:
    row, col = np.ogrid[:400, :600]
    disc = np.hypot(row - 200, col - 350) <= 150
    assert CutRays.about((200.0, 350.0), disc, (400, 600)) == CutRays((200.0, 350.0), 150.5)
    assert CutRays.about(None, disc, (400, 600)) == CutRays((200.0, 350.0), 150.5)


def test_of_a_frame_without_a_disc_they_go_about_its_middle() -> None:
    assert CutRays.about(None, None, (301, 401)) == CutRays((150.0, 200.0), 150.5)


def test_of_a_disc_that_the_frame_cuts_off_they_still_go_about_the_catheter() -> None:
    row, col = np.ogrid[:300, :400]
    disc = np.hypot(row - 100, col - 200) <= 150
    assert CutRays.about((100.0, 200.0), disc, (300, 400)).centre == (100.0, 200.0)


@pytest.mark.parametrize("far", [(5.0, 50.0), (50.0, 95.0)])
def test_beside_the_frame_the_rays_see_black(far: tuple[float, float]) -> None:
    rays = CutRays(far, 150.0)
    before = rays.of(np.full((101, 101, 3), 255, np.uint8))
    del before  # what memory may hold
    along = rays.of(np.full((101, 101, 3), 90, np.uint8))
    assert set(np.unique(along)) <= {0, 90}
    assert (along[:, -1] == 0).all()
