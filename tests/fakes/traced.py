"""A phantom pullback as exports take it: true masks measured, frames drawn a few times over, all of it on disk."""

import json
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
EVIDENCE = "Burned-in ruler: 9 dots"
LINES = "frames.json"


def trace(vessel: PullbackSpec, folder: Path, *, drawn: int, withdrawn: tuple[int, ...] = ()) -> None:
    """Put all frames of a vessel into a folder; drawn: how many pictures there are of it, shown again and again."""
    step = max(1, vessel.frame_count // drawn)
    lines = []
    for number in range(1, vessel.frame_count + 1):
        result = _result(vessel, number, withdrawn=number in withdrawn)
        lines.append({"record": result.to_record(), "along": FrameAlong.of(result).to_record()})
        (folder / f"{number}.masks").write_bytes(pack(result.masks))
        if (number - 1) % step == 0:
            np.save(folder / f"{number}.npy", render(vessel.spec(number)).frame)
    content = {"lines": lines, "step": step, "frame_spacing_mm": vessel.frame_spacing_mm, "side": vessel.base.size_px}
    (folder / LINES).write_text(json.dumps(content))


def traced(folder: Path) -> Segmented:
    """What `trace` put there."""
    content = json.loads((folder / LINES).read_text())
    step, side, records = content["step"], content["side"], [line["record"] for line in content["lines"]]

    def frames(first: int = 0, last: int | None = None) -> Iterator[Frame]:
        for place in range(len(records))[first:last]:
            yield np.load(folder / f"{place - place % step + 1}.npy")

    def read_masks(place: int) -> Masks:
        return unpack((folder / f"{place + 1}.masks").read_bytes(), CLASS_NAMES, (side, side))

    kept = [FrameAlong.from_record(line["along"]) for line in content["lines"]]
    measures = measure_pullback(kept, content["frame_spacing_mm"])
    run = run_record(MODEL, "cpu", "none", "f32")
    origin = PullbackOrigin(
        file="IMG001",
        pixel_spacing_source="ruler",
        pixel_spacing_evidence=EVIDENCE,
        frame_spacing_source="frame_count",
        warnings=("this pullback is a phantom",),
    )
    return Segmented(
        name="IMG001",
        file="IMG001",
        records=records,
        stems=[f"IMG001_{record['frame']:04d}" for record in records],
        read_masks=read_masks,
        read_frames=frames,
        classes=CLASS_NAMES,
        run=run,
        measures=measures,
        pullback_record=pullback_record(measures, origin, run),
    )


def _result(vessel: PullbackSpec, number: int, *, withdrawn: bool) -> FrameResult:
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
        frame=np.zeros((*grey.shape, 3), np.uint8),
        masks={name: true[name] for name in CLASS_NAMES},
        probabilities={},
        measures=measures,
        scale=PixelScale(pixel_spacing_mm=spec.pixel_spacing_mm, source="ruler", evidence=EVIDENCE),
        device="cpu",
        backend="none",
        model=MODEL,
        rays=rays,
    )
    if not withdrawn:
        return result
    nothing = {name: np.zeros_like(mask) for name, mask in result.masks.items()}
    return replace(result, masks=nothing, measures=FrameMeasures(), rays=None, withdrawn=REASON)
