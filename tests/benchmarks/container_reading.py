"""How pullbacks are read from each container: `python -m tests.benchmarks.container_reading [--frames FOLDER]`.

375 frames of 1024 x 1024, made of phantoms or of the pictures in FOLDER, in each container: its size, seconds until it
is open, until the first frame is there, frames a second of one core's time, and the peak of the process's resident
memory over what it held before. Each is read by a process of its own that has read a small pullback of the kind before.
`--large` takes a stack and a ZIP file of 10 GB of frames instead; `--scale FOLDER` prints what video and JPEG leave of
the burned-in ruler of real frames. Linux only. Times wander with the machine: look at ratios within one run.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import tifffile
from PIL import Image

from octseg.phantom import make_phantom
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.view import find_ruler
from tests.benchmarks.machine import size_mb
from tests.fakes.dicom_files import Syntax, pullback_file
from tests.fakes.hostile_files import ROOT
from tests.fakes.large_dicom import Way, write_large, write_native
from tests.fakes.pullbacks import encoded, video, zipped

COUNT, SIDE, KINDS_OF_FRAMES = 375, 1024, 12
SMALL = 3
LARGE_SIDE, LARGE_COUNT = 1300, 1980  # 10 GB
LARGE_DICOM = {f"DICOM, 10 GB, {way}": way for way in get_args(Way)}
SYNTAXES: dict[str, Syntax] = {
    "DICOM": "explicit",
    "DICOM, RLE": "rle",
    "DICOM, JPEG": "jpeg",
    "DICOM, JPEG-LS": "jpeg_ls",
    "DICOM, JPEG 2000": "jpeg_2000",
}
CHILD = """
import json, re, sys, time
import octseg
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1e3
for frame in octseg.read_pullback(sys.argv[1]): pass
before, start, used = peak(), time.perf_counter(), time.process_time()
pullback = octseg.read_pullback(sys.argv[2])
opened = time.perf_counter() - start
frames, count = iter(pullback), 1
next(frames)
first = time.perf_counter() - start
for frame in frames: count += 1
whole = time.process_time() - used
print(json.dumps([opened, first, count, count / whole, peak() - before]))
"""


def frames_of(folder: Path | None) -> list[Frame]:
    """A few frames of SIDE x SIDE, which are repeated."""
    if folder is None:
        some = [make_phantom(seed).frame for seed in range(KINDS_OF_FRAMES)]
    else:
        some = [next(iter(read_pullback(path))) for path in sorted(folder.iterdir())[:: 186 // KINDS_OF_FRAMES]]
    return [np.asarray(cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8) for each in some]


def turned(some: Sequence[Frame], count: int) -> Iterator[Frame]:
    """So many frames, no two alike."""
    for number in range(count):
        yield np.roll(some[number % len(some)], number // len(some), axis=0)


def written(kind: str, some: Sequence[Frame], path: Path, count: int) -> Path:
    """A container of that kind with so many frames."""
    return kept_as(kind, list(turned(some, count)), path)


def kept_as(kind: str, pictures: Sequence[Frame], path: Path) -> Path:
    """A container of that kind with these frames, of the same name or with the ending of its kind."""
    if kind.startswith("folder"):
        ending = kind.split()[-1]
        path.mkdir()
        for number, picture in enumerate(pictures, start=1):
            (path / f"frame_{number:04d}.{ending.lower()}").write_bytes(picture_bytes(picture, ending))
    elif kind.startswith("ZIP"):
        ending = kind.split()[-1]
        members = {f"f{n:04d}.{ending.lower()}": picture_bytes(p, ending) for n, p in enumerate(pictures, start=1)}
        path.write_bytes(zipped(members, compression=zipfile.ZIP_DEFLATED, compresslevel=1))
    elif kind.startswith("TIFF"):
        options = {"TIFF": {}, "TIFF, LZW": {"compression": "lzw"}, "TIFF, ImageJ": {"imagej": True}}[kind]
        shape = (len(pictures), *pictures[0].shape)
        tifffile.imwrite(path, iter(pictures), shape=shape, dtype=np.uint8, photometric="rgb", **options)
    elif kind == "DICOM":
        write_native(path, pictures)
    elif kind.startswith("DICOM"):
        path.write_bytes(pullback_file(pictures, syntax=SYNTAXES[kind]))
    elif kind == "GIF":
        first, *others = (Image.fromarray(picture).quantize(256, method=2) for picture in pictures)
        first.save(path, "GIF", save_all=True, append_images=others, duration=40)
    else:
        codec = {"MP4": "libx264", "MKV": "libx264", "WebM": "libvpx-vp9", "AVI": "mjpeg", "MPEG": "mpeg2video"}[kind]
        path = path.with_suffix({"WebM": ".webm", "MPEG": ".mpg"}.get(kind, f".{kind.lower()}"))
        options = {
            "libx264": {"crf": "18", "preset": "ultrafast"},
            "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
        }
        video(
            path,
            pictures,
            codec,
            options=options.get(codec, {"b": "80000000"}),
            pixels="yuvj420p" if codec == "mjpeg" else "yuv420p",
        )
    return path


def picture_bytes(picture: Frame, ending: str) -> bytes:
    kind, options = {"JPG": ("JPEG", {"quality": 95}), "PNG": ("PNG", {"compress_level": 1})}[ending]
    return encoded(picture, kind, **options)


def large(kind: str, path: Path, count: int) -> Path:
    """10 GB of frames: a DICOM file in one of the ways that it can have more than 4 GB, a stack behind one page, as
    ImageJ writes it, or a ZIP file of BMP pictures that are packed."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (LARGE_SIDE, LARGE_SIDE, 3), dtype=np.uint8)
    if kind in LARGE_DICOM:
        black = np.where(np.hypot(*np.mgrid[-650:650, -650:650])[..., None] < 600, picture, np.uint8(0))
        return write_large(path, {0: black, count - 1: black}, count, LARGE_DICOM[kind])
    if kind.startswith("TIFF"):
        said = f"ImageJ=1.54f\nimages={count}\n"
        tifffile.imwrite(path, picture, photometric="rgb", description=said, metadata=None)
        os.truncate(path, path.stat().st_size + (count - 1) * picture.nbytes)
        return path
    picture[:, 200:] = 0
    content = encoded(picture, "BMP")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(1, count + 1):
            archive.writestr(f"f{number}.bmp", content)
    return path


