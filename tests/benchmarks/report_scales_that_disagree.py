"""What is said where scales disagree: `python -m tests.benchmarks.report_scales_that_disagree`.

Small pullbacks of phantoms, each with two scales, or two spacings of frames, that differ, through `octseg predict`:
the scale that is used, what stands on the screen, and in which files. Prints a Markdown table.
"""

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from PIL import Image

import octseg
from octseg.cli import main as command
from octseg.phantom import display, random_spec, render
from octseg.phantom.exports import ScaleBar, as_export
from octseg.pullback import Frame
from tests.fakes.dicom_files import groups, pullback_file
from tests.fakes.pullbacks import encoded, video

COUNT, SIDE, MM = 4, 704, 0.00996


@dataclass(frozen=True)
class Case:
    """What disagrees; how it is made in a folder, and with which flags it is read."""

    name: str
    make: Callable[[Path], Path]
    flags: Sequence[str] = ()


def frames(count: int = COUNT, *, ruler: bool = True, side: int = SIDE) -> list[Frame]:
    """Cross-sections of 7 mm."""
    return [render(random_spec(seed, size_px=side, ruler=ruler, field_mm=7.01)).frame for seed in range(count)]


def with_bar(label: str, *, ruler: bool = True, ring: bool = False) -> list[Frame]:
    """Frames on a larger picture with a bar of 1 mm that says `label`; with the console's ring about the catheter."""
    drawn = [render(random_spec(seed, size_px=SIDE, ruler=ruler, field_mm=7.01)) for seed in range(COUNT)]
    for each in drawn if ring else ():
        display._draw_ring(each.frame, display.RING_DRAWN_MM / 2 / each.pixel_spacing_mm)
    return [as_export(each, ScaleBar(label=label), height=800, width=980).frame for each in drawn]


def with_ring(diameter_mm: float) -> list[Frame]:
    """Frames whose catheter ring has that width by their ruler."""
    with mock.patch.object(display, "RING_DRAWN_MM", diameter_mm):
        return frames()


