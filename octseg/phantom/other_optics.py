"""The same vessels through instruments that no training saw: how far a model carries over, with an exact truth.

Drawn evenly, each outside of what `random_spec` draws (in brackets), so that a phantom is never like those trained on:

* axial resolution 15 to 22 um (10 to 14.5), lateral 14 to 22 um (10.5 to 13), blur of the export 0.8 to 1.6 px
  (0.35 to 0.65), noise 2 to 4 (0.9 to 1.6)
* slope of the log compression 13 to 15 or 20 to 23 grey levels per neper (16.3 to 18.3), gain times 0.4 to 0.6 or 1.8
  to 2.5 of 4000 (most within 0.64 to 1.57)
* focus 0.6 to 0.9 or 2 to 2.8 mm from the catheter (1 to 1.8), Rayleigh length 0.6 to 0.9 or 2.4 to 3.5 mm (1 to 2.2)
* light scattered forward 0.01 to 0.025 or 0.22 to 0.4 (0.03 to 0.2)
* attenuation per mm of the intima 0.9 to 1.4 or 7.2 to 9 (1.5 to 7), of lipid 2.2 to 2.9 or 25 to 32 (3 to 24)

Half of them bear no ruler, half are grey, and half of those at 5 mm zoom and at 7 are shown at 7 and at 10 mm. Outlines
are the vessel's own; in pixels they go by the zoom.
"""

from dataclasses import replace

import numpy as np

from octseg.phantom.sampling import FIELDS_MM
from octseg.phantom.spec import Optics, PhantomSpec


def other_optics(spec: PhantomSpec, seed: int) -> PhantomSpec:
    """The vessel of `spec` through other optics; the same seed gives the same."""
    rng = np.random.default_rng([seed, 0x0771C5])
    wider = FIELDS_MM[min(FIELDS_MM.index(spec.field_mm) + 1, 2)] if spec.field_mm in FIELDS_MM else spec.field_mm
    return replace(
        spec,
        field_mm=wider if rng.random() < 0.5 else spec.field_mm,
        wall=replace(spec.wall, intima_attenuation_per_mm=_either(rng, (0.9, 1.4), (7.2, 9.0))),
        lipid_pools=tuple(
            replace(pool, attenuation_per_mm=_either(rng, (2.2, 2.9), (25.0, 32.0))) for pool in spec.lipid_pools
        ),
        optics=_optics(rng),
        ruler=bool(rng.random() < 0.5),
        colouring="grey" if rng.random() < 0.5 else "sepia",
    )


def _optics(rng: np.random.Generator) -> Optics:
    return Optics(
        axial_resolution_um=float(rng.uniform(15, 22)),
        lateral_resolution_um=float(rng.uniform(14, 22)),
        focus_mm=_either(rng, (0.6, 0.9), (2.0, 2.8)),
        rayleigh_mm=_either(rng, (0.6, 0.9), (2.4, 3.5)),
        blur_px=float(rng.uniform(0.8, 1.6)),
        speckle_shape=float(rng.uniform(18, 60)),
        forward_scattering=_either(rng, (0.01, 0.025), (0.22, 0.4)),
        gain=4000.0 * _either(rng, (0.4, 0.6), (1.8, 2.5)),
        noise=float(rng.uniform(2, 4)),
        grey_per_neper=_either(rng, (13.0, 15.0), (20.0, 23.0)),
    )


def _either(rng: np.random.Generator, low: tuple[float, float], high: tuple[float, float]) -> float:
    """Evenly from one of two ranges."""
    return float(rng.uniform(*(low if rng.random() < 0.5 else high)))
