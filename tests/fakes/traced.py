"""A phantom pullback as exports take it: true masks measured, frames drawn a few times over, all on disk meanwhile."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from octseg.classes import CLASS_NAMES
from octseg.export.planes import Masks, pack, unpack
from octseg.export.provenance import run_record
from octseg.export.pullback import PullbackOrigin, pullback_record
from octseg.export.segmented import Segmented
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.pullback import FrameAlong, measure_pullback
from octseg.phantom import PullbackSpec
from octseg.phantom.geometry import anatomy, masks
from octseg.phantom.rendering import render
from octseg.pullback import Frame, PixelScale
from octseg.result import FrameResult, ModelIdentity
from octseg.view.disc import Disc
from octseg.view.preprocessing import FrameView
from tests.fakes.outlined import measured_as_drawn

MODEL = ModelIdentity(name="true masks", source="folder", sha256="00" * 32)
REASON = "Nothing is said of this frame: blood is in the lumen, and its outline cannot be right."


def traced(vessel: PullbackSpec, folder: Path, *, drawn: int, withdrawn: tuple[int, ...] = ()) -> Segmented:
    """All frames of a vessel; drawn: how many pictures there are of it, which are shown again and again."""
    spacing_mm = vessel.spec(1).pixel_spacing_mm
    scale = PixelScale(pixel_spacing_mm=spacing_mm, source="ruler", evidence="Burned-in ruler: 9 dots")
    step = max(1, vessel.frame_count // drawn)
    records, kept = [], []
    shape = (vessel.base.size_px, vessel.base.size_px)
    for number in range(1, vessel.frame_count + 1):
        result = _result(vessel, number, scale, withdrawn=number in withdrawn)
        kept.append(FrameAlong.of(result))
        records.append(result.to_record())
        (folder / f"{number}.masks").write_bytes(pack(result.masks))
        if (number - 1) % step == 0:
            np.save(folder / f"{number}.npy", render(vessel.spec(number)).frame)

    def frames(first: int = 0, last: int | None = None) -> Iterator[Frame]:
        for place in range(vessel.frame_count)[first:last]:
            yield np.load(folder / f"{place - place % step + 1}.npy")

    def read_masks(place: int) -> Masks:
        return unpack((folder / f"{place + 1}.masks").read_bytes(), CLASS_NAMES, shape)

    measures = measure_pullback(kept, vessel.frame_spacing_mm)
    run = run_record(MODEL, "cpu", "none")
    origin = PullbackOrigin(
        file="IMG001",
        pixel_spacing_source="ruler",
        pixel_spacing_evidence=scale.evidence,
        frame_spacing_source="frame_count",
        warnings=("this pullback is a phantom",),
    )
    return Segmented(
        name="IMG001",
        file="IMG001",
        records=records,
        stems=[f"IMG001_{number:04d}" for number in range(1, vessel.frame_count + 1)],
        read_masks=read_masks,
        read_frames=frames,
        classes=CLASS_NAMES,
        run=run,
        measures=measures,
        pullback_record=pullback_record(measures, origin, run),
    )


def _result(vessel: PullbackSpec, number: int, scale: PixelScale, *, withdrawn: bool) -> FrameResult:
    spec = vessel.spec(number)
    middle = (spec.size_px - 1) / 2
    true = masks(spec, anatomy(spec))
    grey = np.where(true["lumen"], 10, 120).astype(np.uint8)
    view = FrameView(grey, Disc((middle, middle), spec.size_px / 2), (middle, middle), None)
    measures, rays = measured_as_drawn(true, spec.pixel_spacing_mm, view)
    result = FrameResult(
        name="IMG001",
        file="IMG001",
        frame_number=number,
        frame=np.zeros((4, 4, 3), np.uint8),
        masks={name: true[name] for name in CLASS_NAMES},
        probabilities={},
        measures=measures,
        scale=scale,
        device="cpu",
        backend="none",
        model=MODEL,
        rays=rays,
    )
    result = replace(result, frame=np.zeros((*grey.shape, 3), np.uint8))
    if not withdrawn:
        return result
    nothing = {name: np.zeros_like(mask) for name, mask in result.masks.items()}
    return replace(result, masks=nothing, measures=FrameMeasures(), rays=None, withdrawn=REASON)
