"""The criteria of a thin-cap fibroatheroma in one frame: a cap under 65 um over a lipid arc of over 90 degrees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CAP_UM = 65.0
ARC_DEG = 90.0


@dataclass(frozen=True)
class Criteria:
    """Cap and arc minus their thresholds, both of one core; met where the first is below 0 and the second above."""

    met: bool | None
    cap_margin_um: float | None
    arc_margin_deg: float


def frame_criteria(arcs_deg: Sequence[float], caps_um: Sequence[float | None]) -> Criteria:
    """Judge a frame by its cores, each with its arc and its minimum cap thickness, None where that is not known.

    The core judged is the one under the thinnest cap among those wide enough, else the widest. `met` is None where a
    core is wide enough and its cap not known, unless another core meets both.
    """
    if not arcs_deg:
        return Criteria(False, None, -ARC_DEG)
    cores = list(zip(arcs_deg, caps_um, strict=True))
    wide = [core for core in cores if core[0] > ARC_DEG]
    if not wide:
        arc, cap = max(cores, key=lambda core: core[0])
        return Criteria(False, None if cap is None else cap - CAP_UM, arc - ARC_DEG)
    arc, cap = min(wide, key=lambda core: np.inf if core[1] is None else core[1])
    if cap is not None and cap < CAP_UM:
        return Criteria(True, cap - CAP_UM, arc - ARC_DEG)
    known = all(core[1] is not None for core in wide)
    return Criteria(False if known else None, None if cap is None else cap - CAP_UM, arc - ARC_DEG)
