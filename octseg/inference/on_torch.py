"""The network on plain PyTorch: on CUDA, and on a CPU without OpenVINO."""

import numpy as np
import torch

from octseg.checkpoint import Checkpoint
from octseg.errors import ConfigError
from octseg.inference.graph import GreyToProbability
from octseg.inference.protocol import BF16_BEHIND_ENCODER, F32, Inputs, Probability, Waiting
from octseg.model.network import channels_last

CUDA_BATCH = 8  # frames at once; halved when the GPU's memory does not hold them


class TorchBackend:
    """Plain PyTorch: channels_last, and on CUDA bf16 autocast behind the encoder, unless f32 was asked for."""

    name = "torch"
    at_once = 1

    def __init__(self, checkpoint: Checkpoint, device: str, *, bf16: bool = False) -> None:
        self.device = device
        self.precision = BF16_BEHIND_ENCODER if bf16 else F32
        self.batch = CUDA_BATCH if device == "cuda" else 1
        model = GreyToProbability(checkpoint, bf16_on=device if bf16 else None)
        self._model = channels_last(model.eval().to(device))

    def __call__(self, inputs: Inputs) -> Probability:
        """Probability of each class; a batch that does not fit the GPU's memory is halved and tried again."""
        try:
            return self._run(inputs)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(inputs) == 1:
                raise ConfigError("the GPU has too little free memory for one frame; use device cpu") from None
        half = len(inputs) // 2
        self.batch = max(1, half)
        return np.concatenate([self(inputs[:half]), self(inputs[half:])])

    def begin(self, inputs: Inputs) -> Waiting:
        """As calling it; PyTorch has no queue of its own on the CPU, and the GPU's is short."""
        probability = self(inputs)
        return lambda: probability

    def _run(self, inputs: Inputs) -> Probability:
        # TF32, cuDNN's own choice, would round the encoder nearly as much as bf16 does.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            probability = self._model(torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device))
        return np.asarray(probability.float().cpu().contiguous().numpy())
