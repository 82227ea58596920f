"""The criteria of a thin-cap fibroatheroma in one frame: a cap under 65 um over a lipid arc of over 90 degrees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CAP_UM = 65.0
ARC_DEG = 90.0
Ends = Sequence[float]  # low and high of a margin's 95 % interval


@dataclass(frozen=True)
class Criteria:
    """Cap and arc minus their thresholds, both of one core; met where the first is below 0 and the second above.

    core: which of the cores given is judged, None where there is none.
    """

    met: bool | None
    cap_margin_um: float | None
    arc_margin_deg: float
    core: int | None


def frame_criteria(arcs_deg: Sequence[float], caps_um: Sequence[float | None]) -> Criteria:
    """Judge a frame by its cores, each with its arc and its minimum cap thickness, None where that is not known.

    The core judged is the one under the thinnest cap among those wide enough, else the widest. `met` is None where a
    core is wide enough and its cap not known, unless another core meets both.
    """
    if not arcs_deg:
        return Criteria(False, None, -ARC_DEG, None)
    wide = [core for core, arc in enumerate(arcs_deg) if arc > ARC_DEG]
    judged = min(wide, key=lambda core: _or_inf(caps_um[core])) if wide else int(np.argmax(arcs_deg))
    cap = caps_um[judged]
    met: bool | None = bool(wide) and _or_inf(cap) < CAP_UM
    if not met and any(caps_um[core] is None for core in wide):
        met = None
    return Criteria(met, None if cap is None else cap - CAP_UM, arcs_deg[judged] - ARC_DEG, judged)


def _or_inf(cap_um: float | None) -> float:
    return math.inf if cap_um is None else cap_um


def holds_limit(margin: Ends | None) -> bool:
    """Whether the 95 % interval of a margin holds its limit, which lies at 0; not where there is no interval."""
    return margin is not None and margin[0] <= 0 <= margin[1]


def is_undecided(meets: bool, cap_um: Ends | None, arc_deg: Ends | None) -> bool:
    """Whether the 95 % intervals of the judged core's two margins leave open what `meets` says of it.

    Both criteria must hold, so one that is missed for sure decides.
    """
    missed = (cap_um is not None and cap_um[0] > 0) or (arc_deg is not None and arc_deg[1] < 0)
    return (meets or not missed) and (holds_limit(cap_um) or holds_limit(arc_deg))
