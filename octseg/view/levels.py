"""Whether a frame's grey levels are those that models know: a frame that was changed in between is measured wrongly."""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.grey import Grey

# Of the disc. In 195 real frames the darkest quarter reaches 13 to 21 and in 440 phantoms 9 to 29, the darkest tenth up
# to 21, all but the brightest twentieth 28 to 216, and all but the brightest hundredth 133 and more. At a gamma of 2.2
# the quarter reaches 3, at 1 / 2.2 the tenth 50; where levels are linear, the last hundredth begins at 59.
LEAST_QUARTER, MOST_TENTH, LEAST_BRIGHT, MOST_BRIGHT = 6, 35, 100, 240


def unlike(grey: Grey, imaged: NDArray[np.bool_] | None) -> tuple[str, ...]:
    """A sentence where cleaned grey levels (H, W) on the disc `imaged` (H, W) are unlike those of frames, else none."""
    if imaged is None:
        return ()
    counts = cv2.calcHist([grey], [0], imaged.view(np.uint8), [256], [0, 256]).ravel()
    reached = np.searchsorted(np.cumsum(counts), np.array([0.1, 0.25, 0.95, 0.99]) * counts.sum())
    tenth, quarter, bright, brightest = (int(level) for level in reached)
    if quarter <= LEAST_QUARTER:
        seen = f"its darkest quarter ends at {quarter} of 255, not at 9 to 29, as after a gamma or where black was cut"
    elif tenth >= MOST_TENTH:
        seen = f"its darkest tenth ends at {tenth} of 255, not at 3 to 21, as after a gamma or a logarithm"
    elif brightest <= LEAST_BRIGHT:
        seen = f"its brightest hundredth begins at {brightest} of 255, not at 133 or more, as where levels are linear"
    elif bright >= MOST_BRIGHT:
        seen = f"its brightest twentieth begins at {bright} of 255, not at 28 to 216, as where levels were clipped"
    else:
        return ()
    return (
        f"The grey levels of this frame are unlike those that models know: {seen}. Lipid may be missed or seen where "
        "there is none; give the frame as the console exports it.",
    )
