"""How the network is trained; stored with the weights."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of training at one input size."""

    steps: int
    batch: int
    size: tuple[int, int]
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 2e-4


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All stages, and what is drawn and minimised in each."""

    stages: tuple[Stage, ...]
    phantom_share: float = 0.35  # of each batch
    lipid_share: float = 0.6  # of the real frames of each batch, at least
    weight_decay: float = 1e-2
    ema_decay: float = 0.99
    warm_up: float = 0.1  # part of a stage's steps
    seed: int = 0
