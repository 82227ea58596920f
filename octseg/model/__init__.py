"""The network: configuration, encoder, context, attention, decoder.

torch is loaded where the network itself is asked for: what is read of a frame before it needs its configuration alone.
"""

from typing import TYPE_CHECKING, Any

from octseg.model.config import ModelConfig

if TYPE_CHECKING:
    from octseg.model.network import DeepLabV3Plus

__all__ = ["DeepLabV3Plus", "ModelConfig"]


def __getattr__(name: str) -> Any:
    """The network, when it is first asked for."""
    if name != "DeepLabV3Plus":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from octseg.model.network import DeepLabV3Plus

    return DeepLabV3Plus
