"""A drawn vessel of known measures: a round lumen and a sector of lipid core behind it."""

import numpy as np

from tests.fakes import shapes

SIZE = 704
SPACING_MM = 7 / 704
MM = 1 / SPACING_MM  # pixels per mm
CENTRE = (352.3, 350.8)

Maps = dict[str, np.ndarray]


def frame(
    lipid: shapes.Shape | None = None, lumen_mm: float = 1.4, drawn: str = "soft", **others: shapes.Shape
) -> Maps:
    """A round lumen with, by default, lipid core from 30 to 150 degrees, 0.5 mm deep under a cap of 60 um."""
    core = sector(1.46, 1.96, 30, 120) if lipid is None else lipid
    drawings = {"lumen": shapes.disc(SIZE, CENTRE, lumen_mm * MM), "lipid_core": core, **others}
    return {name: getattr(shapes, drawn)(shape) for name, shape in drawings.items()}


def sector(inner_mm: float, outer_mm: float, start_deg: float, extent_deg: float) -> shapes.Shape:
    return shapes.sector(SIZE, CENTRE, inner_mm * MM, outer_mm * MM, start_deg, extent_deg)


def nothing() -> np.ndarray:
    return np.zeros((SIZE, SIZE), np.float32)
