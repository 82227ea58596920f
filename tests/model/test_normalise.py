"""Grey levels to three channels: their slope with depth is a line's, whatever its height, and has no seam."""

import pytest
import torch

from octseg.model.normalise import MOST_SLOPE, Normalise

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INSIDE = slice(24, -24)  # of the columns: further than the slope looks


def ramp(per_column: float, start: float = 10.0) -> torch.Tensor:
    """(1, 32, 120) levels that rise evenly with depth."""
    return (start + per_column * torch.arange(120.0)).expand(1, 32, 120)


def slope(levels: torch.Tensor, *, circular: bool = False) -> torch.Tensor:
    """The third channel (rows, columns)."""
    return Normalise(MEAN, STD, slope=True, circular=circular)(levels)[0, 2]


@pytest.mark.parametrize("per_column", [0.0, 1.5, -2.0])
@pytest.mark.parametrize("start", [0.0, 40.0])
def test_the_slope_of_a_line_is_its_own_at_any_brightness(per_column: float, start: float) -> None:
    torch.testing.assert_close(
        slope(ramp(per_column, start))[:, INSIDE], torch.full((32, 72), per_column), atol=1e-4, rtol=0
    )


def test_a_slope_is_cut_off_where_it_is_too_steep() -> None:
    assert slope(ramp(4.0))[:, INSIDE].unique().tolist() == [MOST_SLOPE]


def test_the_other_channels_are_the_levels_as_without_it() -> None:
    levels = torch.randint(0, 256, (2, 32, 64), dtype=torch.uint8)
    plain, with_slope = Normalise(MEAN, STD)(levels), Normalise(MEAN, STD, slope=True)(levels)
    assert torch.equal(plain[:, :2], with_slope[:, :2])
    assert not torch.equal(plain[:, 2], with_slope[:, 2])


def test_rows_that_go_around_have_no_seam() -> None:
    levels = torch.randint(0, 256, (1, 32, 64), dtype=torch.uint8)
    turned = slope(levels.roll(5, dims=1), circular=True)
    torch.testing.assert_close(turned, slope(levels, circular=True).roll(5, dims=0))
