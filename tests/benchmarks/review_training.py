"""Whether corrections help: `python -m tests.benchmarks.review_training [--steps 250]`, as a lab would do it.

The bundled model is made worse on purpose, by noise in its last layers. It outlines 20 phantoms; a reader who knows
the truth corrects each by one stroke; what the review exports is prepared and trained on from the worse model. Then
both outline 20 other phantoms, and `octseg compare` holds them against the truth.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from PIL import Image

from octseg.checkpoint import load_checkpoint, save_checkpoint
from octseg.cli import main as octseg
from octseg.correction.exporting import export
from octseg.correction.frames import CaseFrames, Given
from octseg.correction.measuring import Measuring
from octseg.correction.runs import changes
from octseg.drawing.palette import palette_image, palette_indices
from octseg.phantom import make_phantom
from octseg.pretrained import BUNDLED
from octseg.reading import read_pullback
from tests.benchmarks.machine import machine
from tests.fakes.corrected import opened
from train import prepare
from train.__main__ import main as train

CORRECTED, UNSEEN = range(9000, 9020), range(9500, 9520)  # seeds that no training has had
NOISE = 1.0  # of a layer's own spread
LAST_LAYERS = ("decoder", "classify")


def main() -> None:
    """Spoil, correct, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=250)
    steps = parser.parse_args().steps
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, seeds in (("corrected", CORRECTED), ("unseen", UNSEEN)):
            write_phantoms(root / name, seeds)
        spoil(root / "worse")
        run("predict", root / "corrected" / "img", "--out", root / "results", "--model", root / "worse", "--no-overlay")
        exported = correct(root)
        data, out = root / "data", root / "better"
        given = ("--source", "folder", "--data", exported, "--classes", "all", "--split", "none", "--out", data)
        assert prepare.main([*map(str, given)]) == 0
        given = ("--data", data, "--start", root / "worse", "--out", out, "--phantoms", "0", "--coarse-steps", steps)
        assert train([*map(str, given)]) == 0
        print("| model | lumen | fibrous cap | lipid core |\n|---|---|---|---|")
        for name in ("bundled", "worse", "better"):
            print(f"| {name} | {' | '.join(map('{:.3f}'.format, dice(root, name)))} |", flush=True)


def write_phantoms(folder: Path, seeds: range) -> None:
    for kind in ("img", "mask"):
        (folder / kind).mkdir(parents=True)
    for seed in seeds:
        phantom = make_phantom(seed)
        Image.fromarray(phantom.frame).save(folder / "img" / f"p_{seed}.png")
        palette_image(phantom.masks).save(folder / "mask" / f"p_{seed}_mask.png")


def spoil(folder: Path) -> None:
    """The bundled model with noise in its last layers, as a checkpoint of its own."""
    checkpoint = load_checkpoint(BUNDLED)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weights in checkpoint.network.named_parameters():
            if any(part in name for part in LAST_LAYERS) and weights.dim() > 1:
                noise = torch.randn(weights.shape, generator=generator)
                weights.add_(NOISE * weights.std() * noise)
    save_checkpoint(folder, checkpoint.network, checkpoint.config, "The bundled model, spoilt on purpose.")


def correct(root: Path) -> Path:
    """Each frame to its truth by one stroke; the folder that the review exports."""
    case, corrections = opened(root / "results", "")
    given = [
        Given((path.name,), lambda path=path: [read_pullback(path)]) for path in (root / "corrected" / "img").iterdir()
    ]
    for stem in case.stems:
        before = corrections.labels(stem)
        true = palette_indices(make_phantom(int(stem.split("_")[1])).masks)
        corrections.draw(stem, "polygon", changes(before, true), overruled=True)
    exported = export(case, corrections, Measuring(case, CaseFrames(case, given)))
    corrections.log.close()
    return exported.folder


def dice(root: Path, model: str) -> list[float]:
    of = () if model == "bundled" else ("--model", root / model)
    out, told = root / f"unseen_{model}", root / f"compared_{model}"
    run("predict", root / "unseen" / "img", "--out", out, "--no-overlay", *of)
    run("compare", out, root / "unseen" / "mask", "--out", told)
    classes = json.loads((told / "comparison.json").read_text())["classes"]
    return [classes[name]["dice_pooled"] for name in ("lumen", "fibrous_cap", "lipid_core")]


def run(*arguments: object) -> None:
    assert octseg([*map(str, arguments)]) == 0


if __name__ == "__main__":
    main()
