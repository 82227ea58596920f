"""Lipid-rich plaque in intravascular OCT: outlines, plaque area, lipid arc and cap thickness, with a stated scale."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octseg.errors import (
        CheckpointError,
        ConfigError,
        HubUnreachableError,
        MeasurementError,
        OctsegError,
        ReadError,
    )
    from octseg.measurement import FrameMeasures, PullbackMeasures, measure, measure_pullback
    from octseg.pretrained import HubWarning, from_pretrained
    from octseg.pullback import PixelScale, Pullback
    from octseg.reading import read_pullback, read_pullbacks
    from octseg.result import FrameResult
    from octseg.segmenter import Segmenter

__version__ = "0.1.0"

# Where each public name lives; it is imported when first asked for, so that `octseg --help` need not load torch.
_HOMES = {
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "FrameMeasures": "measurement",
    "FrameResult": "result",
    "HubUnreachableError": "errors",
    "HubWarning": "pretrained",
    "MeasurementError": "errors",
    "OctsegError": "errors",
    "PixelScale": "pullback",
    "Pullback": "pullback",
    "PullbackMeasures": "measurement",
    "ReadError": "errors",
    "Segmenter": "segmenter",
    "from_pretrained": "pretrained",
    "measure": "measurement",
    "measure_pullback": "measurement",
    "read_pullback": "reading",
    "read_pullbacks": "reading",
}
__all__ = [
    "CheckpointError",
    "ConfigError",
    "FrameMeasures",
    "FrameResult",
    "HubUnreachableError",
    "HubWarning",
    "MeasurementError",
    "OctsegError",
    "PixelScale",
    "Pullback",
    "PullbackMeasures",
    "ReadError",
    "Segmenter",
    "__version__",
    "from_pretrained",
    "measure",
    "measure_pullback",
    "read_pullback",
    "read_pullbacks",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"octseg.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'octseg' has no attribute {name!r}")
