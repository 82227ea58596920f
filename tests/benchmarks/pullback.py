"""A pullback end to end, side by side in one run: `python -m tests.benchmarks.pullback [--older CHECKOUT]`.

Phantoms of 1024 px as JPEG, masks, overlays and tables written, by

* this build, as one pullback;
* an older checkout with its own .venv, each frame as a picture by itself;
* a plain loop over the frames with PyTorch eager, overlays by Pillow;
* the network alone on all cores: as many looks as the frames take, nothing else.

Each runs in a process of its own, which is timed from its second frame on. Rounds are interleaved, for times wander
with the machine: the best of each is compared, by the clock and by processor time. Prints the table, the share of each
stage, peak memory and the processor's name.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2

from octseg.phantom import random_spec, render

ROOT = Path(__file__).parent.parent.parent
DRAWN = 12  # phantoms; further frames are these again
TIMED = """
import json, os, resource, sys, time
def begin():
    global clock, work
    clock, work = time.perf_counter(), time.process_time()
def end(frames, **more):
    kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"ms": 1e3 * (time.perf_counter() - clock) / frames,
                      "cpu_ms": 1e3 * (time.process_time() - work) / frames, "peak_mb": kb / 1024, **more}))
from pathlib import Path
files, out = sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2])
import octseg
from octseg.export.run import RunWriter
model = octseg.from_pretrained(device="cpu", backend=sys.argv[3])
"""
OURS = """
from octseg.pullback import Pullback
from octseg.reading import read_pullback
def frames():
    for file in files:
        yield from read_pullback(file.read_bytes())
results = model.segment_pullback(Pullback(name="run", frame_count=len(files), read_frames=frames))
with RunWriter(out, model.identity, model.device, model.backend) as writer:
    writer.write(next(results), "first")
    begin()
    for result in results:
        writer.write(result, f"run_{result.frame_number:04d}")
    end(len(files) - 1)
"""
OLDER = """
with RunWriter(out, model.identity, model.device, model.backend) as writer:
    writer.write(model.segment(files[0]), "first")
    begin()
    for file in files[1:]:
        writer.write(model.segment(file), file.stem)
    end(len(files) - 1)
"""
EAGER = """
import numpy as np, torch
class Eager:
    batch = at_once = 1
    device, name = "cpu", "eager"
    def __init__(self, model):
        from octseg.checkpoint import load_checkpoint, normalise_of
        from octseg.pretrained import BUNDLED
        checkpoint = load_checkpoint(BUNDLED)
        self.network = checkpoint.network.eval()
        self.normalise = normalise_of(checkpoint.config.preprocessing, checkpoint.config.network)
    def __call__(self, inputs):
        with torch.inference_mode():
            return self.network(self.normalise(torch.from_numpy(inputs))).sigmoid().numpy()
torch.set_num_threads(len(os.sched_getaffinity(0)))
model._run = Eager(model)
def one(file):
    result = model.segment(file)
    result.palette_mask().save(out / f"{file.stem}_mask.png")
    result.overlay(legend=True).save(out / f"{file.stem}_overlay.png")
    (out / f"{file.stem}.json").write_text(json.dumps(result.to_record()))
out.mkdir()
one(files[0])
begin()
for file in files[1:]:
    one(file)
end(len(files) - 1)
"""
NETWORK = """
from collections import deque
import numpy as np
from octseg.reading import read_pullback
from octseg.view.preprocessing import to_input, view_frame
shown = [to_input(view_frame(next(iter(read_pullback(f.read_bytes())))), model.config.preprocessing)[None]
         for f in files[:12]]
run, looks = model._run, round(float(sys.argv[4]) * len(files))
run.begin(shown[0])()
begin()
begun = deque()
for number in range(looks):
    begun.append(run.begin(shown[number % len(shown)]))
    if len(begun) >= run.at_once:
        begun.popleft()()
for wait in begun:
    wait()
end(len(files))
"""
LOOKS = """
counted = []
for file in files[:12]:
    begun = model._run.__class__.__call__
    class Counting(type(model._run)):
        def __call__(self, inputs):
            counted.append(1)
            return begun(self, inputs)
    whole = model._run
    whole.__class__ = Counting
    model.segment(file)
    whole.__class__ = Counting.__base__
