"""Frames made by OCT physics, with exact masks and measures: for tests, for training and as examples.

```python
phantom = make_phantom(seed=1)
phantom.frame, phantom.masks["lipid_core"], phantom.truth.lipid_arc_deg
```
"""

from octseg.phantom.exports import ScaleBar, as_export
from octseg.phantom.other_optics import other_optics
from octseg.phantom.pullback import Narrowing, Plaque, PullbackSpec, VesselTruth, random_pullback
from octseg.phantom.rendering import Phantom, make_phantom, render
from octseg.phantom.sampling import random_spec
from octseg.phantom.spec import (
    Calcium,
    GuideWire,
    Harmonic,
    LipidPool,
    Macrophages,
    Microvessel,
    Optics,
    PhantomSpec,
    Sheath,
    SideBranch,
    Wall,
)
from octseg.phantom.truth import Truth
from octseg.phantom.writing import write_phantoms, write_pullbacks

__all__ = [
    "Calcium",
    "GuideWire",
    "Harmonic",
    "LipidPool",
    "Macrophages",
    "Microvessel",
    "Narrowing",
    "Optics",
    "Phantom",
    "PhantomSpec",
    "Plaque",
    "PullbackSpec",
    "ScaleBar",
    "Sheath",
    "SideBranch",
    "Truth",
    "VesselTruth",
    "Wall",
    "as_export",
    "make_phantom",
    "other_optics",
    "random_pullback",
    "random_spec",
    "render",
    "write_phantoms",
    "write_pullbacks",
]
