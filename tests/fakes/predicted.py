"""What `octseg predict` writes, of frames whose files bear a patient's name."""

from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from octseg.export.run import RunWriter
from octseg.measurement.frame import FrameMeasures
from octseg.pullback import PixelScale
from octseg.result import FrameResult, ModelIdentity

PATIENT = "DOE_JANE_19450312"
MODEL = ModelIdentity(name="jane_does_model", source="folder", revision=None, sha256="ab" * 32)


def square(top: int, size: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top : top + size, 10 : 10 + size] = True
    return mask


def made(level: int, name: str = PATIENT) -> FrameResult:
    """A result of 60 x 80 px whose frame has one grey level and whose file has a patient's name."""
    masks = {"lumen": square(5, 30), "lipid_core": square(25, 20)}
    return FrameResult(
        name=name,
        file=f"{name}.png",
        frame=np.full((60, 80, 3), level, np.uint8),
        masks=masks,
        probabilities={},
        measures=FrameMeasures(lipid_core_area_px=400.0, lipid_core_area_mm2=1.25, lipid_arc_deg=90.0),
        scale=PixelScale(pixel_spacing_mm=0.00668, source="ruler", evidence=f"Ruler of {name}.png: 9 dots"),
        device="cpu",
        backend="torch",
        model=MODEL,
        warnings=(f"{name} reaches the edge", "<b>bold</b>"),
    )


def predict(folder: Path, *results: FrameResult) -> tuple[Path, Path]:
    """What `octseg predict` writes for frames, and the folder of these frames, which bear a patient's name."""
    frames, out = folder / "frames", folder / "out"
    frames.mkdir(parents=True)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Patient", PATIENT)
    with RunWriter(out, MODEL, "cpu", "torch") as writer:
        for result in results:
            exif = Image.Exif()
            exif[0x010E] = PATIENT
            Image.fromarray(result.frame).save(frames / result.file, pnginfo=texts, exif=exif)
            files = {"mask_file": f"{result.name}_mask.png", "overlay_file": f"{result.name}_overlay.png"}
            writer.write(result, result.name, files)
    return out, frames


def as_page(folder: Path) -> Path:
    """What the page keeps of one frame."""
    out, _ = predict(folder, made(100))
    for kind in ("mask", "overlay"):
        (out / f"{PATIENT}_{kind}.png").rename(out / f"{kind}.png")
    Image.fromarray(made(100).frame).save(out / "frame.png")
    return out
