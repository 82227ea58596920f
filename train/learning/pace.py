"""How fast a stage learns: the optimiser, and its rate by a cosine or by Dice on validation frames."""

from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from octseg.model import DeepLabV3Plus
from train.learning.recipe import Recipe, Stage
from train.learning.state import RunState

PLATEAU_FACTOR, PLATEAU_LOOKS = 0.5, 5  # of the rate, after so many looks without a greater Dice


class Pace:
    """An optimiser, and how its rate goes on within one stage."""

    def __init__(self, optimiser: Optimizer, recipe: Recipe, stage: Stage) -> None:
        self.optimiser = optimiser
        self._recipe, self._stage = recipe, stage
        self._plateau = ReduceLROnPlateau(optimiser, mode="max", factor=PLATEAU_FACTOR, patience=PLATEAU_LOOKS)

    def set_rate(self, step: int) -> None:
        """The rate of a step; after a plateau's look it stays until the next."""
        if self._recipe.schedule == "cosine":
            factor = learning_rate_factor(step, self._stage.steps, self._recipe.warm_up)
            for group in self.optimiser.param_groups:
                group["lr"] = group["peak"] * factor

    def looked(self, dice: float | None) -> None:
        """Lower the rate where it goes by Dice and that stands still."""
        if self._recipe.schedule == "plateau" and dice is not None:
            self._plateau.step(dice)

    @property
    def rates(self) -> dict[str, float]:
        """Of encoder and rest."""
        encoder, rest = (group["lr"] for group in self.optimiser.param_groups)
        return {"learning_rate": rest, "encoder_learning_rate": encoder}

    def schedule_state(self) -> dict[str, Any]:
        """What the plateau goes by."""
        told = self._plateau.state_dict()
        return {name: told[name] for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")}

    def load_state(self, state: RunState) -> None:
        """Go on from a saved state."""
        self.optimiser.load_state_dict(state.optimiser)
        self._plateau.load_state_dict(state.schedule)


def optimiser_of(network: DeepLabV3Plus, stage: Stage, recipe: Recipe) -> Optimizer:
    """The recipe's, with rates of their own for the encoder and the rest."""
    encoder = {id(parameter) for parameter in network.encoder.parameters()}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in encoder]
    groups = [
        {"params": list(network.encoder.parameters()), "peak": stage.encoder_learning_rate},
        {"params": rest, "peak": stage.learning_rate},
    ]
    groups = [{**group, "lr": group["peak"]} for group in groups]
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Part of the peak learning rate: linear up over `warm_up` of the steps, then a cosine down to 0."""
    done = step / steps
    if done < warm_up:
        return (done + 1.0 / steps) / warm_up
    return 0.5 * (1.0 + float(np.cos(np.pi * (done - warm_up) / (1.0 - warm_up))))
