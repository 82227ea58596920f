"""Phantoms on disk: a folder of frames, palette masks and metadata.jsonl, laid out as a processed dataset."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from octseg.drawing.palette import palette_image
from octseg.phantom.rendering import Phantom, make_phantom


def write_phantoms(out: Path, count: int, seed: int, progress: Callable[[int, int], None] | None = None) -> None:
    """Write phantoms of the seeds `seed` to `seed + count - 1`.

    Args:
        out: becomes `images/phantom_0001.png`, `masks/phantom_0001.png` and `metadata.jsonl`.
        count: how many.
        seed: of the first one.
        progress: told (done, count) after each.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with (out / "metadata.jsonl").open("w", encoding="utf-8") as metadata:
        for place in range(count):
            phantom = make_phantom(seed + place)
            name = f"phantom_{place + 1:04d}.png"
            Image.fromarray(phantom.frame).save(out / "images" / name, compress_level=1)
            palette_image(phantom.masks).save(out / "masks" / name)
            metadata.write(json.dumps(metadata_row(phantom, name, place + 1)) + "\n")
            if progress is not None:
                progress(place + 1, count)


def metadata_row(phantom: Phantom, name: str, frame: int) -> dict[str, Any]:
    """The line of metadata.jsonl for one phantom."""
    return {
        "image_file_name": f"images/{name}",
        "mask_file_name": f"masks/{name}",
        "study": "phantom",
        "series": "1",
        "frame": frame,
        "seed": phantom.spec.seed,
        "pixel_spacing_mm": phantom.pixel_spacing_mm,
        "pixel_spacing_source": "phantom",
        "areas_px": {tissue: int(mask.sum()) for tissue, mask in phantom.masks.items()},
        "lipid_mask_depth": phantom.spec.lipid_mask_depth,
        "truth": asdict(phantom.truth),
    }
