"""Makes the corpus of hostile and of odd but right files that reading is held against.

    python -m tests.fakes.hostile_files FOLDER      writes the files, and cases.csv with what is right for each
    python -m tests.fakes.hostile_files --report    reads them all and prints how many came out right, times and memory

Each case knows its answer without the reader: the frame that went in, or the words of the refusal.
"""

import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.fakes.hostile.files import COLOUR, Case, saved, tiff
from tests.fakes.hostile.odd import large, odd
from tests.fakes.hostile.refused import bad_bmp, bad_jpeg, bad_png, bad_tiff, bad_webp, cut_short, foreign, oversized

ROOT = Path(__file__).parents[2]


def cases() -> Iterator[Case]:
    """Every case, made when asked for; names are unique."""
    for make in (oversized, cut_short, foreign, bad_png, bad_jpeg, bad_tiff, bad_webp, bad_bmp, odd, large):
        yield from make()


def read_once(source: bytes | Path) -> NDArray[np.uint8] | str:
    """The frame in a file, or the refusal's text."""
    from octseg.errors import ReadError
    from octseg.reading import Limits, read_pullback

    try:
        (frame,) = read_pullback(source, name="x", limits=Limits())
    except ReadError as error:
        return str(error)
    return frame


def verdict(case: Case) -> str:
    """Empty where the reader is right about a case, else what went wrong."""
    try:
        came = read_once(case.data)
    except Exception as error:  # whatever it is, a reader is to raise nothing but its refusal
        return f"raised {type(error).__name__}: {error}"
    if isinstance(came, str):
        if case.frame is not None:
            return f"was refused: {came}"
        fitting = (
            re.search(case.cause, came) and came.startswith(("x ", "there")) and "/" not in came and "0x" not in came
        )
        return "" if fitting else f"was refused for: {came}"
    if case.frame is None:
        return "was read"
    expected = case.frame if case.frame.ndim == 3 else np.repeat(case.frame[:, :, None], 3, axis=2)
    if came.shape != expected.shape:
        return f"came out as {came.shape}, not {expected.shape}"
    off = float(np.abs(came.astype(np.int16) - expected).mean())
    return "" if off <= case.tolerance else f"is {off:.2f} grey levels off"


def write(folder: Path) -> None:
    """The files, and cases.csv that says what is right for each."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "right", "cause"])
        for case in cases():
            (folder / case.name).write_bytes(case.data)
            table.writerow([case.name, "refused" if case.frame is None else "read", case.cause])


def measure(folder: Path, right: str) -> dict[str, Any]:
    """Read the files of one kind from a folder in this process: seconds of each, and MB that its memory grew by."""
    with (folder / "cases.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["right"] == right]
    # Once each way through the decoders, so that what they load is not counted.
    for kind, options in (("PNG", {}), ("JPEG", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {}), ("BMP", {})):
        read_once(saved(Image.fromarray(COLOUR), kind, **options))
    read_once(tiff(COLOUR.astype(np.uint16) * 257, photometric="rgb"))
    for begun in (bytes(128) + b"DICM", b"\0\0\0\x18ftypmp42", b"GIF89a", b"PK\3\4"):
        read_once(begun + bytes(600))
    before, seconds = peak_mb(), {}
    for name in names:
        start = time.perf_counter()
        read_once(folder / name)
        seconds[name] = time.perf_counter() - start
    return {"seconds": seconds, "grown_mb": peak_mb() - before}


def measure_apart(folder: Path, right: str) -> dict[str, Any]:
    """`measure` in a process of its own, so that nothing else counts."""
    command = [sys.executable, "-m", "tests.fakes.hostile_files", "--measure", str(folder), right]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def peak_mb() -> float:
    """Most memory this process has ever held, in MB; Linux, where the usual call answers for the parent as well."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1e3


def report() -> int:
    """Read every case and print the figures; 1 where any came out wrong."""
    wrong = {case.name: said for case in cases() if (said := verdict(case))}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for right in ("refused", "read"):
            measured = measure_apart(Path(folder), right)
            seconds = measured["seconds"]
            p50, p95 = (1e3 * float(np.quantile(list(seconds.values()), q)) for q in (0.5, 0.95))
            slowest = max(seconds, key=seconds.__getitem__)
            print(
                f"to be {right}: {len(seconds)} files, median {p50:.1f} ms, p95 {p95:.1f} ms, "
                f"max {1e3 * seconds[slowest]:.0f} ms ({slowest}), memory +{measured['grown_mb']:.0f} MB"
            )
    for name, said in wrong.items():
        print(f"{name} {said}")
    print(f"wrong: {len(wrong)}")
    return int(bool(wrong))


def main(arguments: list[str]) -> int:
    if arguments == ["--report"]:
        return report()
    if arguments[0] == "--measure":
        print(json.dumps(measure(Path(arguments[1]), arguments[2])))
    else:
        write(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