def measured(small: Path, path: Path) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(small), str(path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    values: list[float] = json.loads(done.stdout)
    return values


def report(kinds: Sequence[str], make: Callable[[str, Path, int], Path]) -> None:
    print("| container | frames | MB | open, s | first frame, s | frames/s of a core | peak, MB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            small, path = make(kind, Path(folder) / "small", SMALL), make(kind, Path(folder) / "run", COUNT)
            opened, first, count, rate, peak = measured(small, path)
            size = size_mb(path)
            row = f"{kind} | {count:.0f} | {size:.0f} | {opened:.2f} | {first:.2f} | {rate:.0f} | {peak:.0f}"
            print(f"| {row} |", flush=True)


def through_video(pictures: Sequence[Frame], crf: int, pixels: str, folder: Path, side: int | None) -> list[Frame]:
    sized = [
        p if side is None else np.asarray(cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA)) for p in pictures
    ]
    path = video(folder / f"{crf}_{pixels}_{side}.mp4", sized, options={"crf": str(crf)}, pixels=pixels)
    return list(read_pullback(path))


def report_scale(folder: Path, count: int) -> None:
    """What is left of the ruler: in how many frames it is found, within 0.5 %, and the median's error."""
    paths = sorted(folder.iterdir())
    pictures = [next(iter(read_pullback(path))) for path in paths[:: max(1, len(paths) // count)]]
    pictures = [each for each in pictures if each.shape == pictures[0].shape and find_ruler(each) is not None][:count]
    true = [find_ruler(each).pitch_px for each in pictures]  # type: ignore[union-attr]
    print(f"{len(pictures)} frames of {pictures[0].shape[0]} px\n")
    print("| kept as | found | within 0.5 % | median, error |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        ways: list[tuple[str, list[Frame], float]] = []
        for pixels in ("yuv420p", "yuv444p"):
            ways += [
                (f"H.264 {pixels}, CRF {crf}", through_video(pictures, crf, pixels, Path(name), None), 1.0)
                for crf in (18, 23, 28, 33, 38)
            ]
        ways += [
            (
                f"H.264 yuv420p, 512 px, CRF {crf}",
                through_video(pictures, crf, "yuv420p", Path(name), 512),
                512 / len(pictures[0]),
            )
            for crf in (18, 23, 28)
        ]
        for quality in (75, 50, 15):
            ways.append((f"JPEG, quality {quality}", [from_jpeg(each, quality) for each in pictures], 1.0))
        for way, kept, zoom in ways:
            found = [(find_ruler(each), mm * zoom) for each, mm in zip(kept, true, strict=True)]
            errors = [ruler.pitch_px / mm - 1 for ruler, mm in found if ruler is not None]
            median = f"{100 * statistics.median(errors):+.2f} %" if errors else "none"
            print(f"| {way} | {len(errors)} | {sum(abs(each) <= 0.005 for each in errors)} | {median} |", flush=True)


def from_jpeg(picture: Frame, quality: int) -> Frame:
    return np.asarray(Image.open(io.BytesIO(encoded(picture, "JPEG", quality=quality))).convert("RGB"))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=Path, help="a folder of real frames")
    parser.add_argument("--scale", type=Path, help="a folder of real frames with a ruler")
    parser.add_argument("--count", type=int, default=16, help="of the frames of --scale")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", action="append", help="a container")
    args = parser.parse_args(arguments)
    if args.scale:
        report_scale(args.scale, args.count)
        return 0
    if args.large:
        kinds = (*LARGE_DICOM, "TIFF, 10 GB", "ZIP of BMP, 10 GB")
        report(
            args.only or kinds, lambda kind, path, count: large(kind, path, count if count == SMALL else LARGE_COUNT)
        )
        return 0
    some = frames_of(args.frames)
    kinds = (
        "DICOM",
        "DICOM, JPEG",
        "TIFF",
        "TIFF, LZW",
        "TIFF, ImageJ",
        "folder of JPG",
        "folder of PNG",
        "ZIP of JPG",
    )
    kinds += ("ZIP of PNG", "MP4", "MKV", "AVI", "MPEG", "WebM", "GIF")
    report(args.only or kinds, lambda kind, path, count: written(kind, some, path, count))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
