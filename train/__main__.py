"""Train the network: `python -m train --data DIR --out RUN`.

DIR is a dataset of `python -m train.prepare`, of which the training split is used, or one part of an unpacked fold of
the Zenodo record. The model's classes are those of the dataset. It starts from ImageNet weights of the Hub, or from a
file (--imagenet). Stopped at any moment, the same command goes on from the last saved state.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from octseg import __version__
from octseg.checkpoint import CheckpointConfig, save_checkpoint
from octseg.errors import OctsegError
from octseg.model import ModelConfig
from octseg.preprocessing import PreprocessingConfig
from octseg.pretrained import HUB_NAME
from train.card import model_card
from train.dataset import Case, Data, TrainingFrame, load_phantom, open_data, training_frames
from train.imagenet import TIMM_REPOSITORY, locate
from train.loop import Report, StoppedError, preprocessing_of, train
from train.preparing.code_version import code_commit
from train.recipe import Recipe, Stage
from train.state import states_in

POLAR = PreprocessingConfig(domain="polar", size=(512, 512), wrap_rays=32)
CARTESIAN = PreprocessingConfig(domain="cartesian", size=(512, 512))
STOPPED_STATUS = 130
FIRST_PHANTOM_SEED = 100_000  # far from the seeds of examples and tests


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    torch.set_num_threads(options.threads)
    try:
        imagenet = locate(options.imagenet)
        data = open_data(options.data, "train")
        for warning in data.warnings:
            print(f"train: {warning}", file=sys.stderr)
        real = training_frames(data, _shown("frames", len(data.studies)))
        phantoms = _load_phantoms(options.phantoms, data.classes)
        network_config = ModelConfig(classes=data.classes)
        recipe = Recipe(stages=stages(options.coarse_steps, options.fine_steps), seed=options.seed)
        full_size = POLAR if options.domain == "polar" else CARTESIAN
        preprocessing = preprocessing_of(recipe.stages[-1], full_size)
        if options.resume and not states_in(options.out):
            raise OctsegError(f"there is no run to go on with in {options.out.name}; leave out --resume to begin one")
        with tqdm(total=sum(stage.steps for stage in recipe.stages), desc="steps", unit="step", disable=None) as bar:
            network = train(
                real,
                phantoms,
                imagenet=imagenet,
                network_config=network_config,
                preprocessing=preprocessing,
                recipe=recipe,
                out=options.out,
                save_every_s=60.0 * options.save_every,
                show=shown_by(bar, recipe),
            )
        config = CheckpointConfig(
            network=network_config,
            preprocessing=preprocessing,
            training=provenance(data, len(phantoms), recipe, options.imagenet),
            software={"octseg": __version__, "torch": torch.__version__},
        )
        save_checkpoint(options.out, network, config, model_card(config))
    except OctsegError as error:
        print(f"train: {error}", file=sys.stderr)
        return STOPPED_STATUS if isinstance(error, StoppedError) else 1
    return 0


def shown_by(bar: tqdm, recipe: Recipe) -> Callable[[Report], None]:
    """What moves the progress bar: the first report may be of a run that goes on in its middle."""

    def show(report: Report) -> None:
        before = sum(stage.steps for stage in recipe.stages[: int(report["stage"])])
        if bar.n == 0:
            bar.initial = before + int(report["step"])
        bar.n = before + int(report["step"])
        bar.set_postfix(loss=f"{report['loss']:.3f}")

    return show


def coarse_stage(steps: int) -> Stage:
    """Many quick steps at half the input size: a quarter of the positions."""
    return Stage(steps=steps, batch=8, size=(256, 256))


def stages(coarse_steps: Sequence[int], fine_steps: Sequence[int]) -> tuple[Stage, ...]:
    """Coarse cycles of so many steps each, then fine ones."""
    return (*(coarse_stage(steps) for steps in coarse_steps), *(fine_stage(steps) for steps in fine_steps))


def fine_stage(steps: int) -> Stage:
    """Fewer steps at the full input size, at lower rates."""
    return Stage(steps=steps, batch=4, size=(512, 512), learning_rate=4e-4, encoder_learning_rate=1e-4)


def provenance(data: Data, phantoms: int, recipe: Recipe, start: str) -> dict[str, Any]:
    """What the weights were made from, as config.json states it."""
    seeds = f"seeds {FIRST_PHANTOM_SEED} to {FIRST_PHANTOM_SEED + phantoms - 1}"
    return {
        "datasets": [
            data.told,
            {"name": "octseg phantoms", "revision": __version__, "used": f"{phantoms} frames, {seeds}"},
        ],
        "start": f"MobileNetV2 1.0 trained on ImageNet-1k ({start if HUB_NAME.fullmatch(start) else Path(start).name})",
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "code_commit": code_commit(),
    }


def _load_phantoms(count: int, classes: Sequence[str]) -> list[TrainingFrame]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        seeds = range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + count)
        made = pool.map(lambda seed: load_phantom(seed, classes), seeds)
        return list(tqdm(made, total=count, desc="phantoms", disable=None))


def _shown(what: str, total: int) -> Callable[[Iterable[Case]], Iterable[Case]]:
    return lambda cases: tqdm(cases, total=total, desc=what, disable=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="dataset folder, or folder with img/ and mask/")
    parser.add_argument(
        "--imagenet",
        default=TIMM_REPOSITORY,
        help="MobileNetV2 weights: a safetensors file or a Hub name (%(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--domain", choices=("polar", "cartesian"), default="polar")
    parser.add_argument("--phantoms", type=int, default=1000, help="how many phantoms to mix in")
    parser.add_argument("--coarse-steps", type=int, nargs="+", default=(1600, 900), help="of each cycle at 256 x 256")
    parser.add_argument("--fine-steps", type=int, nargs="*", default=(), help="of each cycle at 512 x 512 after them")
    parser.add_argument("--save-every", type=float, default=5.0, metavar="MINUTES", help="between saved states")
    parser.add_argument("--resume", action="store_true", help="only go on: refuse where there is no run yet")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
