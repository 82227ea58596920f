"""What is minimised, over independent planes: per-pixel cross-entropy plus an overlap loss of MONAI.

Overlap is counted over the whole batch for each plane, so that a frame without a structure does not count as missed.
"""

from monai.losses.dice import DiceLoss
from monai.losses.tversky import TverskyLoss
from torch import Tensor
from torch.nn import functional

from train.learning.recipe import Loss

SMOOTH = 1.0  # pixels; keeps the overlap of a plane that is empty on both sides at 1
FALSE_POSITIVE, FALSE_NEGATIVE = 0.3, 0.7  # Tversky's alpha and beta: what is missed weighs more
FOCUS = 0.75  # exponent of 1 - Tversky (Abraham and Khan 2019, arXiv:1810.07842: 1 / gamma, gamma = 4/3)

_dice = DiceLoss(sigmoid=True, batch=True, smooth_nr=SMOOTH, smooth_dr=SMOOTH)
_tversky = TverskyLoss(
    sigmoid=True,
    batch=True,
    alpha=FALSE_POSITIVE,
    beta=FALSE_NEGATIVE,
    smooth_nr=SMOOTH,
    smooth_dr=SMOOTH,
    reduction="none",
)


def segmentation_loss(logits: Tensor, truth: Tensor, kind: Loss) -> Tensor:
    """Mean of cross-entropy and of the overlap loss; logits and truth (N, K, H, W)."""
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, truth)
    overlap: Tensor = _dice(logits, truth) if kind == "bce_dice" else (_tversky(logits, truth) ** FOCUS).mean()
    return cross_entropy + overlap
