"""from_pretrained: the bundled checkpoint or a folder -> a Segmenter ready to work."""

import hashlib
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


def fetch_file(repository: str, name: str, revision: str | None = None) -> Path:
    """One file of a Hub repository, in the Hub's cache, its bytes held against the hash that it goes by there.

    Raises CheckpointError in one sentence where it cannot be had.
    """
    path = _downloaded(repository, name, revision, again=False)
    if not _is_whole(path):
        path = _downloaded(repository, name, revision, again=True)
    if not _is_whole(path):
        raise CheckpointError(f"{name} of {repository} arrived damaged twice; try again later")
    return path


def _downloaded(repository: str, name: str, revision: str | None, *, again: bool) -> Path:
    import huggingface_hub
    from huggingface_hub import errors

    label = repository if revision is None else f"{repository}@{revision}"
    try:
        return Path(huggingface_hub.hf_hub_download(repository, name, revision=revision, force_download=again))
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"{label} is open to some only; ask for access and sign in with `hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(f"there is no repository {label} on the Hub, or it is private: sign in") from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{repository} has no revision {revision}") from error
    except errors.LocalEntryNotFoundError as error:
        raise CheckpointError(f"the Hub cannot be reached, and {name} of {label} is not in its cache here") from error
    except errors.EntryNotFoundError as error:
        raise CheckpointError(f"{label} has no file {name}") from error
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise CheckpointError(f"{name} of {label} could not be fetched from the Hub; try again later") from error


def _is_whole(path: Path) -> bool:
    """Whether a cached file is what its blob's name says: sha256, or git's sha1 of smaller files.

    The client looks at the size alone.
    """
    content, blob = path.read_bytes(), path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", blob):
        return hashlib.sha256(content).hexdigest() == blob
    if re.fullmatch(r"[0-9a-f]{40}", blob):
        framed = f"blob {len(content)}\0".encode() + content
        return hashlib.sha1(framed, usedforsecurity=False).hexdigest() == blob
    return True
