"""The network: configuration, encoder, context, attention, decoder."""

from octseg.model.config import ModelConfig
from octseg.model.network import DeepLabV3Plus

__all__ = ["DeepLabV3Plus", "ModelConfig"]
