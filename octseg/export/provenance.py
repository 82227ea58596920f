"""Where a result came from, as every file of it says: software, model, device, scale. Never a path, never a patient."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import octseg
from octseg.measurement.records import json_value, json_values
from octseg.measurement.wording import NOTICE as NOTICE
from octseg.pullback import PixelScale
from octseg.reading.own import AS_READ, MADE_BY, SOFTWARE

if TYPE_CHECKING:
    from octseg.result import FrameResult, ModelIdentity


def run_record(model: "ModelIdentity", device: str, backend: str, precision: str) -> dict[str, Any]:
    """The head of measures.json: what is the same for all frames of a run."""
    return {
        "model": json_values(model),
        "octseg": octseg.__version__,
        "device": device,
        "backend": backend,
        "precision": precision,
        "notice": NOTICE,
    }


def run_sentence(run: Mapping[str, Any]) -> str:
    """The head of measures.json in words, on one line."""
    model = run["model"]
    corrected = corrected_words(run)
    return (
        f"{f'Outlines {corrected}. ' if corrected else ''}"
        f"Made by octseg {run['octseg']} on {run['device']}, {run['backend']}, {run['precision']}. "
        f"Model {model['name']} ({model['source']}), revision {model['revision'] or 'none'}, "
        f"sha256 {model['sha256']}. {run['notice']}."
    )


def corrected_words(run: Mapping[str, Any]) -> str:
    """Whose hand changed how many outlines, as "of 3 frames corrected by AB"; nothing where no hand did."""
    count, interpolated = run.get("corrected_frame_count") or 0, run.get("interpolated_frame_count") or 0
    if not count:
        return ""
    said = f", {interpolated} of them interpolated and not accepted" if interpolated else ""
    return f"of {count} frame{'' if count == 1 else 's'} corrected by {run['corrected_by']}{said}"


def scale_sentence(scale: PixelScale) -> str:
    """The scale with its source and evidence, or that there is none."""
    if scale.pixel_spacing_mm is None:
        return "unknown, so nothing is given in mm"
    evidence = f" ({scale.evidence.rstrip('.')})" if scale.evidence else ""
    return f"{scale.pixel_spacing_mm:.6g} mm per pixel, source: {scale.source}{evidence}"


def scales_sentence(pullback: Mapping[str, Any]) -> str:
    """Of a pullback's record: mm per pixel and from frame to frame, each with where it comes from."""
    spacing_mm = pullback.get("frame_spacing_mm")
    scale = PixelScale(
        pixel_spacing_mm=pullback.get("pixel_spacing_mm"),
        source=pullback.get("pixel_spacing_source"),
        evidence=pullback.get("pixel_spacing_evidence") or "",
    )
    between = "not known"
    if spacing_mm is not None:
        between = f"{spacing_mm:g} mm, source: {pullback.get('frame_spacing_source')}, along a vessel drawn straight"
    return f"Scale: {scale_sentence(scale)}; between frames: {between}."


def made_here() -> dict[str, str]:
    """The text by which a picture that was made of frames is no frame itself."""
    return {SOFTWARE: f"{MADE_BY}{octseg.__version__}"}


def frame_copy() -> dict[str, str]:
    """The text of a frame that was written as it was read."""
    return {SOFTWARE: f"{MADE_BY}{octseg.__version__}{AS_READ}"}


def picture_texts(result: "FrameResult") -> dict[str, str]:
    """Keyword -> text, as they are written into each PNG."""
    return _texts(run_record(result.model, result.device, result.backend, result.precision), result.scale)


def record_texts(run: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, str]:
    """The same, of a frame's entry in measures.json and the head of that."""
    scale = PixelScale(
        pixel_spacing_mm=record["pixel_spacing_mm"],
        source=record["pixel_spacing_source"],
        evidence=record["pixel_spacing_evidence"] or "",
    )
    return _texts(run, scale)


def _texts(run: Mapping[str, Any], scale: PixelScale) -> dict[str, str]:
    model = run["model"]
    revision = model["revision"] or "none"
    texts = {
        **made_here(),
        "Model": f"{model['name']} ({model['source']}), revision {revision}, sha256 {model['sha256']}",
        "Device": f"{run['device']}, {run['backend']}, {run['precision']}",
        "Pixel spacing": scale_sentence(scale),
        "Disclaimer": NOTICE,
    }
    return {keyword: json_value(text) for keyword, text in texts.items()}
