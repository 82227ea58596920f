"""What becomes of OCT frames on screens, pages and photographs.

    python -m tests.benchmarks.report_captures [--count N] [--only KIND]

Prints a Markdown table: of each kind of capture, how many were measured rightly (the disc within 2 % of where it is,
the scale within 2 % or none, the true lumen kept), how many were refused, and how many were measured wrongly.
"""

import argparse
import time
from collections import Counter

import numpy as np

from octseg.decoding.withdrawal import why_withdrawn
from octseg.phantom import Phantom, random_spec, render
from octseg.view import find_pixel_scale
from octseg.view.preprocessing import view_frame
from tests.fakes.captures import CAPTURES, Draw

FIRST_SEED = 310_000
TOLERANCE = 0.02


def outcome(draw: Draw, made: Phantom, rng: np.random.Generator) -> str:
    """ "right", "wrong: what", or "refused: why" for one capture of a phantom."""
    capture = draw(made.frame, rng)
    view = view_frame(capture.picture)
    scale = find_pixel_scale(capture.picture, ruler=view.ruler).pixel_spacing_mm
    why = why_withdrawn(capture.picture, view, capture.place(made.masks["lumen"]), scale)
    if why is not None:
        return f"refused: {why[:60]}"
    side = made.frame.shape[0] * capture.times
    middle = np.array([capture.top, capture.left]) + (side - 1) / 2
    if view.disc is None:
        return "wrong: no disc"
    off = np.hypot(*(np.array(view.disc.centre) - middle)) / side
    if off > TOLERANCE / 2 or abs(2 * view.disc.radius_px / side - 1) > TOLERANCE:
        return f"wrong: disc off by {off:.2f}, {2 * view.disc.radius_px / side:.2f} times as wide"
    if np.hypot(*(np.array(view.catheter_centre) - middle)) > 0.1 * side:
        return "wrong: catheter"
    if scale is not None and abs(scale * capture.times / made.spec.pixel_spacing_mm - 1) > TOLERANCE:
        return f"wrong: scale {scale * capture.times / made.spec.pixel_spacing_mm:.3f}"
    return "right" if scale is not None or not made.spec.ruler else "right, scale lost"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4, help="phantoms of each kind: half with a ruler, half in grey")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    options = parser.parse_args()
    specs = [
        random_spec(FIRST_SEED + k, ruler=k % 2 == 0, colouring="grey" if k % 4 >= 2 else "sepia")
        for k in range(options.count)
    ]
    phantoms = [render(spec) for spec in specs]
    print("| capture | right | refused | wrong | what |\n|---|---|---|---|---|")
    total = Counter[str]()
    start = time.process_time()
    for kind, draw in CAPTURES.items():
        if options.only in kind:
            found = [outcome(draw, made, np.random.default_rng(k)) for k, made in enumerate(phantoms)]
            counts = Counter(each.split(":")[0].split(",")[0] for each in found)
            total += counts
            others = "; ".join(sorted({each for each in found if each != "right"}))
            print(f"| {kind} | {counts['right']} | {counts['refused']} | {counts['wrong']} | {others} |", flush=True)
    print(f"\n{dict(total)}, {time.process_time() - start:.0f} s of one core")


if __name__ == "__main__":
    main()
