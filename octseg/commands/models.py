"""The model that a command works with: its flags, and its loading."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from octseg.commands.telling import complain

# torch and OpenVINO take seconds to load: they are imported where a command needs them, not for `--help`.
if TYPE_CHECKING:
    from octseg.segmenter import Segmenter


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Which model, and where it runs."""
    parser.add_argument("--model", metavar="NAME[@REV]|FOLDER", help="the bundled model by default")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--backend", choices=("auto", "openvino", "torch"), default="auto")
    parser.add_argument(
        "--precision",
        choices=("auto", "f32", "bf16"),
        default="auto",
        help="of the network; auto is bf16 on CUDA and f32 on the CPU",
    )


def is_here(model: str | None) -> bool:
    """Whether nothing has to be fetched for a model: the bundled one, or a folder."""
    return model is None or Path(model).is_dir()


def loaded(model: str | None, device: str, backend: str, precision: str) -> "Segmenter":
    """The model; what there is to say of where it came from goes to stderr."""
    from octseg.pretrained import load

    segmenter = load(model, device=device, backend=backend, precision=precision)
    if segmenter.notice:
        complain(segmenter.notice)
    return segmenter