begin()
end(1, looks=len(counted) / len(files[:12]))
"""
STAGES = """
import cProfile, pstats
from octseg.pullback import Pullback
from octseg.reading import read_pullback
AT = {"decode": "reading/files.py:read_pullback", "view": "view/preprocessing.py:view_frame",
      "network": "inference/backends.py:__call__", "back to the frame": "segmenter.py:_probability",
      "outlines": "decoding/outlines.py:decode", "measures": "segmenter.py:measured",
      "may it be judged": "segmenter.py:_why_withdrawn", "mask as PNG": "export/pictures.py:mask_png",
      "overlay drawn": "result.py:drawn", "overlay as PNG": "export/pictures.py:overlay_png",
      "record": "result.py:to_record"}
WITHIN = {"overlay as PNG": "overlay drawn"}
profile = cProfile.Profile(time.process_time)
model.segment(files[0])
with RunWriter(out, model.identity, model.device, model.backend) as writer:
    begin()
    profile.enable()
    for number, file in enumerate(files):
        writer.write(model.segment(file), f"run_{number}")
    profile.disable()
found = {f"{Path(where[0]).as_posix().split('octseg/')[-1]}:{where[2]}": stats[3]
         for where, stats in pstats.Stats(profile).stats.items()}
taken = {name: 1e3 * found.get(at, 0.0) / len(files) for name, at in AT.items()}
end(len(files), stages={name: took - taken.get(WITHIN.get(name), 0.0) for name, took in taken.items()})
"""


def main() -> None:
    """Draw the frames, run all sides in turn, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--older", type=Path, metavar="CHECKOUT", help="another checkout, with a .venv in it")
    parser.add_argument("--frames", type=int, default=375)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        frames = folder / "frames"
        draw(frames, options.frames)
        looks = run(ROOT, sys.executable, LOOKS, [frames, folder / "looks", "openvino"])["looks"]
        sides = {"this build": (ROOT, sys.executable, OURS, "openvino")}
        if options.older is not None:
            older = options.older.resolve()
            sides["older checkout, a picture a frame"] = (older, str(older / ".venv/bin/python"), OLDER, "openvino")
        sides["plain loop, PyTorch eager"] = (ROOT, sys.executable, EAGER, "torch")
        sides[f"network alone, {looks:.2f} looks a frame"] = (ROOT, sys.executable, NETWORK, "openvino")
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for each in range(options.rounds):
            for name, (root, python, code, backend) in sides.items():
                out = folder / f"{len(taken[name])} {each} {name}"
                taken[name].append(run(root, python, code, [frames, out, backend, looks]))
        stages = run(ROOT, sys.executable, STAGES, [frames, folder / "stages", "openvino"])["stages"]
    print(
        f"{processor()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}; Python {sys.version[:6]}"
    )
    print(f"{options.frames} frames of 1024 px, {options.rounds} interleaved rounds, the best of each\n")
    print_table(taken)
    print_stages(stages)


def draw(folder: Path, count: int) -> None:
    """Frames as JPEG files: phantoms, again and again."""
    folder.mkdir()
    drawn = [render(random_spec(seed, size_px=1024, ruler=True)).frame for seed in range(min(DRAWN, count))]
    coded = [cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for frame in drawn]
    for number in range(count):
        (folder / f"frame_{number + 1:04d}.jpg").write_bytes(coded[number % len(coded)])


def run(root: Path, python: str, code: str, arguments: Sequence[object]) -> dict[str, float]:
    """What one side says it took, in a process of its own."""
    command = [python, "-c", TIMED + code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1"}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def print_table(taken: dict[str, list[dict[str, float]]]) -> None:
    """A line a side; ratios to this build, which stands first."""
    best = {name: {key: min(each[key] for each in runs) for key in runs[0]} for name, runs in taken.items()}
    ours = next(iter(best.values()))
    print("| | frames a second | ms a frame | times this build's | processor ms a frame | times | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for name, each in best.items():
        ratio, work = each["ms"] / ours["ms"], each["cpu_ms"] / ours["cpu_ms"]
        print(
            f"| {name} | {1e3 / each['ms']:.1f} | {each['ms']:.1f} | {ratio:.2f} | {each['cpu_ms']:.1f} | {work:.2f} "
            f"| {each['peak_mb']:.0f} |"
        )


def print_stages(stages: dict[str, float]) -> None:
    """Processor time of each stage of a frame by itself, in one thread."""
    print("\n| stage of a frame by itself | processor ms | share |\n|---|---|---|")
    for name, value in stages.items():
        print(f"| {name} | {value:.1f} | {100 * value / sum(stages.values()):.0f} % |")


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
