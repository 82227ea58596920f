"""A pullback end to end against three others, side by side: `python -m tests.benchmarks.pullback CHECKOUT`.

Frames of 1024 x 1024 as JPEG in one DICOM file become masks, overlays and tables. Against it: (a) `octseg predict` of
an older checkout on the same frames as a folder of pictures, (b) a plain loop with PyTorch eager and overlays by
Pillow, (c) the network alone on all cores. Each is a process of its own, in turn, round by round. Wall time of the
fastest round, processor time (user and system) beside it, which a busy machine changes less. One process loads the
model once and warms it; that is not counted. Needs the DICOM reader. No network.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIDE = 1024
QUALITY = 92
RUNS = ("new", "before", "eager", "network")


def main() -> int:
    """Make the frames, run all in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help="an older checkout, with its octseg")
    parser.add_argument("--python", default=sys.executable, help="the interpreter for it")
    parser.add_argument("--frames", type=int, default=375)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pictures", type=Path, help="a folder of square frames of one pullback; else phantoms")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(_measured(options.run, options.work)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        _make(work, options.frames, options.pictures)
        best: dict[str, dict[str, Any]] = {}
        for _ in range(options.rounds):
            for run in RUNS:
                found = _in_process(run, options, work)
                if run not in best or found["wall"] < best[run]["wall"]:
                    best[run] = found
        _print(best, options.frames)
    return 0


def _make(work: Path, count: int, pictures: Path | None) -> None:
    """`work/folder` with pictures, and `work/run.dcm` with the same."""
    (work / "folder").mkdir()
    coded = []
    for number, frame in enumerate(_frames(count, pictures), 1):
        picture = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        (work / "folder" / f"run_{number:04d}.jpg").write_bytes(picture)
        coded.append(picture)
    from tests.fakes.dicom_files import pullback_file

    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    (work / "run.dcm").write_bytes(pullback_file([blank] * count, syntax="jpeg", streams=coded))


