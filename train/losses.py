"""What is minimised: per-pixel cross-entropy plus one minus Dice, over independent planes."""

from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0  # pixels; keeps the Dice of a plane that is empty on both sides at 1


def bce_dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean of BCE and of 1 - Dice; logits and truth (N, K, H, W), Dice over the batch for each plane."""
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, truth)
    probability = logits.sigmoid()
    overlap = (probability * truth).sum(dim=(0, 2, 3))  # (K,)
    total = probability.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    dice = (2.0 * overlap + SMOOTH) / (total + SMOOTH)
    return cross_entropy + (1.0 - dice).mean()
