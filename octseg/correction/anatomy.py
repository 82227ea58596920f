"""What a stroke may make of what, unless its reader overrules it: only lumen in the lumen, the cap before lipid."""

from collections.abc import Sequence

from octseg.classes import PALETTE_INDEX
from octseg.correction.runs import steps
from octseg.errors import CorrectionError

LUMEN, CAP, LIPID, VASA = (PALETTE_INDEX[name] for name in ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"))
# From what to what: lumen is taken from by nothing but the eraser, and lipid does not take the cap that covers it.
HELD: frozenset[tuple[int, int]] = frozenset({(LUMEN, CAP), (LUMEN, LIPID), (LUMEN, VASA), (CAP, LIPID)})
WHY = "tissue in the lumen, or lipid in place of its cap, is drawn only where Overrule anatomy is on"


def check(runs: Sequence[int]) -> None:
    """CorrectionError where a stroke breaks the anatomy."""
    if steps(runs) & HELD:
        raise CorrectionError(WHY)
