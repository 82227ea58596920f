"""What runs the network, whatever it runs on."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Inputs = NDArray[np.uint8]  # (N, rows, columns)
Probability = NDArray[np.float32]  # (N, K, rows, columns)
Waiting = Callable[[], Probability]  # waits for what was begun; to be called once

F32 = "f32"
BF16_BEHIND_ENCODER = "bf16 behind an f32 encoder"
BF16_IN_CONTEXT = "bf16 between an f32 encoder and an f32 decoder"


class Backend(Protocol):
    """What runs the network.

    precision: in what numbers it computes. batch: how many frames at once it is best fed with. at_once: how many of
    such batches may be begun before the first is waited for.
    """

    device: str
    name: str
    precision: str
    batch: int
    at_once: int

    def __call__(self, inputs: Inputs) -> Probability:
        """Probability of each class."""

    def begin(self, inputs: Inputs) -> Waiting:
        """The same, begun now and waited for later."""
