"""A drawn pullback as exports take it: masks that tell their frame, overlap, have holes, and touch the frame's edge.

Frames of 61 x 53 px have 3233 pixels, which is no whole number of bytes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.export.provenance import run_record
from octseg.export.pullback import PullbackOrigin, pullback_record
from octseg.export.segmented import Segmented
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.pullback import measure_pullback
from octseg.pullback import PixelScale
from octseg.result import FrameResult, ModelIdentity
from tests.fakes import along

HEIGHT, WIDTH = 61, 53
PIXEL_MM, FRAME_MM = 0.01, 0.2
MODEL = ModelIdentity(name="drawn", source="folder", revision="4f" * 20, sha256="ab" * 32)
REASON = "Nothing is said of this frame: it shows blood."
SCALE = PixelScale(pixel_spacing_mm=PIXEL_MM, source="dicom", evidence="PixelSpacing of the header")


def masks_of(number: int, height: int = HEIGHT, width: int = WIDTH) -> dict[str, NDArray[np.bool_]]:
    """Of the frame of a number: a lumen that moves down, a cap around it, lipid over both, vasa in odd frames."""
    row, col = np.mgrid[:height, :width]
    away = np.hypot(row - 15 - number, col - 20)
    masks = {"lumen": away < 8, "fibrous_cap": (away >= 8) & (away < 11), "lipid_core": np.zeros_like(away, bool)}
    masks["lipid_core"][10 + number : 20 + number, 26 + number % 5 :] = True
    masks["vasa_vasorum"] = np.zeros_like(away, bool)
    if number % 2:
        masks["vasa_vasorum"][[height - 1, height - 2], [number, number + 1]] = True
    return masks


def frame_of(number: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 40 + number, np.uint8)


def result_of(number: int, *, withdrawn: bool = False, measured: bool = False, name: str = "IMG001") -> FrameResult:
    """measured: whether it has what is measured along a vessel."""
    masks = masks_of(number)
    if withdrawn:
        masks = {tissue: np.zeros_like(mask) for tissue, mask in masks.items()}
    return FrameResult(
        name=name,
        file=name,
        frame_number=number,
        frame=frame_of(number),
        masks=masks,
        probabilities={},
        measures=FrameMeasures() if withdrawn else FrameMeasures(lumen_area_mm2=2.0, pixel_spacing_mm=PIXEL_MM),
        scale=SCALE,
        device="cpu",
        backend="torch",
        model=MODEL,
        withdrawn=REASON if withdrawn else None,
        rays=along.frame(number, [(10, 100)]).rays if measured else None,
    )


def segmented(
    first: int = 1, count: int = 6, *, withdrawn: tuple[int, ...] = (), missing: tuple[int, ...] = (), **more: Any
) -> Segmented:
    """Frames `first` on, some of them withdrawn, some not there; more: fields of `Segmented` in the place of these."""
    numbers = [number for number in range(first, first + count) if number not in missing]
    results = [result_of(number, withdrawn=number in withdrawn) for number in numbers]
    measures = measure_pullback(
        [along.withdrawn(n) if n in withdrawn else along.frame(n, [(10, 100)]) for n in numbers], FRAME_MM
    )
    run = run_record(MODEL, "cpu", "torch", "f32")

    def masks(place: int) -> dict[str, NDArray[np.bool_]]:
        return results[place].masks

    def frames(first: int = 0, last: int | None = None) -> Iterator[NDArray[np.uint8]]:
        return (result.frame for result in results[first:last])

    given: Mapping[str, Any] = {
        "name": "IMG001",
        "file": "IMG001",
        "records": [result.to_record() for result in results],
        "stems": [f"IMG001_{number:04d}" for number in numbers],
        "read_masks": masks,
        "read_frames": frames,
        "classes": CLASS_NAMES,
        "run": run,
        "measures": measures,
        "pullback_record": pullback_record(measures, PullbackOrigin(file="IMG001", frame_spacing_source="user"), run),
    }
    return Segmented(**{**given, **more})
