"""Where a training starts: MobileNetV2 weights of ImageNet, from a file or from the Hub, under either set of names.

torchvision's names (`features.0.0.weight`) are the encoder's own; timm's (`conv_stem.weight`, `blocks.1.0.conv_pw...`)
are mapped to them. Both order blocks, channels and BatchNorm alike, so no number changes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from octseg.errors import CheckpointError
from octseg.model.mobilenetv2 import STAGES, MobileNetV2
from octseg.pretrained import HUB_NAME, fetch_file

TIMM_REPOSITORY, WEIGHTS_FILE = "timm/mobilenetv2_100.ra_in1k", "model.safetensors"
# timm's layers of a block -> ours; the first stage does not widen, so its blocks lack the first pair.
NARROW = {"conv_dw": "0.0", "bn1": "0.1", "conv_pw": "1", "bn2": "2"}
WIDE = {"conv_pw": "0.0", "bn1": "0.1", "conv_dw": "1.0", "bn2": "1.1", "conv_pwl": "2", "bn3": "3"}
ENDS = {"conv_stem": "features.0.0", "bn1": "features.0.1", "conv_head": "features.18.0", "bn2": "features.18.1"}
_BLOCK = re.compile(r"blocks\.(\d+)\.(\d+)\.(\w+)\.(\w+)")
_END = re.compile(r"(\w+)\.(\w+)")


def locate(name: str) -> Path:
    """The weights' file: a path, or `org/name` of a Hub repository that holds model.safetensors.

    Raises CheckpointError where there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.exists() or not HUB_NAME.fullmatch(name):
        raise CheckpointError(
            f"there is no file {path.name}; give a safetensors file, or a Hub name as {TIMM_REPOSITORY}"
        )
    repository, _, revision = name.partition("@")
    return fetch_file(repository, WEIGHTS_FILE, revision or None)


def load_encoder(path: Path) -> dict[str, Tensor]:
    """The encoder's weights by its own names, every one with the shape that it has there.

    Raises CheckpointError where the file is not safetensors, or holds another network.
    """
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} cannot be read as safetensors") from error
    weights = {key: value for key, value in stored.items() if key.startswith("features.")} or from_timm(stored)
    expected = MobileNetV2().state_dict()
    for key in expected.keys() - weights.keys():
        if key.endswith("num_batches_tracked"):  # counts batches, and is left out by some writers
            weights[key] = torch.zeros_like(expected[key])
    wrong = sorted(
        key
        for key in expected.keys() | weights.keys()
        if key not in weights or key not in expected or weights[key].shape != expected[key].shape
    )
    if wrong:
        raise CheckpointError(
            f"{path.name} holds no MobileNetV2 1.0: {wrong[0]} and {len(wrong) - 1} others do not fit"
        )
    return {key: weights[key].to(expected[key].dtype) for key in expected}


def from_timm(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """timm's names as ours; what is no part of the encoder, as the classifier, is passed over."""
    first = [1 + sum(repeats for _, _, repeats, _ in STAGES[:stage]) for stage in range(len(STAGES))]
    weights = {}
    for key, value in stored.items():
        if block := _BLOCK.fullmatch(key):
            stage, place, layer, kind = int(block[1]), int(block[2]), block[3], block[4]
            layers = NARROW if stage == 0 else WIDE
            if stage < len(STAGES) and layer in layers:
                weights[f"features.{first[stage] + place}.conv.{layers[layer]}.{kind}"] = value
        elif (end := _END.fullmatch(key)) and end[1] in ENDS:
            weights[f"{ENDS[end[1]]}.{end[2]}"] = value
    return weights
