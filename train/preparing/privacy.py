"""A lab's own data: names replaced by keyed hashes, what is burned in beside the disc blanked, each picture marked.

The key file holds the secret and which hash stands for which name. It lies outside the dataset folder, readable by its
owner alone, and never travels with the data. The same key file gives the same hashes for a later batch.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from octseg.errors import DatasetError, ReadError
from octseg.export.files import partial_path, told_in_one_sentence
from octseg.pullback import Frame
from octseg.view.capture import locate_disc
from train.preparing.names import FrameName

HASH_DIGITS = 12


@dataclass
class Key:
    """The secret, and what was hashed with it: hash -> name."""

    secret: bytes
    names: dict[str, str] = field(default_factory=dict)

    def hashed(self, kind: str, name: str) -> str:
        """The hash that stands for a name of that kind (study, series, file), noted in the key."""
        digest = hmac.new(self.secret, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]
        self.names[f"{kind} {digest}"] = name
        return digest


def load_key(path: Path, dataset: Path) -> Key:
    """The key of a file, or a new one where there is none yet.

    Raises DatasetError where the file is no key, or would lie inside the dataset.
    """
    inside = path.resolve()
    if dataset.resolve() in (inside, *inside.parents):
        raise DatasetError("the key file must lie outside the dataset folder: who has both has the patients' names")
    if not path.exists():
        return Key(secrets.token_bytes(32))
    try:
        stored = json.loads(path.read_bytes())
        return Key(bytes.fromhex(stored["secret"]), dict(stored["names"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path.name} is no key file of this program; give another name for a new one") from error


def save_key(path: Path, key: Key) -> None:
    """Write the key so that only its owner can read it."""
    text = json.dumps({"secret": key.secret.hex(), "names": dict(sorted(key.names.items()))}, indent=1)
    partial = partial_path(path)
    with told_in_one_sentence(path.name):
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
            target.write(text)
        partial.replace(path)


def hidden_names(names: Iterable[FrameName], key: Key) -> dict[FrameName, FrameName]:
    """Each name with study and series hashed and its frames counted anew from 1 in each series."""
    hidden: dict[FrameName, FrameName] = {}
    counts: dict[tuple[str, str], int] = {}
    for name in sorted(names):
        study, series = key.hashed("study", name.study), key.hashed("series", f"{name.study}/{name.series}")
        counts[study, series] = counts.get((study, series), 0) + 1
        hidden[name] = FrameName(study, series, counts[study, series])
    return hidden


def blanked(frame: Frame) -> Frame:
    """The frame (H, W, 3) black outside its disc, where names and dates are burned in.

    Raises ReadError where no disc is found: what is text and what tissue cannot be told then.
    """
    disc = locate_disc(frame)
    if disc is None:
        raise ReadError("no imaged disc was found in the frame, so text burned in beside it cannot be blanked")
    return frame * disc.mask(*frame.shape[:2])[..., None]
