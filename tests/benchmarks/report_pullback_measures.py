"""How far measures along the vessel lie from the truth when every mask is right, as the table of docs/measures.md.

    python -m tests.benchmarks.report_pullback_measures [--count N] [--frames F] [--size PX]

Phantom pullbacks of seeds 0 to N - 1: once with a heart that stands still, held against the vessel's truth, once as it
beats, held against that and against the sum of what the frames truly show. Masks are the phantoms' own, and no
frame is drawn.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from octseg.measurement import PullbackMeasures, measure_pullback
from octseg.measurement.pullback import StretchMeasures
from octseg.phantom import PullbackSpec, VesselTruth, random_pullback
from octseg.phantom.geometry import anatomy
from octseg.phantom.truth import truth
from tests.fakes.outlined import perfect

Row = dict[str, float]


def shown_volume_mm3(vessel: PullbackSpec) -> float:
    """Of the frames' true areas, each as thick as frames lie apart."""
    specs = (vessel.spec(number) for number in range(1, vessel.frame_count + 1))
    return vessel.frame_spacing_mm * sum(truth(spec, anatomy(spec)).lipid_core_area_mm2 for spec in specs)


def errors(vessel: PullbackSpec, found: StretchMeasures, true: VesselTruth) -> Row:
    """Of one pullback: the greatest of its plaques where there are several."""
    plaques = sorted(found.plaques, key=lambda plaque: plaque.first_frame)
    row: Row = {
        "plaques missed or split": abs(len(plaques) - len(true.plaques)),
        "MLA, %": 100 * (found.minimum_lumen_area_mm2 / true.minimum_lumen_area_mm2 - 1),
        "MLA's place, frames": (found.minimum_lumen_area_position_mm - true.minimum_lumen_area_position_mm)
        / vessel.frame_spacing_mm
        + 0.5,
        "volume, %": 100 * (found.lipid_volume_mm3 / true.lipid_volume_mm3 - 1),
    }
    if not row["plaques missed or split"]:
        pairs = list(zip(plaques, true.plaques, strict=True))
        of_plaques = {
            "plaque's length, frames": [(f.lipid_length_mm - t.length_mm) / vessel.frame_spacing_mm for f, t in pairs],
            "plaque's volume, %": [100 * (f.lipid_volume_mm3 / t.volume_mm3 - 1) for f, t in pairs],
            "widest arc, deg": [f.lipid_arc_max_deg - t.arc_max_deg for f, t in pairs],
            "thinnest cap, um": [f.fibrous_cap_thickness_min_um - t.cap_min_um for f, t in pairs],
        }
        row |= {name: max(values, key=abs) for name, values in of_plaques.items()}
    return row


def measured(vessel: PullbackSpec) -> tuple[PullbackMeasures, float]:
    """Measures, and how long they took of all that was kept of the frames, in s."""
    kept = list(perfect(vessel))
    start = time.perf_counter()
    return measure_pullback(kept, vessel.frame_spacing_mm), time.perf_counter() - start


def table(title: str, rows: list[Row]) -> None:
    """Mean, spread and the largest of each error."""
    print(f"\n| {title} | mean ± sd | largest |\n|---|---|---|")
    for name in rows[0] if rows else ():
        values = np.array([row[name] for row in rows if name in row])
        print(f"| {name} | {values.mean():+.2f} ± {values.std():.2f} | {np.abs(values).max():.2f} |")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--size", type=int, default=704)
    asked = parser.parse_args()
    still: list[Row] = []
    beating: list[Row] = []
    shown: list[Row] = []
    seconds: list[float] = []
    for seed in range(asked.count):
        vessel = random_pullback(seed, asked.frames, size_px=asked.size)
        at_rest = replace(vessel, heart_mm=0.0)
        found, took = measured(at_rest)
        seconds.append(took)
        still.append(errors(at_rest, found.whole, at_rest.truth()))
        found, _ = measured(vessel)
        beating.append(errors(vessel, found.whole, vessel.truth()))
        shown.append(
            {"volume as frames show it, %": 100 * (found.whole.lipid_volume_mm3 / shown_volume_mm3(vessel) - 1)}
        )
    table(f"the heart stands still, {asked.count} pullbacks of {asked.frames} frames", still)
    table("it moves the vessel by 0.2 to 0.6 mm to either side", beating)
    table("the same, against what frames show", shown)
    print(f"\nmeasuring along the vessel: {1000 * np.mean(seconds):.0f} ms for {asked.frames} frames")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
