"""Train the network: `python -m train --data PART --imagenet WEIGHTS --out RUN`.

PART is one part of a fold of the Zenodo record: img/SSS_R_NNN.png and mask/SSS_R_NNN.tiff. Stopped at any moment, the
same command goes on from the last saved state.
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
from train.card import model_card
from train.dataset import TrainingFrame, load_phantom, load_record_part
from train.loop import Recipe, Stage, preprocessing_of, train
from train.preparing.code_version import code_commit

POLAR = PreprocessingConfig(domain="polar", size=(512, 512), wrap_rays=32)
CARTESIAN = PreprocessingConfig(domain="cartesian", size=(512, 512))
ZENODO = {
    "name": "OCT Dataset for Segmentation of Atherosclerotic Plaque Morphological Features, Zenodo",
    "doi": "10.5281/zenodo.14478210",
    "revision": "v1.0",
    "licence": "CC-BY-4.0",
    "attribution": (
        "Trained on frames of **OCT Dataset for Segmentation of Atherosclerotic Plaque Morphological Features** by "
        "Danilov, V.; Laptev, V.; Klyshnikov, K.; Ovcharenko, E.; Kochergin, N., Zenodo, version 1.0, 2025, "
        "https://doi.org/10.5281/zenodo.14478210, licensed under "
        "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), provided as is, without warranty. **Changes:** "
        "grey levels taken from the sepia, outside of the disc blanked, burned-in marks painted out, resampled along "
        "rays about the catheter, augmented. The authors do not endorse this model."
    ),
}
IMAGENET = "MobileNetV2 1.0 trained on ImageNet-1k (tonylins/pytorch-mobilenet-v2, Apache-2.0)"
FIRST_PHANTOM_SEED = 100_000  # far from the seeds of examples and tests


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    torch.set_num_threads(options.threads)
    try:
        real = load_record_part(options.data, _shown("frames"))
        phantoms = _load_phantoms(options.phantoms)
        recipe = Recipe(stages=stages(options.coarse_steps, options.fine_steps), seed=options.seed)
        full_size = POLAR if options.domain == "polar" else CARTESIAN
        preprocessing = preprocessing_of(recipe.stages[-1], full_size)
        network = train(
            real,
            phantoms,
            imagenet=options.imagenet,
            network_config=ModelConfig(),
            preprocessing=preprocessing,
            recipe=recipe,
            out=options.out,
        )
        config = CheckpointConfig(
            network=ModelConfig(),
            preprocessing=preprocessing,
            training=provenance(real, len(phantoms), recipe),
            software={"octseg": __version__, "torch": torch.__version__},
        )
        save_checkpoint(options.out, network, config, model_card(config))
    except OctsegError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    return 0


def coarse_stage(steps: int) -> Stage:
    """Many quick steps at half the input size: a quarter of the positions."""
    return Stage(steps=steps, batch=8, size=(256, 256))


def stages(coarse_steps: Sequence[int], fine_steps: Sequence[int]) -> tuple[Stage, ...]:
    """Coarse cycles of so many steps each, then fine ones."""
    return (*(coarse_stage(steps) for steps in coarse_steps), *(fine_stage(steps) for steps in fine_steps))


def fine_stage(steps: int) -> Stage:
    """Fewer steps at the full input size, at lower rates."""
    return Stage(steps=steps, batch=4, size=(512, 512), learning_rate=4e-4, encoder_learning_rate=1e-4)


def provenance(real: Sequence[TrainingFrame], phantoms: int, recipe: Recipe) -> dict[str, Any]:
    """What the weights were made from, as config.json states it."""
    studies = sorted({frame.study for frame in real})
    seeds = f"seeds {FIRST_PHANTOM_SEED} to {FIRST_PHANTOM_SEED + phantoms - 1}"
    return {
        "datasets": [
            {**ZENODO, "studies": studies, "used": f"{len(real)} frames of the studies {', '.join(studies)}"},
            {"name": "octseg phantoms", "revision": __version__, "used": f"{phantoms} frames, {seeds}"},
        ],
        "start": IMAGENET,
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "code_commit": code_commit(),
    }


def _load_phantoms(count: int) -> list[TrainingFrame]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        seeds = range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + count)
        return list(tqdm(pool.map(load_phantom, seeds), total=count, desc="phantoms", disable=None))


def _shown(what: str) -> Callable[[list[Path]], Iterable[Path]]:
    return lambda paths: tqdm(paths, desc=what, disable=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with img/ and mask/ to train on")
    parser.add_argument("--imagenet", type=Path, required=True, help="MobileNetV2 weights, safetensors")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--domain", choices=("polar", "cartesian"), default="polar")
    parser.add_argument("--phantoms", type=int, default=1000, help="how many phantoms to mix in")
    parser.add_argument("--coarse-steps", type=int, nargs="+", default=(1600, 900), help="of each cycle at 256 x 256")
    parser.add_argument("--fine-steps", type=int, nargs="*", default=(), help="of each cycle at 512 x 512 after them")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
