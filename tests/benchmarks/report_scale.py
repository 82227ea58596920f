"""How many real frames bear a ruler or a scale bar that is found, what they say, and what finding them costs.

    python -m tests.benchmarks.report_scale [FOLDER]      FOLDER holds frames, also in folders below it

Prints Markdown tables. Time is of one core, the frame already decoded.
"""

import sys
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from octseg.phantom import random_spec, render
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.view import Bar, Ruler, find_bars, find_catheter, find_pixel_scale, find_ruler, ruler_marks
from octseg.view.grey import sepia_to_grey

REAL_FRAMES = Path(__file__).parents[3] / "shared" / "data" / "oct"
N_PHANTOMS = 60


def through_jpeg(frame: Frame, quality: int) -> Frame:
    _, coded = cv2.imencode(".jpg", np.ascontiguousarray(frame[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1])


def resized(frame: Frame, scale: float) -> Frame:
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=kind), dtype=np.uint8)


def on_a_screen(frame: Frame) -> Frame:
    """With margins, coloured captions and a strip with a cyan cursor below."""
    height, width = frame.shape[:2]
    screen = np.zeros((height + 250, width + 150, 3), np.uint8)
    screen[40 : 40 + height, 70 : 70 + width] = frame
    screen[height + 60 : height + 240] = np.resize(frame[height // 3 : height // 3 + 180], (180, width + 150, 3))
    cv2.line(screen, (0, height + 150), (width + 149, height + 150), (0, 200, 200), 2)
    cv2.putText(screen, "36 mm/s  54.0 mm", (20, 30), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 255, 255), 2)
    return screen


VARIANTS = {
    "JPEG, quality 90": (lambda frame: through_jpeg(frame, 90), 1.0),
    "JPEG, quality 75": (lambda frame: through_jpeg(frame, 75), 1.0),
    "JPEG, quality 50": (lambda frame: through_jpeg(frame, 50), 1.0),
    "half size": (lambda frame: resized(frame, 0.5), 0.5),
    "704 / 1024 of its size": (lambda frame: resized(frame, 0.6875), 0.6875),
    "1024 / 750 of its size": (lambda frame: resized(frame, 1.365), 1.365),
    "twice its size": (lambda frame: resized(frame, 2.0), 2.0),
    "margins, captions, strip": (on_a_screen, 1.0),
    "60 % as bright": (lambda frame: (frame * 0.6).astype(np.uint8), 1.0),
    "stretched to 5:4": (lambda frame: np.asarray(cv2.resize(frame, (750, 600)), dtype=np.uint8), 0.0),
}


def grey_frame(grey: np.ndarray) -> Frame:
    return np.repeat(np.ascontiguousarray(grey, np.uint8)[:, :, None], 3, axis=2)


def print_folders(paths: list[Path], rulers: list[Ruler | None], bars: list[tuple[Bar, ...]], root: Path) -> None:
    print("| folder | frames | with a ruler | px per mm | with a bar | px per mm | bar against ruler |")
    print("|---|---|---|---|---|---|---|")
    for folder in sorted({path.parent for path in paths}):
        here = [n for n, path in enumerate(paths) if path.parent == folder]
        pitch = [rulers[n].pitch_px for n in here if rulers[n] is not None]
        by_bar = [bar.px_per_mm for n in here for bar in bars[n]]
        both = [bar.px_per_mm / rulers[n].pitch_px - 1 for n in here for bar in bars[n] if rulers[n] is not None]
        agreement = f"{100 * min(both):+.2f} to {100 * max(both):+.2f} %" if both else ""
        print(
            f"| {folder.relative_to(root)} | {len(here)} | {len(pitch)} | {spread(pitch)} "
            f"| {sum(bool(bars[n]) for n in here)} | {spread(by_bar)} | {agreement} |"
        )


def spread(values: list[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}" if values else ""


def print_greys(frames: list[Frame]) -> None:
    print("\n| saved in grey as | rulers found | largest error of the scale | with a ring |\n|---|---|---|---|")
    truth = [find_ruler(frame) for frame in frames]
    ways = {
        "the level behind the sepia": sepia_to_grey,
        "luminance": lambda frame: cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY),
        "the red plane": lambda frame: frame[..., 0],
        "the mean": lambda frame: np.rint(frame.mean(axis=2)),
    }
    for name, way in ways.items():
        pairs = [(find_ruler(grey_frame(way(f))), t) for f, t in zip(frames, truth, strict=True) if t is not None]
        errors = [abs(found.pitch_px / true.pitch_px - 1) for found, true in pairs if found is not None]
        rings = sum(found is not None and found.ring_fits for found, _ in pairs)
        print(f"| {name} | {len(errors)} of {len(pairs)} | {100 * max(errors):.2f} % | {rings} |")


def print_false_finds() -> None:
    phantoms = [render(random_spec(seed, ruler=False)).frame for seed in range(N_PHANTOMS)]
    rulers = sum(find_ruler(frame) is not None for frame in phantoms)
    greys = sum(find_ruler(grey_frame(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY))) is not None for f in phantoms)
    bars = sum(bool(find_bars(frame)) for frame in phantoms)
    print(f"\n{N_PHANTOMS} phantoms without either: {rulers} rulers, {greys} in grey, {bars} bars found.")


