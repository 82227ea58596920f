"""A network <-> the bytes of model.safetensors: strict, in float16, and computed with as float32.

torch is loaded with this module alone: who needs no more than a checkpoint's configuration does without it.
"""

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from octseg.checkpoint.folder import WEIGHTS_FILE
from octseg.errors import CheckpointError
from octseg.model import ModelConfig
from octseg.model.network import DeepLabV3Plus


def bytes_of(network: DeepLabV3Plus) -> bytes:
    """What model.safetensors holds of a network; CheckpointError where a weight is not finite there."""
    return save(_stored_state(network), metadata={"format": "pt"})


def network_of(weights: bytes, config: ModelConfig, label: str) -> DeepLabV3Plus:
    """The network of a configuration with the weights of a file, in eval mode; CheckpointError where they do not fit.

    label: what errors call the folder.
    """
    try:
        state = load(weights)
    except SafetensorError as error:
        raise CheckpointError(f"{WEIGHTS_FILE} in {label} is damaged: {error}") from None
    network = DeepLabV3Plus(config)
    network.load_state_dict(_checked_state(state, network.state_dict(), label), strict=True)
    return network.eval()


def _stored_state(network: DeepLabV3Plus) -> dict[str, Tensor]:
    """The state to store: convolutions as float16, BatchNorm's statistics as they are."""
    state = {}
    for name, tensor in network.state_dict().items():
        halved = tensor.is_floating_point() and "running_" not in name
        state[name] = tensor.detach().cpu().to(torch.float16 if halved else tensor.dtype).contiguous()
        if not torch.isfinite(state[name]).all():
            raise CheckpointError(f"{name} is not finite in float16; the training went wrong and is not stored")
    return state


def _checked_state(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], label: str) -> dict[str, Tensor]:
    """The stored state as float32, once names, shapes, kinds and values all fit the network of config.json."""
    where = f"{WEIGHTS_FILE} in {label}"
    if missing := sorted(expected.keys() - state.keys()):
        raise CheckpointError(f"{where} lacks {len(missing)} weights of config.json's network, first {missing[0]}")
    if surplus := sorted(state.keys() - expected.keys()):
        raise CheckpointError(
            f"{where} has {len(surplus)} weights unknown to config.json's network, first {surplus[0]}"
        )
    checked = {}
    for name, wanted in expected.items():
        tensor = state[name]
        if tensor.shape != wanted.shape:
            raise CheckpointError(
                f"{name} in {where} has shape {tuple(tensor.shape)}, config.json's network {tuple(wanted.shape)}"
            )
        if tensor.is_floating_point() != wanted.is_floating_point():
            raise CheckpointError(f"{name} in {where} is {tensor.dtype}, which does not fit {wanted.dtype}")
        checked[name] = tensor.to(wanted.dtype)
        if not torch.isfinite(checked[name]).all():
            raise CheckpointError(f"{name} in {where} holds values that are not finite; the weights are unusable")
    return checked
