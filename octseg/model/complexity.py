"""How large a network is: its weights, and the multiplications with addition that one frame takes."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_weights(network: nn.Module) -> int:
    """Trainable numbers; BatchNorm's running statistics are not counted."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_multiply_adds(network: nn.Module, height: int, width: int) -> int:
    """Multiply-adds of all convolutions for one frame (1, 3, height, width); the network is run once, in eval mode."""
    was_training = network.training
    counter = FlopCounterMode(display=False)
    device = next(network.parameters()).device
    with torch.no_grad(), counter:
        network.eval()(torch.zeros(1, 3, height, width, device=device))
    network.train(was_training)
    return int(counter.get_total_flops()) // 2
