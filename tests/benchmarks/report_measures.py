"""How far the measures lie from the truth on drawn shapes, as the table of docs/measures.md.

    python -m tests.benchmarks.report_measures [--count N]

Each drawing is a round lumen and a lipid core under a cap, at a random place to a fraction of a pixel: every second
core lies off centre, so that its cap grows from one side to the other. The answers come from the formulae alone.
"""

import argparse

import numpy as np
from scipy.integrate import trapezoid

from octseg.measurement import measure
from tests.fakes import shapes

DISPLAYS = ((750, 0.00668), (1024, 0.00684), (704, 0.009957), (750, 0.0134))  # side in px, mm per px
KINDS = {"soft, 1 px": shapes.soft, "soft, 4 px": lambda shape: shapes.soft(shape, 4), "mask": shapes.mask}


def draw(rng: np.random.Generator, size: int, spacing_mm: float) -> tuple[dict[str, shapes.Shape], dict[str, float]]:
    """One drawing and its answers."""
    field_mm = size * spacing_mm
    centre = tuple((size - 1) / 2 + rng.uniform(-20, 20, 2))
    lumen_mm = rng.uniform(0.5, 0.2 * field_mm)
    cap_mm, depth_mm = rng.uniform(0.04, 0.3), rng.uniform(0.3, 0.6)
    off_mm = rng.choice([0.0, 1.0]) * rng.uniform(0, cap_mm - 0.03)
    direction, start_deg, extent_deg = rng.uniform(0, 2 * np.pi), rng.uniform(0, 360), rng.uniform(30, 330)
    shift = np.array([np.sin(direction), np.cos(direction)]) * off_mm / spacing_mm
    inner_mm = lumen_mm + cap_mm
    border = -shapes.disc(size, tuple(centre + shift), inner_mm / spacing_mm)
    rim = shapes.disc(size, centre, (inner_mm + off_mm + depth_mm) / spacing_mm)
    lipid = shapes.both(border, rim, shapes.wedge(size, centre, start_deg, extent_deg))
    drawing = {"lumen": shapes.disc(size, centre, lumen_mm / spacing_mm), "lipid_core": lipid}

    # From the lumen's centre, the border lies where a circle of radius `inner` about a point `off` away is met.
    def border_mm(angle: np.ndarray) -> np.ndarray:
        along = off_mm * np.cos(angle - direction)
        return along + np.sqrt(inner_mm**2 - off_mm**2 + along**2)

    angle = np.radians(np.linspace(start_deg, start_deg + extent_deg, 4001))
    outer_mm = inner_mm + off_mm + depth_mm
    area_mm2 = trapezoid((outer_mm**2 - border_mm(angle) ** 2) / 2, angle)
    angle = np.radians(np.linspace(start_deg + 5, start_deg + extent_deg - 5, 4001))
    wall = lumen_mm * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    nearest_mm = inner_mm - np.linalg.norm(wall - shift * spacing_mm, axis=1)
    half_window = 0.05 / lumen_mm / (angle[1] - angle[0])
    inside = np.arange(len(angle))[round(half_window) : len(angle) - round(half_window)]
    return drawing, {
        "lumen_area_mm2": np.pi * lumen_mm**2,
        "lipid_core_area_mm2": area_mm2,
        "lipid_arc_deg": extent_deg,
        "fibrous_cap_thickness_mean_um": 1000 * nearest_mm.mean(),
        "fibrous_cap_thickness_min_um": 1000 * nearest_mm[inside].min(),
        "fibrous_cap_thickness_radial_mean_um": 1000 * (border_mm(angle) - lumen_mm).mean(),
    }


def errors(size: int, spacing_mm: float, kind: str, count: int) -> dict[str, np.ndarray]:
    """Measured minus true, (count,) per measure; areas in percent of the true one."""
    rng = np.random.default_rng(1)
    found: dict[str, list[float]] = {}
    for _ in range(count):
        drawing, truth = draw(rng, size, spacing_mm)
        measures = measure({name: KINDS[kind](shape) for name, shape in drawing.items()}, spacing_mm)
        for name, value in truth.items():
            error = getattr(measures, name) - value
            found.setdefault(name, []).append(100 * error / value if "area" in name else error)
    return {name: np.array(values) for name, values in found.items()}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60, help="drawings per row (default 60)")
    count = parser.parse_args().count
    heads = ("lumen area, %", "lipid area, %", "arc, deg", "cap mean, um", "cap minimum, um", "radial mean, um")
    print("| frame, px | mm per px | map | " + " | ".join(heads) + " |")
    print("|" + "---|" * (3 + len(heads)))
    for size, spacing_mm in DISPLAYS:
        for kind in KINDS:
            cells = [
                f"{e.mean():+.2f} ± {e.std():.2f} ({np.abs(e).max():.2f})"
                for e in errors(size, spacing_mm, kind, count).values()
            ]
            print(f"| {size} | {spacing_mm:g} | {kind} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