def dicom(pictures: Sequence[Frame], **elements: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "IMG001"
        path.write_bytes(pullback_file(list(pictures), **elements))
        return path

    return make


def folder_of(pictures: Sequence[Frame]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "run").mkdir()
        for number, picture in enumerate(pictures, start=1):
            (folder / "run" / f"frame_{number:03d}.png").write_bytes(encoded(picture))
        return folder / "run"

    return make


def mp4(pictures: Sequence[Frame], crf: int) -> Callable[[Path], Path]:
    return lambda folder: video(folder / "run.mp4", list(pictures), options={"crf": str(crf)})


def tiff(pictures: Sequence[Frame]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        first, *rest = map(Image.fromarray, pictures)
        first.save(folder / "run.tif", save_all=True, append_images=rest)
        return folder / "run.tif"

    return make


def small(picture: Frame, side: int) -> Frame:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def spaced(*spacings: float) -> dict[str, object]:
    """Functional groups with a PixelSpacing for each frame."""
    each = [{"PixelSpacing": [mm, mm]} for mm in spacings]
    return {"PerFrameFunctionalGroupsSequence": groups(PixelMeasuresSequence=each)}


def places(*at_mm: float) -> dict[str, object]:
    each = [{"IntravascularLongitudinalDistance": at} for at in at_mm]
    return {"PerFrameFunctionalGroupsSequence": groups(IntravascularFrameContentSequence=each)}


def cases() -> Iterator[Case]:
    """Each pair of what may tell a scale."""
    plain, bare = frames(), frames(ruler=False)
    yield Case("ruler, DICOM header (0.0068)", dicom(plain, PixelSpacing=[0.0068, 0.0068]))
    yield Case("ruler, user (0.0068)", folder_of(plain), ("--pixel-spacing", "0.0068"))
    yield Case(
        "DICOM header (0.0068), user (0.01)", dicom(bare, PixelSpacing=[0.0068] * 2), ("--pixel-spacing", "0.01")
    )
    yield Case("ruler, bar that says 2 mm and is 1 mm", folder_of(with_bar("2 mm")))
    yield Case(
        "ruler and bar of a DICOM file whose header says 0.0068",
        dicom(with_bar("1 mm"), PixelSpacing=[0.0068] * 2),
    )
    yield Case("bar that says 2 mm, ring", folder_of(with_bar("2 mm", ruler=False, ring=True)))
    yield Case("bar that says 2 mm, sheath", folder_of(with_bar("2 mm", ruler=False)))
    yield Case("bar that says 5 mm, disc", folder_of(with_bar("5 mm", ruler=False)))
    yield Case(
        "bar of a DICOM file, user (0.0068)", dicom(with_bar("1 mm", ruler=False)), ("--pixel-spacing", "0.0068")
    )
    yield Case("ruler, ring of 1.2 mm", folder_of(with_ring(1.2)))
    yield Case("ruler, preset 5 mm", folder_of(plain), ("--preset", "5 mm"))
    yield Case("no ruler, preset 10 mm of a frame of 7 mm", folder_of(bare), ("--preset", "10 mm"))
    yield Case("no ruler, preset 1024 of frames of 704", folder_of(bare), ("--preset", "1024"))
    yield Case("DICOM header (0.00996), preset 5 mm", dicom(bare, PixelSpacing=[MM] * 2), ("--preset", "5 mm"))
    yield Case("video, CRF 18, user (0.0068)", mp4(plain, 18), ("--pixel-spacing", "0.0068"))
    yield Case("video, CRF 45: no ruler left", mp4(plain, 45))
    yield Case(
        "video of two zooms",
        mp4([*plain[:2], *(small(np.pad(p, ((176, 176), (176, 176), (0, 0))), SIDE) for p in plain[:2])], 18),
    )
    yield Case(
        "DICOM: groups 0.0068, file 0.00996",
        dicom(
            bare,
            PixelSpacing=[MM] * 2,
            SharedFunctionalGroupsSequence=groups(PixelMeasuresSequence={"PixelSpacing": [0.0068, 0.0068]}),
        ),
    )
    yield Case("DICOM: PixelSpacing differs by frame", dicom(bare, **spaced(MM, MM, 0.0068, 0.0068)))
    yield Case("DICOM: PixelSpacing of 0.35 mm", dicom(plain, PixelSpacing=[0.35, 0.35]))
    yield Case("DICOM: pixels that are not square", dicom(plain, PixelSpacing=[0.01, 0.02]))
    yield Case(
        "zoom changes on the way",
        tiff([*plain[:2], *(small(np.pad(p, ((176, 176), (176, 176), (0, 0))), SIDE) for p in plain[:2])]),
    )
    yield Case(
        "frame spacing: header 0.1, user 0.2", dicom(plain, SpacingBetweenSlices=0.1), ("--frame-spacing", "0.2")
    )
    yield Case("frame spacing: uneven positions", dicom(plain, **places(0.0, 0.1, 0.3, 0.4)))
    yield Case(
        "frame spacing: positions 0.1, SpacingBetweenSlices 0.2",
        dicom(plain, SpacingBetweenSlices=0.2, **places(0.0, 0.1, 0.2, 0.3)),
    )
    yield Case("frame spacing: nothing tells it", dicom(plain))
    tiny = [small(plain[0], 96)] * 271
    yield Case("frame spacing: 271 frames, nothing else", dicom(tiny), ("--frames", "1-3"))
    yield Case("frame spacing: 271 frames, user 0.1", dicom(tiny), ("--frames", "1-3", "--frame-spacing", "0.1"))
    yield Case("frame spacing: 271 frames, header 0.1", dicom(tiny, SpacingBetweenSlices=0.1), ("--frames", "1-3"))


def tried(case: Case) -> None:
    """Print a row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given, out = case.make(folder), folder / "out"
        screen, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(errors):
            command(["predict", str(given), "--out", str(out), "--no-overlay", "--device", "cpu", *case.flags])
        said = [line.removeprefix("octseg: ").removeprefix(f"{given}: ") for line in errors.getvalue().splitlines()]
        measured = json.loads((out / "measures.json").read_text())["frames"]
        along = [json.loads(path.read_text()) for path in out.glob("*_pullback.json")]
    used = {(f["pixel_spacing_source"], f["pixel_spacing_mm"] and round(f["pixel_spacing_mm"], 5)) for f in measured}
    spacing = {(f["frame_spacing_source"], f["frame_spacing_mm"]) for f in measured}
    in_frames = [text for f in measured for text in f["warnings"]]
    in_pullback = [text for each in along for text in each["warnings"]]
    print(f"\n### {case.name} {' '.join(case.flags)}")
    print(f"used: {sorted(map(str, used))}; between frames {sorted(map(str, spacing))}")
    for text in dict.fromkeys([*said, *in_frames, *in_pullback]):
        where = [
            word
            for word, among in (("screen", said), ("frames", in_frames), ("pullback", in_pullback))
            if text in among
        ]
        print(f"* [{', '.join(where)}] {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="cases whose name holds this")
    only = parser.parse_args().only
    model = octseg.from_pretrained(device="cpu")
    with mock.patch("octseg.pretrained.load", return_value=model):
        for case in cases():
            if only in case.name:
                tried(case)


if __name__ == "__main__":
    main()
