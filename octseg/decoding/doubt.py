"""Where other looks at a frame outline it otherwise: a sign of where its outlines are not sure, and no proof of error.

Where all looks agree they may all be wrong alike.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.classes import BY_NAME, PALETTE_INDEX

ALL = 255  # of a share: every look
OUTLINED = 0.5

Labels = NDArray[np.uint8]  # (H, W) palette indices


def labels_of(planes: Mapping[str, BoxedMap], shape: tuple[int, int]) -> Labels:
    """Planes in [0, 1] of a frame (H, W), by class name, as palette indices."""
    labels = np.zeros(shape, np.uint8)
    for name in sorted(planes, key=lambda name: BY_NAME[name].priority):
        plane = planes[name]
        labels[plane.part][plane.values >= OUTLINED] = PALETTE_INDEX[name]
    return labels


def share_that_differs(labels: Labels, others: Sequence[Labels]) -> NDArray[np.uint8]:
    """At each pixel (H, W) of how many of the others the label is another one, as a share; ALL is all of them."""
    count = np.zeros(labels.shape, np.uint8)
    for other in others:
        count += other != labels
    steps = np.rint(np.arange(len(others) + 1) * (ALL / max(1, len(others)))).astype(np.uint8)
    return np.asarray(steps[count], np.uint8)
