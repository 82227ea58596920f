"""One spec to one phantom: frame, masks and truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.phantom.display import frame_of
from octseg.phantom.geometry import anatomy, masks
from octseg.phantom.optics import a_lines
from octseg.phantom.sampling import random_spec
from octseg.phantom.spec import PhantomSpec
from octseg.phantom.truth import Truth, truth


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """A frame and all that is known of it.

    frame: (H, W, 3) uint8 RGB. masks: one (H, W) bool plane for each of `octseg.classes.CLASS_NAMES`.
    catheter_centre: (row, col) in pixels, pixel centres at whole numbers.
    """

    frame: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]
    pixel_spacing_mm: float
    catheter_centre: tuple[float, float]
    truth: Truth
    spec: PhantomSpec


def render(spec: PhantomSpec) -> Phantom:
    """Make the phantom that `spec` describes; the same spec gives the same bits."""
    shown = anatomy(spec)
    real = anatomy(spec, shown=False) if spec.nurd_deg else shown
    middle = (spec.size_px - 1) / 2
    return Phantom(
        frame=frame_of(spec, a_lines(spec, real)),
        masks=masks(spec, shown),
        pixel_spacing_mm=spec.pixel_spacing_mm,
        catheter_centre=(middle, middle),
        truth=truth(spec, shown),
        spec=spec,
    )


def make_phantom(seed: int) -> Phantom:
    """A phantom of a vessel drawn at random by `random_spec`."""
    return render(random_spec(seed))
