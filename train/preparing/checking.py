"""Whether a dataset folder is what it says: `python -m train.prepare --check DIR`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from octseg.cards.dataset import CARD_FILE, card_faults
from octseg.classes import PALETTE_INDEX
from octseg.dataset.folder import SPLITS, read_lines
from octseg.dataset.publishing import manifest_faults, read_provenance
from octseg.errors import DatasetError
from train.preparing.processing import areas


def faults(folder: Path, progress: Any = iter) -> list[str]:
    """All that is wrong, a sentence each: files, metadata against masks, counts, a study on two sides, the card.

    Raises DatasetError where the folder is no dataset at all.
    """
    provenance = read_provenance(folder)
    found = manifest_faults(folder)
    try:
        lines = {split: read_lines(folder, split) for split in SPLITS}
        for split in SPLITS:
            found += _listing_faults(folder / split, lines[split])
            for line in progress(lines[split]):
                found += _frame_faults(folder / split, line, provenance)
            counted = provenance["counts"].get(split, {}).get("frames", 0)
            if counted != len(lines[split]):
                found.append(f"{split} has {len(lines[split])} frames, and its provenance says {counted}")
        found += _split_faults(lines, provenance)
    except DatasetError as error:
        found.append(str(error))
    except (KeyError, TypeError, AttributeError):  # of a provenance or a line that lacks what each of them has
        found.append("its provenance or its metadata lacks what was written into it")
    card = folder / CARD_FILE
    return found + card_faults(card.read_text(encoding="utf-8", errors="replace") if card.exists() else "")


def _listing_faults(folder: Path, lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Files of a split that its metadata does not speak of."""
    told = {line[key] for line in lines for key in ("image_file_name", "mask_file_name")}
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.png")} if folder.is_dir() else set()
    return [f"{folder.name}/{name} is not in the metadata" for name in sorted(there - told)]


def _frame_faults(folder: Path, line: Mapping[str, Any], provenance: Mapping[str, Any]) -> list[str]:
    """What does not fit between a line of metadata and its two pictures."""
    name, side = line["image_file_name"], provenance["size"]
    try:
        with Image.open(folder / name) as frame, Image.open(folder / line["mask_file_name"]) as mask:
            sizes, modes = {frame.size, mask.size}, (frame.mode, mask.mode)
            indices = np.asarray(mask)
    except (OSError, SyntaxError):
        return [f"{name} or its mask cannot be read"]
    if sizes != {(side, side)} or modes != ("RGB", "P"):
        return [f"{name} or its mask is not {side} x {side} in RGB and palette"]
    classes = tuple(provenance["classes"])
    if extra := set(np.unique(indices).tolist()) - {0, *(PALETTE_INDEX[each] for each in classes)}:
        return [f"the mask of {name} has the values {sorted(extra)}, which stand for no class of this dataset"]
    measured = areas(indices, classes, line["pixel_spacing_mm"])
    return [
        f"{key} of {name} is {line[key]}, and its mask has {value}"
        for key, value in measured.items()
        if line[key] != value
    ]


def _split_faults(lines: Mapping[str, list[dict[str, Any]]], provenance: Mapping[str, Any]) -> list[str]:
    """Studies on two sides, unless the split says that it leaks."""
    if provenance["split"]["leaks"]:
        return []
    sides: dict[str, set[str]] = {}
    for split, of_split in lines.items():
        for line in of_split:
            sides.setdefault(line["study"], set()).add(split)
    return [f"study {study} is in {' and in '.join(sorted(on))}" for study, on in sorted(sides.items()) if len(on) > 1]
