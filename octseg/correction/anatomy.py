"""What a stroke may make of what, unless its reader overrules it: only lumen in the lumen, the cap before lipid.

A border that is dragged moves what lies on both sides of it: there the cap may give way to lipid, and the lumen to the
cap.
"""

from collections.abc import Sequence

from octseg.classes import PALETTE_INDEX
from octseg.correction.runs import steps
from octseg.errors import CorrectionError

LUMEN, CAP, LIPID, VASA = (PALETTE_INDEX[name] for name in ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"))
Steps = frozenset[tuple[int, int]]
DRAGGED: Steps = frozenset({(LUMEN, LIPID), (LUMEN, VASA)})  # from what to what nothing leads
PAINTED: Steps = DRAGGED | {(LUMEN, CAP), (CAP, LIPID)}
WHY = "tissue in the lumen, or lipid in place of its cap, is drawn only where Overrule anatomy is on"


def check(kind: str, runs: Sequence[int]) -> None:
    """CorrectionError where a stroke of a kind breaks the anatomy."""
    if steps(runs) & (DRAGGED if kind == "drag" else PAINTED):
        raise CorrectionError(WHY)
