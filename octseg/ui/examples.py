"""The examples on the page: phantoms, drawn by octseg.phantom, so that no patient's frame is shipped.

`python -m octseg.ui.examples` draws them again into octseg/ui/examples, and writes beside them what is true of each.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from octseg.drawing.screen import encode_jpeg
from octseg.measurement.frame import FrameMeasures
from octseg.phantom import GuideWire, Harmonic, LipidPool, Microvessel, PhantomSpec, Truth, Wall, render
from octseg.ui.markup import text

FOLDER = Path(__file__).parent / "examples"
TRUTH = FOLDER / "truth.json"  # SHA-256 of an example's file: its true value of each measure that a phantom knows
FRAME_QUALITY = 92
THUMBNAIL_PX = 176


@dataclass(frozen=True)
class Example:
    """One phantom: `file` in the folder of examples, the name that the page shows, and how it is drawn."""

    file: str
    name: str
    spec: PhantomSpec


def pool(centre_deg: float, arc_deg: float, cap_um: float) -> LipidPool:
    """A lipid pool under a cap that is a half thicker at its ends, as deep as the pools of random vessels are.

    Its bottom lies deeper than lipid counts: of a shallow pool it lies in the dark, where nobody could find it.
    """
    return LipidPool(
        centre_deg=centre_deg,
        arc_deg=arc_deg,
        cap_min_um=cap_um,
        cap_max_um=1.5 * cap_um,
        thickness_um=1500,
        attenuation_per_mm=8.0,
        backscatter_per_mm=4.0,
        unevenness_um=0.1 * cap_um,
    )


def ripples(seed: int) -> tuple[Harmonic, ...]:
    """A lumen that is not quite round, as those of random vessels are."""
    rng = np.random.default_rng(seed)
    return tuple(
        Harmonic(order=order, amplitude=float(rng.uniform(0, 0.05) / (order - 1)), phase_deg=float(rng.uniform(0, 360)))
        for order in range(3, 9)
    )


EXAMPLES: tuple[Example, ...] = (
    Example(
        "thick_cap_120_degrees.jpg",
        "Thick cap, 120 degrees",
        PhantomSpec(
            seed=11,
            lumen_harmonics=ripples(11),
            nurd_deg=1.5,
            wall=Wall(plaque_um=500, plaque_deg=200),
            lipid_pools=(pool(200, 120, 220),),
            guide_wire=GuideWire(centre_deg=20, distance_mm=0.75),
        ),
    ),
    Example(
        "thin_cap_200_degrees.jpg",
        "Thin cap, 200 degrees",
        PhantomSpec(
            seed=12,
            lumen_harmonics=ripples(12),
            nurd_deg=1.5,
            lumen_radius_mm=1.2,
            lumen_offset_deg=90,
            wall=Wall(plaque_um=600, plaque_deg=300),
            lipid_pools=(pool(300, 200, 60),),
            guide_wire=GuideWire(centre_deg=120, distance_mm=0.7),
        ),
    ),
    Example(
        "two_cores.jpg",
        "Two cores and a vessel",
        PhantomSpec(
            seed=13,
            lumen_harmonics=ripples(13),
            nurd_deg=1.5,
            lumen_radius_mm=1.5,
            wall=Wall(plaque_um=450, plaque_deg=70),
            lipid_pools=(pool(60, 80, 120), pool(210, 60, 180)),
            microvessels=(Microvessel(centre_deg=330, depth_um=420, width_um=260, height_um=120),),
            guide_wire=GuideWire(centre_deg=140, distance_mm=0.75),
        ),
    ),
    Example(
        "no_lipid.jpg",
        "No lipid",
        PhantomSpec(
            seed=14,
            lumen_harmonics=ripples(14),
            nurd_deg=1.5,
            lumen_radius_mm=1.7,
            wall=Wall(intima_um=260),
            guide_wire=GuideWire(centre_deg=250, distance_mm=0.8),
        ),
    ),
)


def examples_html() -> str:
    """The examples as buttons with a small picture each."""
    buttons = "".join(
        f'<button type="button" data-example="{text(example.file)}"><img alt="" src="{_thumbnail(example)}">'
        f"{text(example.name)}</button>"
        for example in EXAMPLES
    )
    return f'<div class="oct-examples"><h2>Or try a phantom</h2>{buttons}</div>'


def _thumbnail(example: Example) -> str:
    with Image.open(FOLDER / example.file) as frame:
        small = frame.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    jpeg = encode_jpeg(np.asarray(small, np.uint8), quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def true_values(file: Path) -> dict[str, float | None] | None:
    """What is true of an example, by measure, None for what it does not have; None for any file but an example's."""
    return _truths().get(_sha256(file))


@cache
def _truths() -> dict[str, dict[str, float | None]]:
    truths: dict[str, dict[str, float | None]] = json.loads(TRUTH.read_text(encoding="utf-8"))
    return truths


def measures_known(truth: Truth) -> dict[str, float | None]:
    """Those of a phantom's true values that are measured in frames, by the names of FrameMeasures."""
    measured = {field.name for field in fields(FrameMeasures)}
    return {name: value for name, value in asdict(truth).items() if name in measured}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main() -> None:
    """Draw every example into its file, and write what is true of it."""
    FOLDER.mkdir(exist_ok=True)
    truths = {}
    for example in EXAMPLES:
        phantom, file = render(example.spec), FOLDER / example.file
        file.write_bytes(encode_jpeg(phantom.frame, FRAME_QUALITY))
        truths[_sha256(file)] = measures_known(phantom.truth)
    TRUTH.write_text(json.dumps(truths, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
