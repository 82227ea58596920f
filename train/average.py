"""The mean of the weights of models that went on from one another: `python -m train.average A B --out RUN`.

Weights of a training and of one that went on from it lie so near to each other that their mean is a model too, which
often carries over to other frames better than either (Izmailov et al. 2018, arXiv:1803.05407; Wortsman et al. 2022,
arXiv:2203.05482). BatchNorm's statistics are averaged as well, and not taken anew. Thresholds, calibration and figures
are those of no mean, and are dropped.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from octseg import __version__
from octseg.cards.model import model_card
from octseg.checkpoint import Checkpoint, CheckpointConfig, save_checkpoint
from octseg.commands.stopping import until_stopped
from octseg.errors import ConfigError, OctsegError
from octseg.model import DeepLabV3Plus
from train.code_version import code_commit
from train.provenance import each_once, load_start, notes_of

KEPT = ("recipe", "seed", "code_commit", "averaged")  # of each model's training
OF_ONE = ("best_step", "best_score")  # of the looks at a model while it was trained


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where the models do not fit."""
    options = _parser().parse_args(argv)
    try:
        if options.out.is_dir() and any(options.out.iterdir()):
            raise ConfigError(f"{options.out.name} is not empty; choose another folder with --out")
        network, config = mean_of([load_start(folder) for folder in options.models])
        save_checkpoint(options.out, network, config, model_card(config))
    except OctsegError as error:
        print(f"train.average: {error}", file=sys.stderr)
        return 1
    print(f"the mean of {len(options.models)} models is in {options.out}")
    return 0


def mean_of(models: Sequence[Checkpoint]) -> tuple[DeepLabV3Plus, CheckpointConfig]:
    """The network of the mean weights, in eval mode, and its configuration; ConfigError where models differ in kind."""
    if len(models) < 2:
        raise ConfigError("the mean of one model is that model; give two and more")
    first = models[0].config
    for model in models[1:]:
        if (model.config.network, model.config.preprocessing) != (first.network, first.preprocessing):
            raise ConfigError(
                "these models outline other classes, or see a frame another way, so their weights mean different "
                "things; give models that went on from one another"
            )
    network = DeepLabV3Plus(first.network)
    network.load_state_dict(_mean([model.network.state_dict() for model in models]))
    network.eval()
    config = CheckpointConfig(
        network=first.network,
        preprocessing=first.preprocessing,
        training=_provenance([model.config for model in models]),
        software={"octseg": __version__, "torch": torch.__version__},
    )
    return network, config


def _mean(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of each tensor the mean; of what is counted the last."""
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(last.dtype)
        if last.is_floating_point()
        else last
        for name, last in states[-1].items()
    }


def _provenance(configs: Sequence[CheckpointConfig]) -> dict[str, Any]:
    """What the weights were made from, of all models together, the last one's first."""
    if not all(config.datasets for config in configs):
        raise ConfigError("one of these models does not say what it was trained on, so their mean could not")
    looked_at = _looked_at([config.training.get("validation") or {} for config in configs])
    return (
        {
            "datasets": each_once([dict(data) for config in reversed(configs) for data in config.datasets]),
            "start": f"octseg models of sha256 {'; '.join(_begun(config, configs) for config in configs)}",
            "weights": f"mean of the weights of {len(configs)} models",
            "averaged": [
                {"sha256": config.sha256} | {name: config.training[name] for name in KEPT if name in config.training}
                for config in configs
            ],
            "code_commit": code_commit(),
        }
        | notes_of(configs)
        | ({"validation": looked_at} if looked_at else {})
    )


def _looked_at(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The frames at which all models were looked at while they were trained, without what was seen there of one."""
    frames = [{key: told for key, told in looked_at.items() if key not in OF_ONE} for looked_at in each]
    if any(told != frames[0] for told in frames):
        raise ConfigError(
            "these models were looked at on different frames while they were trained, which their mean could not tell"
        )
    return frames[0]


def _begun(config: CheckpointConfig, configs: Sequence[CheckpointConfig]) -> str:
    """A model's hash, and what it started from: one of the others, of which that is told there, or something else."""
    start = str(config.training.get("start"))
    others = [other.sha256 for other in configs if other.sha256 and other.sha256 in start]
    told = min(others, key=start.index, default=start)  # the nearest of them stands first
    return f"{config.sha256}, which started from: {told}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.average", description=__doc__.split("\n")[0])
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="checkpoint folder, or bundled")
    parser.add_argument("--out", type=Path, required=True, help="folder of the mean, empty or none yet")
    return parser


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train.average", "run the same command again"))
