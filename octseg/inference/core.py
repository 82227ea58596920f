"""OpenVINO, and its core, by which networks are loaded and compiled."""

import sys
from functools import cache
from types import ModuleType
from typing import Any


def openvino_package() -> ModuleType:
    """OpenVINO, kept from telling anyone: import it by this alone, for what the first import finds is what counts.

    Its converter reports its use over the network, from a process that never ends where there is no network. Without
    the package that does so it takes its own stub.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino  # type: ignore[no-any-return]


@cache
def openvino_core() -> Any:
    """The process's only one, never given up: where another thread drops the last, the next signal ends the process.

    Its CPU plugin gives the thread that makes it a stack for signal handlers, and takes the memory away when it goes.
    """
    return openvino_package().Core()
