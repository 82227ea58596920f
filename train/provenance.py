"""What weights were made from, as config.json states it."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from octseg import __version__
from octseg.checkpoint import Checkpoint, CheckpointConfig, load_checkpoint
from octseg.dataset.publishing import PHANTOMS_NAME
from octseg.pretrained import BUNDLED, HUB_NAME
from train.code_version import code_commit
from train.dataset import Data
from train.learning.recipe import Recipe

FIRST_PHANTOM_SEED = 100_000  # far from the seeds of examples and tests
SAME_BY = ("name", "doi", "repository", "revision", "licence", "studies", "used", "private")


def load_start(folder: Path) -> Checkpoint:
    """The checkpoint to start from; "bundled" is the one that octseg comes with."""
    return load_checkpoint(BUNDLED if folder.as_posix() == "bundled" else folder)


def provenance(
    data: Data, phantoms: int, recipe: Recipe, imagenet: str, start: Checkpoint | None = None
) -> dict[str, Any]:
    """What the weights were made from, as config.json states it; what `start` was made from too."""
    seeds = f"seeds {FIRST_PHANTOM_SEED} to {FIRST_PHANTOM_SEED + phantoms - 1}"
    drawn = {"name": PHANTOMS_NAME, "revision": __version__, "used": f"{phantoms} frames, {seeds}"}
    datasets = [data.told, drawn] if phantoms else [data.told]
    begun = (
        f"MobileNetV2 1.0 trained on ImageNet-1k ({imagenet if HUB_NAME.fullmatch(imagenet) else Path(imagenet).name})"
    )
    if start is not None:
        datasets = each_once([*datasets, *map(dict, start.config.datasets)])
        begun = (
            f"an octseg model of sha256 {start.config.sha256}, which started from: {start.config.training.get('start')}"
        )
    return {
        "datasets": datasets,
        "start": begun,
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "code_commit": code_commit(),
    } | notes_of([] if start is None else [start.config])


def notes_of(configs: Iterable[CheckpointConfig]) -> dict[str, str]:
    """What models say of themselves beside all else, such as which frames they were chosen by; {} where none does."""
    notes = dict.fromkeys(str(config.training["notes"]) for config in configs if config.training.get("notes"))
    return {"notes": "; ".join(notes)} if notes else {}


def each_once(datasets: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Datasets without those that are another's by name, version, licence and what was used of it.

    The first one stays, with its attribution: what was changed for the newest training.
    """
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    for data in datasets:
        known.setdefault(tuple(map(str, (data.get(key) for key in SAME_BY))), data)
    return list(known.values())
