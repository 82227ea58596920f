"""Probability to outlines under the anatomy that a catheter sees: along each ray lumen, then cap, then lipid core.

The lumen is one, about the catheter. Lipid lies behind it, under a cap or not, as deep as lipid counts and no deeper.
Borders are found along rays (borders.py) and drawn into the frame (planes.py). Vasa vasorum, which are no layer, are
what their map says, outside the lumen.
"""

from collections.abc import Mapping, Sequence

from octseg.boxed import BoxedMap
from octseg.decoding.borders import Levels, find_borders
from octseg.decoding.planes import draw_planes
from octseg.decoding.rays import RayGrid
from octseg.view.disc import Disc


def decode(
    probabilities: Sequence[Mapping[str, BoxedMap]],
    levels: Levels,
    grid: RayGrid,
    disc: Disc | None,
    pixel_spacing_mm: float | None,
) -> list[dict[str, BoxedMap]]:
    """The planes that are drawn, measured and exported, of each variant of one frame's maps; outlined where 0.5.

    Args:
        probabilities: class name -> its map, for each variant; all have the same classes. What `least_that_tells` may
            be left out of a map's box.
        levels: what counts as found.
        grid: rays about the catheter to the farthest rim.
        disc: where the frame is imaged; None where all of it is.

    Returns:
        class name -> plane in [0, 1], in the order given, in a box that leaves room for measures about its outline.
    """
    borders = find_borders(probabilities, levels, grid, disc, pixel_spacing_mm)
    return [
        draw_planes(maps, levels.thresholds, of_variant, grid, disc, pixel_spacing_mm)
        for maps, of_variant in zip(probabilities, borders, strict=True)
    ]
