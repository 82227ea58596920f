"""Phantoms on disk: a folder of frames, palette masks and metadata.jsonl, laid out as a processed dataset."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image

from octseg.drawing.palette import palette_image
from octseg.phantom.pullback import PullbackSpec, random_pullback
from octseg.phantom.rendering import Phantom, make_phantom


def write_pullbacks(
    out: Path, frame_count: int, count: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write phantom pullbacks of the seeds `seed` to `seed + count - 1`, frame by frame.

    Args:
        out: becomes a folder for each, `pullback_0001/` and so on, with `images/`, `masks/`, `metadata.jsonl` and
            `truth.json`.
        frame_count: of each.
        count, seed: as of `write_phantoms`.
        progress: told (frames done, frames in all) after each.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    for place in range(count):
        vessel = replace(random_pullback(seed + place, frame_count), name=f"pullback_{place + 1:04d}")
        folder = out / vessel.name
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(vessel_record(vessel), indent=1, allow_nan=False)
        (folder / "truth.json").write_bytes(f"{content}\n".encode())
        done = place * frame_count
        _write(
            folder,
            ((f"frame_{n:04d}.png", phantom) for n, phantom in enumerate(vessel.phantoms(), start=1)),
            lambda n, done=done: progress and progress(done + n, count * frame_count),  # type: ignore[misc]
            study=vessel.name,
        )


def vessel_record(vessel: PullbackSpec) -> dict[str, Any]:
    """truth.json of a pullback: its spacings, how the heart moves it, and the truth along the vessel."""
    return {
        "name": vessel.name,
        "seed": vessel.base.seed,
        "frame_count": vessel.frame_count,
        "frame_spacing_mm": vessel.frame_spacing_mm,
        "pixel_spacing_mm": vessel.base.pixel_spacing_mm,
        "heart_mm": vessel.heart_mm,
        "heart_frames": vessel.heart_frames,
        **asdict(vessel.truth()),
        "position_of_frames_mm": [vessel.position_mm(number) for number in range(1, vessel.frame_count + 1)],
    }


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
    made = ((f"phantom_{place + 1:04d}.png", make_phantom(seed + place)) for place in range(count))
    _write(out, made, lambda done: progress and progress(done, count))


def _write(
    out: Path, phantoms: Iterable[tuple[str, Phantom]], progress: Callable[[int], None], study: str = "phantom"
) -> None:
    """Write named phantoms one by one into `out`."""
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with (out / "metadata.jsonl").open("w", encoding="utf-8") as metadata:
        for number, (name, phantom) in enumerate(phantoms, start=1):
            Image.fromarray(phantom.frame).save(out / "images" / name, compress_level=1)
            palette_image(phantom.masks).save(out / "masks" / name)
            metadata.write(json.dumps(metadata_row(phantom, name, number, study)) + "\n")
            progress(number)


def metadata_row(phantom: Phantom, name: str, frame: int, study: str = "phantom") -> dict[str, Any]:
    """The line of metadata.jsonl for one phantom."""
    return {
        "image_file_name": f"images/{name}",
        "mask_file_name": f"masks/{name}",
        "study": study,
        "series": "1",
        "frame": frame,
        "seed": phantom.spec.seed,
        "pixel_spacing_mm": phantom.pixel_spacing_mm,
        "pixel_spacing_source": "phantom",
        "areas_px": {tissue: int(mask.sum()) for tissue, mask in phantom.masks.items()},
        "lipid_mask_depth": phantom.spec.lipid_mask_depth,
        "truth": asdict(phantom.truth),
    }
