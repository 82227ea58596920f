"""One process of a small training, for test_processes.py: `... -m tests.fakes.train_process OUT START [STOP_AFTER]`.

Four drawn frames a step, a line of the log for every step; float64, so that sums in another order do not
grow into other losses over the steps. With STOP_AFTER the process is sent SIGTERM after so many steps.
"""

import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import train.learning.loop
from octseg.errors import OctsegError
from octseg.model import ModelConfig
from octseg.view.preprocessing import PreprocessingConfig
from tests.train.learning.test_stops import drawn_frames
from train.learning.engine import Engine
from train.learning.loop import ElsewhereError
from train.learning.recipe import Recipe, Stage


def main(out: Path, start: Path, stop_after: int | None) -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    train.learning.loop.REPORT_EVERY = 1
    engine = Engine("fp32")

    def observe(stage: int, step: int, average: nn.Module) -> None:
        if step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    network = train.learning.loop.train(
        drawn_frames(),
        [],
        imagenet=start,
        network_config=ModelConfig(classes=("lipid_core",), aspp_rates=(6,), aspp_channels=8, skip_channels=8),
        preprocessing=PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8),
        recipe=Recipe(stages=(Stage(steps=12, batch=4, size=(64, 64)),), phantom_share=0.0),
        out=out,
        observe=observe,
        engine=engine,
    )
    if engine.is_main:
        weights = {name: value.contiguous() for name, value in network.state_dict().items()}
        save_file(weights, out / "weights.safetensors")
    engine.close()


if __name__ == "__main__":
    try:
        stop = int(sys.argv[3]) if len(sys.argv) > 3 else None
        main(Path(sys.argv[1]), Path(sys.argv[2]), stop)
    except ElsewhereError:
        sys.exit(1)
    except OctsegError as error:
        print(f"told: {error}", file=sys.stderr)
        sys.exit(1)
