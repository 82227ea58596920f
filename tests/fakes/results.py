"""Results that tests are made of, without a network: two lipid cores, and a frame of which nothing is said."""

import numpy as np

from octseg.measurement import FrameMeasures
from octseg.measurement.cores import CoreMeasures
from octseg.pullback import PixelScale
from octseg.result import FrameResult, ModelIdentity

WIDE = CoreMeasures(
    start_deg=20.0,
    arc_deg=98.0,
    area_px=20000.0,
    area_mm2=1.75,
    fibrous_cap_thickness_min_um=39.0,
    meets_tcfa_criteria=True,
    tcfa_cap_margin_um=-26.0,
    tcfa_arc_margin_deg=8.0,
)
NARROW = CoreMeasures(
    start_deg=200.0,
    arc_deg=59.0,
    area_px=9000.0,
    area_mm2=0.75,
    meets_tcfa_criteria=False,
    tcfa_arc_margin_deg=-31.0,
)
TWO_CORES = FrameMeasures(
    lipid_core_area_mm2=2.5,
    lipid_arc_deg=157.0,
    lipid_arc_widest_deg=98.0,
    fibrous_cap_thickness_min_um=39.0,
    meets_tcfa_criteria=True,
    tcfa_core=0,
    lipid_cores=(WIDE, NARROW),
)
REASON = "The lumen reaches the edge of the picture all around"


def withdrawn_result() -> FrameResult:
    """A frame of which nothing is said: no outlines, no numbers."""
    empty = np.zeros((300, 400), bool)
    return FrameResult(
        name="photo",
        file="photo.png",
        frame=np.full((300, 400, 3), 100, np.uint8),
        masks=dict.fromkeys(("lumen", "lipid_core"), empty),
        probabilities=dict.fromkeys(("lumen", "lipid_core"), empty.astype(np.float32)),
        measures=FrameMeasures(),
        scale=PixelScale(),
        device="cpu",
        backend="torch",
        model=ModelIdentity(name="bundled", source="bundled", sha256="ab" * 32),
        withdrawn=REASON,
    )
