"""What a cut file, a crash and a full disk leave: `python -m tests.benchmarks.report_interruptions [--only NAME ...]`.

One phantom pullback in several containers, each through `octseg predict` in a process of its own that is killed,
stopped by a signal, or runs out of room (a small tmpfs, so this needs root and Linux); then the same command again,
whose files are compared byte by byte with those of a run that nothing disturbs. And the container cut off after six
tenths of its bytes. Prints a Markdown table: exit status, what it said, what lay there, whether the rest came out the
same.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile

from octseg.export.journal import JOURNAL_NAME
from octseg.phantom.pullback import random_pullback
from octseg.pullback import Frame
from tests.benchmarks.container_reading import kept_as
from tests.benchmarks.machine import ROOT
from tests.fakes.dicom_files import jpeg, pullback_file
from tests.fakes.pullbacks import encoded, video, zipped

COUNT, SIDE, AFTER, KEPT, ROOM = 12, 704, 4, 0.6, 0.5
PREDICT = (sys.executable, "-m", "octseg", "predict", "--device", "cpu", "--frame-spacing", "0.2")
Made = Callable[[Path], Path]


def containers(frames: list[Frame]) -> dict[str, Made]:
    """Name -> what writes the frames into a folder."""
    streams = [jpeg(frame, quality=90, subsampling=2) for frame in frames]
    pictures = {f"frame_{number:04d}.png": encoded(frame) for number, frame in enumerate(frames, start=1)}

    def written(name: str, content: Callable[[], bytes]) -> Made:
        def make(folder: Path) -> Path:
            (folder / name).write_bytes(content())
            return folder / name

        return make

    def stack(folder: Path) -> Path:
        tifffile.imwrite(folder / "run.tif", np.stack(frames), photometric="rgb")
        return folder / "run.tif"

    def gif(folder: Path) -> Path:
        return kept_as("GIF", frames, folder / "run.gif")

    def folder_of_png(folder: Path) -> Path:
        (folder / "run").mkdir()
        for name, content in pictures.items():
            (folder / "run" / name).write_bytes(content)
        return folder / "run"

    dicom_jpeg = {"syntax": "jpeg", "photometric": "YBR_FULL_422", "streams": streams}
    return {
        "DICOM, JPEG": written("IMG001", lambda: pullback_file(frames, **dicom_jpeg)),  # type: ignore[arg-type]
        "DICOM, uncompressed": written("IMG002", lambda: pullback_file(frames)),
        "TIFF stack": stack,
        "ZIP of PNG": written("run.zip", lambda: zipped(pictures)),
        "MP4": lambda folder: video(folder / "run.mp4", frames, container_options={"movflags": "faststart"}),
        "GIF": gif,
        "folder of PNG": folder_of_png,
    }


def run(given: Path, out: Path, disturb: Callable[[subprocess.Popen[bytes]], None] = lambda _: None) -> tuple[int, str]:
    """Exit status, and what stood on stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    said = out.parent / "said"
    with said.open("wb") as file:
        command = [*PREDICT, str(given), "--out", str(out)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=file)
        disturb(process)
        code = process.wait()
    return code, " / ".join(said.read_text().replace(str(given), "F").splitlines())


def sent(number: signal.Signals, out: Path) -> Callable[[subprocess.Popen[bytes]], None]:
    """A signal once so many frames are done."""

    def disturb(process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None and noted(out) < AFTER:
            time.sleep(0.002)
        process.send_signal(number)

    return disturb


def noted(out: Path) -> int:
    """How many frames the journal says are done."""
    try:
        return max(0, (out / JOURNAL_NAME).read_bytes().count(b"\n") - 1)
    except FileNotFoundError:
        return 0


def content_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def left(out: Path) -> str:
    """What lies in a folder of results, counted."""
    names = [path.name for path in out.iterdir()]
    kinds = {
        "masks": sum(name.endswith("_mask.png") for name in names),
        "overlays": sum(name.endswith("_overlay.png") for name in names),
        "rows": max(0, len((out / "measures.csv").read_text().splitlines()) - 1) if "measures.csv" in names else 0,
        "in the journal": noted(out),
        "half-written": sum(name.startswith(".") for name in names),
    }
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


@contextmanager
def disk(at: Path, size: int) -> Iterator[Callable[[int], None]]:
    """A disk of so many bytes; what is given makes it larger."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], check=True)
    try:
        yield lambda larger: subprocess.run(["mount", "-o", f"remount,size={larger}", str(at)], check=True) and None
    finally:
        subprocess.run(["umount", str(at)], check=True)


def row(container: str, what: str, code: int, said: str, lay: str, after: str, same: str) -> None:
    print(f"| {container} | {what} | {code} | {said} | {lay} | {after} | {same} |", flush=True)


def disturbed(name: str, given: Path, folder: Path) -> None:
    """All rows of a container."""
    assert run(given, folder / "whole")[0] == 0
    whole = content_of(folder / "whole")
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        out = folder / number.name
        code, said = run(given, out, sent(number, out))
        lay, after = left(out), run(given, out)[1]
        row(name, number.name, code, said, lay, after, "yes" if content_of(out) == whole else "NO")
        shutil.rmtree(out)
    with disk(folder / "disk", int(ROOM * sum(map(len, whole.values())))) as grow:
        out = folder / "disk" / "out"
        code, said = run(given, out)
        lay = left(out)
        grow(10 * sum(map(len, whole.values())))
        after = run(given, out)[1]
        row(name, "full disk", code, said, lay, after, "yes" if content_of(out) == whole else "NO")
    cut = sorted(given.iterdir())[COUNT // 2] if given.is_dir() else given
    content = cut.read_bytes()
    cut.write_bytes(content[: int(KEPT * len(content))])
    code, said = run(given, folder / "cut")
    lay = left(folder / "cut") if (folder / "cut").exists() else "nothing"
    row(name, "cut off" + (" in one picture" if given.is_dir() else ""), code, said.replace(str(cut), "F"), lay, "", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these containers: 'TIFF stack' GIF")
    only = parser.parse_args().only
    frames = [phantom.frame for phantom in random_pullback(5, 300, size_px=SIDE).phantoms(100, 99 + COUNT)]
    print(f"{COUNT} frames of {SIDE} px; signals after {AFTER} frames, a disk of {ROOM:.0%} of what is needed\n")
    print("| container | what | exit status | says | leaves | the same command then says | same bytes |")
    print("|---|---|---|---|---|---|---|")
    for name, make in containers(frames).items():
        if not only or name in only:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                disturbed(name, make(folder), folder)


if __name__ == "__main__":
    main()