def print_studies(found: dict[str, list[Ruler | None]]) -> None:
    print("\nMedians, and the smallest and largest in brackets.\n")
    print("| study | frames | found | dots | px per mm | largest gap error | ring, mm |\n|---|---|---|---|---|---|---|")
    for study, rulers in sorted(found.items()):
        seen = [ruler for ruler in rulers if ruler is not None]
        pitch = np.array([ruler.pitch_px for ruler in seen])
        ring = np.array([ruler.ring_diameter_mm for ruler in seen if ruler.ring_diameter_mm is not None])
        dots = sorted({len(ruler.dots_px) for ruler in seen})
        print(
            f"| {study} | {len(rulers)} | {len(seen)} | {' or '.join(map(str, dots))} "
            f"| {np.median(pitch):.2f} ({pitch.min():.2f} to {pitch.max():.2f}) "
            f"| {100 * max(ruler.pitch_spread for ruler in seen):.1f} % "
            f"| {np.median(ring):.4f} ({ring.min():.4f} to {ring.max():.4f}), in {ring.size} |"
        )


def print_variants(frames: list[Frame]) -> None:
    print("\n| change | found | largest error of the scale | wrong by over 1 % |")
    print("|---|---|---|---|")
    truth = [find_pixel_scale(frame).pixel_spacing_mm for frame in frames]
    for name, (change, scale) in VARIANTS.items():
        spacings = [find_pixel_scale(change(frame)).pixel_spacing_mm for frame in frames]
        errors = [
            abs(s * scale / t - 1) for s, t in zip(spacings, truth, strict=True) if s is not None and t is not None
        ]
        largest = f"{100 * max(errors):.2f} %" if errors else ""
        print(f"| {name} | {len(errors)} of {len(frames)} | {largest} | {sum(error > 0.01 for error in errors)} |")


def print_costs(frames: list[Frame]) -> None:
    rulers = [find_ruler(frame) for frame in frames]
    pairs = [(frame, ruler) for frame, ruler in zip(frames, rulers, strict=True) if ruler is not None]
    costs: dict[str, list[float]] = defaultdict(list)
    for frame, ruler in pairs:
        for name, call in (
            ("find_ruler", lambda f=frame: find_ruler(f)),
            ("find_bars", lambda f=frame: find_bars(f)),
            ("ruler_marks", lambda f=frame, r=ruler: ruler_marks(f, r)),
            ("find_catheter, without a ruler", lambda f=frame: find_catheter(f)),
            ("find_pixel_scale, ruler and bars given", lambda f=frame, r=ruler: find_pixel_scale(f, ruler=r, bars=())),
        ):
            start = time.process_time()
            call()
            costs[name].append(1e3 * (time.process_time() - start))
    print("\n| step, one frame | median ms | p95 ms |")
    print("|---|---|---|")
    for name, milliseconds in costs.items():
        print(f"| {name} | {np.median(milliseconds):.1f} | {np.quantile(milliseconds, 0.95):.1f} |")


def main(arguments: list[str]) -> int:
    cv2.setNumThreads(1)
    folder = Path(arguments[0]) if arguments else REAL_FRAMES
    paths = sorted(path for path in folder.rglob("*.png") if path.parent.name != "mask")
    if not paths:
        print(f"no frames in {folder.name}", file=sys.stderr)
        return 1
    found: dict[str, list[Ruler | None]] = defaultdict(list)
    some: list[Frame] = []
    rulers: list[Ruler | None] = []
    bars: list[tuple[Bar, ...]] = []
    for number, path in enumerate(paths):
        (frame,) = read_pullback(path)
        rulers.append(find_ruler(frame))
        bars.append(find_bars(frame))
        found[path.name.split("_")[0]].append(rulers[-1])
        if number % 10 == 0 or not path.name.startswith("001"):
            some.append(frame)
    print_folders(paths, rulers, bars, folder)
    print_false_finds()
    print_greys(some)
    print_studies(found)
    print_variants(some)
    print_costs(some)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
