"""Saved results to correct: frames of a phantom vessel with their true outlines, as `octseg predict` leaves them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from octseg.correction.corrections import Corrections
from octseg.correction.log import CorrectionLog, head_of
from octseg.correction.saved import SavedCase, open_saved
from octseg.export.pictures import frame_png
from octseg.export.pullback import PullbackOrigin, write_pullback
from octseg.export.run import RunWriter
from octseg.measurement import measure, measure_pullback
from octseg.measurement.pullback import FrameAlong
from octseg.phantom import Phantom
from octseg.phantom.pullback import random_pullback
from octseg.pullback import PixelScale
from octseg.result import FrameResult, ModelIdentity
from octseg.view.preprocessing import view_frame
from tests.fakes.outlined import measured_as_drawn

MODEL = ModelIdentity(name="phantom truth", source="folder", sha256="cd" * 32)
LUMEN, CAP, LIPID = 1, 2, 3
SIDE = 704


@cache
def vessel(count: int = 4, side: int = SIDE, seed: int = 3) -> list[Phantom]:
    return list(random_pullback(seed, count, size_px=side).phantoms())


def save_results(
    folder: Path,
    phantoms: Sequence[Phantom],
    *,
    frames: bool = True,
    withdrawn: int | None = None,
    doubt: NDArray[np.uint8] | None = None,
) -> Path:
    """A folder `results` of these; frames: whether they lie beside them. withdrawn: number of a frame.

    doubt: (H, W) of each that is not withdrawn.
    """
    out = folder / "results"
    along = []
    with RunWriter(out, MODEL, "cpu", "torch") as writer:
        for number, phantom in enumerate(phantoms, start=1):
            result = result_of(phantom, number, gone=number == withdrawn)
            if number != withdrawn:
                result = replace(result, doubt=doubt)
            files = {"mask_file": f"vessel_{number:04d}_mask.png", "overlay_file": f"vessel_{number:04d}_overlay.png"}
            writer.write(result, f"vessel_{number:04d}", {"folder": "", **files})
            along.append(FrameAlong.of(result))
    write_pullback(out, "vessel", measure_pullback(along, 0.2), PullbackOrigin(file="vessel.dcm"), writer.run)
    if frames:
        (out / "vessel_frames").mkdir()
        for number, phantom in enumerate(phantoms, start=1):
            (out / "vessel_frames" / f"vessel_{number:04d}.png").write_bytes(frame_png(phantom.frame))
    return out


def result_of(phantom: Phantom, number: int, *, gone: bool = False) -> FrameResult:
    masks = {name: np.zeros_like(mask) if gone else mask for name, mask in phantom.masks.items()}
    _, rays = measured_as_drawn(masks, phantom.pixel_spacing_mm, view_frame(phantom.frame))
    return FrameResult(
        name="vessel",
        file="vessel.dcm",
        frame_number=number,
        frame=phantom.frame,
        masks=masks,
        probabilities={},
        measures=measure(masks, phantom.pixel_spacing_mm),
        scale=PixelScale(phantom.pixel_spacing_mm, source="ruler", evidence="Ruler: 9 dots"),
        rays=rays,
        device="cpu",
        backend="torch",
        model=MODEL,
        withdrawn="The lumen was not found" if gone else None,
    )


def opened(folder: Path, reader: str = "AB") -> tuple[SavedCase, Corrections]:
    """A case with its log, which is to be closed."""
    case = open_saved(folder)
    log = CorrectionLog(folder / "corrections.jsonl", head_of(case.run, reader))
    return case, Corrections(case, log)


def disc(shape: tuple[int, int], row: float, col: float, radius: float) -> NDArray[np.bool_]:
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    return (rows - row) ** 2 + (cols - col) ** 2 <= radius**2


def painted(labels: NDArray[np.uint8], mask: NDArray[np.bool_], label: int) -> NDArray[np.uint8]:
    after = labels.copy()
    after[mask] = label
    return after
