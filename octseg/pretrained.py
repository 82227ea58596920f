"""from_pretrained: the bundled checkpoint or a folder -> a Segmenter ready to work."""

import re
from pathlib import Path

from octseg.checkpoint import load_checkpoint
from octseg.errors import CheckpointError
from octseg.result import ModelIdentity, ModelSource
from octseg.segmenter import Segmenter

BUNDLED = Path(__file__).parent / "weights"
BUNDLED_NAME = "octseg-bundled"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")


def from_pretrained(name: str | Path | None = None, *, device: str = "auto", backend: str = "auto") -> Segmenter:
    """Load a model: the bundled one without a name, else the checkpoint folder at `name`.

    Args:
        name: None or a folder that holds config.json and model.safetensors.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        backend: "auto" (OpenVINO on the CPU where it is installed), "openvino" or "torch".

    Raises:
        CheckpointError: there is no such checkpoint, or it is not to be trusted.
        ConfigError: the device or backend is not there.
    """
    try:
        folder, label, source = _located(name)
        checkpoint = load_checkpoint(folder)
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint {Path(name or BUNDLED).name} cannot be read: {(error.strerror or 'unknown cause').lower()}"
        ) from error
    identity = ModelIdentity(name=label, source=source, revision=None, sha256=checkpoint.config.sha256)
    return Segmenter(checkpoint, identity, device=device, backend=backend)


def _located(name: str | Path | None) -> tuple[Path, str, ModelSource]:
    """Folder, label and source of a name; a folder that exists goes before a Hub name of the same spelling."""
    if name is None:
        return BUNDLED, BUNDLED_NAME, "bundled"
    try:
        folder = Path(name).expanduser()
    except RuntimeError:
        raise CheckpointError(
            f"{name} begins with the home of a user who is not known here; give the whole path"
        ) from None
    if not folder.exists() and isinstance(name, str) and HUB_NAME.fullmatch(name):
        raise CheckpointError(
            f"{name} is no folder here, and this version does not load from the Hub: "
            "download the repository and give its folder, or leave the name out for the bundled model"
        )
    return folder, folder.resolve().name, "folder"