def _frames(count: int, pictures: Path | None) -> list[np.ndarray]:
    """BGR frames (SIDE, SIDE, 3), taken again from the first where there are too few."""
    if pictures is not None:
        paths = sorted(path for path in pictures.iterdir() if path.suffix in (".png", ".jpg"))
        own = [cv2.resize(cv2.imread(str(path)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for path in paths[:count]]
    else:
        from octseg.phantom import random_spec, render

        kept = {"size_px": SIDE, "colouring": "sepia", "ruler": True, "ruler_deg": 20.0, "field_mm": 7.01}
        own = [cv2.cvtColor(render(_replaced(random_spec(n), kept)).frame, cv2.COLOR_RGB2BGR) for n in range(12)]
    return [own[number % len(own)] for number in range(count)]


def _replaced(spec: Any, kept: dict[str, Any]) -> Any:
    from dataclasses import replace

    return replace(spec, **kept)


def _in_process(run: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    old = run == "before"
    root = options.checkout.resolve() if old else Path.cwd()
    settings = {**os.environ, "PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1"}
    python = options.python if old else sys.executable
    # The older checkout has no such benchmark: this file is run by its path there.
    command = [python, __file__, str(root), "--run", run, "--work", str(work)]
    done = subprocess.run(command, cwd=root, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _measured(run: str, work: Path) -> dict[str, Any]:
    """Wall and processor seconds, and peak memory in MB, of one run."""
    from octseg.pretrained import from_pretrained

    segmenter = from_pretrained()
    pictures = sorted((work / "folder").iterdir())
    segmenter.segment(pictures[0])
    runs: dict[str, Callable[[], None]] = {
        "new": lambda: _new(segmenter, work),
        "before": lambda: _before(segmenter, pictures, work),
        "eager": lambda: _eager(pictures, work),
        "network": _network_alone(segmenter, pictures),
    }
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    runs[run]()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "peak_mb": after.ru_maxrss / 1024}


def _new(segmenter: Any, work: Path) -> None:
    from octseg.export.run import RunWriter
    from octseg.reading.dicom import read_dicom
    from octseg.reading.limits import Limits

    pullback = read_dicom(work / "run.dcm", "run.dcm", "run", Limits())
    out = Path(tempfile.mkdtemp(dir=work))
    with RunWriter(out, segmenter.identity, segmenter.device, segmenter.backend) as writer:
        for result in segmenter.segment_pullback(pullback):
            writer.write(result, f"run_{result.frame_number:04d}")


def _before(segmenter: Any, pictures: list[Path], work: Path) -> None:
    from octseg.export.run import RunWriter

    out = Path(tempfile.mkdtemp(dir=work))
    with RunWriter(out, segmenter.identity, segmenter.device, segmenter.backend) as writer:
        for path in pictures:
            for result in segmenter.segment_pullback(path):
                writer.write(result, path.stem)


def _eager(pictures: list[Path], work: Path) -> None:
    """A plain loop: PyTorch as it is, overlays and masks as Pillow saves them."""
    import torch

    from octseg.checkpoint import load_checkpoint, normalise_of
    from octseg.pretrained import BUNDLED, from_pretrained

    checkpoint = load_checkpoint(BUNDLED)
    network = checkpoint.network.eval()
    normalise = normalise_of(checkpoint.config.preprocessing, checkpoint.config.network)
    segmenter, out = from_pretrained(backend="torch"), Path(tempfile.mkdtemp(dir=work))

    class Eager:
        device, name, batch = "cpu", "torch", 1

        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return np.asarray(network(normalise(torch.from_numpy(inputs))).sigmoid().numpy())

    segmenter._run = Eager()
    records = []
    for path in pictures:
        result = segmenter.segment(path)
        for kind, picture in (("overlay", result.overlay(legend=True)), ("mask", result.palette_mask())):
            stream = io.BytesIO()
            picture.save(stream, "PNG")
            (out / f"{path.stem}_{kind}.png").write_bytes(stream.getvalue())
        records.append(result.to_record())
    (out / "measures.json").write_text(json.dumps(records))


def _network_alone(segmenter: Any, pictures: list[Path]) -> Callable[[], None]:
    """The looks that a pullback takes of its frames, their inputs being made before the clock starts."""
    inputs: list[np.ndarray] = []
    run = segmenter._run

    class Kept:
        device, name, batch = run.device, run.name, 1

        def __call__(self, given: np.ndarray) -> np.ndarray:
            inputs.append(given.copy())
            return np.asarray(run(given))

    segmenter._run = Kept()
    distinct = pictures[:40]
    for path in distinct:
        segmenter.segment(path)
    segmenter._run = run
    times = len(pictures) / len(distinct)
    looks = (inputs * (int(times) + 1))[: round(len(inputs) * times)]

    def every_look() -> None:
        for each in looks:
            run(each)

    return every_look


def _print(best: dict[str, dict[str, Any]], count: int) -> None:
    cores, new = os.cpu_count(), best["new"]
    names = {
        "new": "DICOM in, masks, overlays and tables out",
        "before": "(a) the older checkout, a folder of pictures",
        "eager": "(b) PyTorch eager, overlays by Pillow",
        "network": "(c) the network alone",
    }
    print(f"{count} frames of {SIDE} x {SIDE}, {cores} cores, {_processor()}")
    print("| run | frames/s | wall ms/frame | CPU ms/frame | wall by ours | CPU by ours | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for run, found in best.items():
        wall, cpu = found["wall"] / count, found["cpu"] / count
        print(
            f"| {names[run]} | {1 / wall:.1f} | {1e3 * wall:.0f} | {1e3 * cpu:.0f} | {found['wall'] / new['wall']:.2f} "
            f"| {found['cpu'] / new['cpu']:.2f} | {found['peak_mb']:.0f} |"
        )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "unknown processor")


if __name__ == "__main__":
    sys.exit(main())
