"""Whether two checkouts give the same outputs: `python -m tests.benchmarks.compare_checkouts BEFORE AFTER`.

Each checkout runs the same commands on the same inputs with the bundled model of its own: `octseg predict` on three
example frames of the page and on phantoms, `info`, phantoms, a dataset folder made from phantoms with its card and
Parquet files, a model measured on it with its card and page. Every file, what is printed and the exit status are
compared byte for byte. Set aside are the checkouts' own version and commit, dates, times that a step took, and sums of
files that bear those. Prints a Markdown table, and exits with 1 where anything differs. No network.
"""

import argparse
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

EXAMPLES = ("thin_cap_200_degrees.jpg", "two_cores.jpg", "no_lipid.jpg")
PHANTOMS = 6  # of three studies in the dataset
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
DATE = re.compile(rb"\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?")
SECONDS = re.compile(rb"[\d.:]+ ?(s|min|frame/s|s/frame)\b")
PYTHON = [sys.executable, "-m"]
HELP = (
    *(["octseg"], ["octseg", "predict"], ["octseg", "info"], ["octseg", "phantom"]),
    *(["train"], ["train.prepare"], ["train.evaluate"], ["train.calibrate"], ["train.report"]),
    *(["hub"], ["hub", "push-model"], ["hub", "push-data"], ["hub", "push-results"], ["hub", "push-space"]),
)
CLASS_MAP = "1=lumen,2=fibrous_cap,3=lipid_core,4=vasa_vasorum"
FOLD = ("--source", "folder", "--data", "fold", "--workers", "1", "--class-map", CLASS_MAP)
TERMS = ("--license", "cc-by-4.0", "--title", "Phantoms", "--creators", "Nobody, N.")
STEPS: dict[str, Sequence[Sequence[str]]] = {
    "help of every command": [[*command, "--help"] for command in HELP],
    "phantoms": [("octseg", "phantom", "--out", "phantoms", "--count", "3", "--seed", "11")],
    "info": [("octseg", "info"), ("octseg", "info", "--json")],
    "frames segmented": [
        ("octseg", "predict", "frames", "--out", "results"),
        ("octseg", "predict", "frames/phantom_0001.png", "--out", "spaced", "--pixel-spacing", "0.01", "--no-overlay"),
        ("octseg", "predict", "frames/two_cores.jpg", "--out", "uncertain", "--uncertainty"),
        ("octseg", "predict", "frames/no_lipid.jpg", "--out", "by_torch", "--backend", "torch"),
    ],
    "a dataset": [
        ("train.prepare", *FOLD, *TERMS, "--size", "256", "--out", "dataset"),
        ("train.prepare", *FOLD, *TERMS, "--classes", "all", "--folds", "2", "--out", "folds"),
        ("train.prepare", *FOLD, "--private", "--key", "key.json", "--out", "own"),
        ("train.prepare", "--check", "dataset"),
        ("train.prepare", "--parquet", "dataset", "--out", "parquet"),
    ],
    "a model measured on it": [
        ("train.evaluate", "--model", "run", "--data", "dataset", "--phantoms", "2", "--by-frame", "--into-config"),
        ("train.report", "--run", "run", "--data", "dataset"),
        ("train.evaluate", "--model", "run", "--data", "own"),
    ],
}


@dataclass(frozen=True)
class Checkout:
    """A source tree, and what of it is set aside in outputs."""

    root: Path
    version: str
    commit: str

    @classmethod
    def at(cls, root: Path) -> "Checkout":
        """Version and commit as the tree says them itself; SystemExit where another one would be imported."""
        code = "import octseg; print(octseg.__version__, octseg.__file__)"
        version, file = _output([sys.executable, "-c", code], root, root).split(maxsplit=1)
        if not Path(file).is_relative_to(root):
            sys.exit(f"{root} has no octseg: {file} would be imported")
        command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
        return cls(root, version, _output(command, root, root))

    def set_aside(self, content: bytes) -> bytes:
        """Content without what may differ between checkouts."""
        content = content.replace(self.commit.encode(), b"COMMIT").replace(str(self.root).encode(), b"ROOT")
        content = re.sub(rb"(?<![\d.])" + re.escape(self.version.encode()) + rb"(?![\d.])", b"VERSION", content)
        return DATE.sub(b"DATE", content)


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    status: int
    out: bytes
    err: bytes


def main() -> int:
    """Run both, compare, print the table; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave inputs and outputs there")
    options = parser.parse_args()
    checkouts = [Checkout.at(root.resolve()) for root in (options.before, options.after)]
    with TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        inputs = work / "inputs"
        _make_inputs(checkouts[0], inputs)
        sides = [work / "before", work / "after"]
        for side in sides:
            shutil.copytree(inputs, side)
        differing = _compared(checkouts, sides)
    for told in differing:
        print(told)
    return 1 if differing else 0


def _make_inputs(checkout: Checkout, folder: Path) -> None:
    """Frames to segment, a fold of phantoms to prepare, and the bundled model as a run, in one new folder."""
    folder.mkdir(parents=True)
    _output(
        [*PYTHON, "octseg", "phantom", "--out", "drawn", "--count", str(PHANTOMS), "--seed", "5"], checkout.root, folder
    )
    drawn = folder / "drawn"
    for part in ("frames", "fold/img", "fold/mask"):
        (folder / part).mkdir(parents=True)
    for name in EXAMPLES:
        shutil.copy(checkout.root / "octseg" / "ui" / "examples" / name, folder / "frames")
    for place, frame in enumerate(sorted((drawn / "images").iterdir())):
        name = f"{place // 2 + 1:03d}_1_{place % 2 + 1:03d}.png"
        shutil.copy(frame, folder / "fold" / "img" / name)
        shutil.copy(drawn / "masks" / frame.name, folder / "fold" / "mask" / name)
        if place < 2:
            shutil.copy(frame, folder / "frames")
    (folder / "frames" / "broken.png").write_bytes(PNG_MAGIC)
    shutil.copy(drawn / "masks" / "phantom_0001.png", folder / "frames" / "mask.png")
    (folder / "key.json").write_text(json.dumps({"secret": "5a" * 32, "names": {}}))
    shutil.copytree(checkout.root / "octseg" / "weights", folder / "run")
    shutil.rmtree(drawn)


def _compared(checkouts: Sequence[Checkout], sides: Sequence[Path]) -> list[str]:
    """Run every step on both sides and print a line of the table for it; what differs, a sentence each."""
    differing: list[str] = []
    print("| step | exit statuses | files | differ |\n|---|---|---|---|")
    before = [_written(side) for side in sides]
    for title, commands in STEPS.items():
        said = [[_said(each, *of_side) for of_side in zip(checkouts, sides, strict=True)] for each in commands]
        found = [
            f"`{' '.join(c)}` says something else" for c, (was, now) in zip(commands, said, strict=True) if was != now
        ]
        after = [_written(side) for side in sides]
        names = {path for was, now in zip(before, after, strict=True) for path, _ in now.items() ^ was.items()}
        found += [
            f"{name} differs" for name in sorted(names) if not _is_same([side / name for side in sides], checkouts)
        ]
        before = after
        statuses = " ".join(str(now.status) for _, now in said)
        print(f"| {title} | {statuses} | {len(names)} | {len(found)} |", flush=True)
        differing += found
    return differing


def _said(command: Sequence[str], checkout: Checkout, side: Path) -> Said:
    """Run one command on one side."""
    settings = _environment(checkout.root)
    done = subprocess.run([*PYTHON, *command], capture_output=True, check=False, cwd=side, env=settings)
    return Said(
        done.returncode, *(SECONDS.sub(b"TIME", checkout.set_aside(each)) for each in (done.stdout, done.stderr))
    )


def _is_same(files: Sequence[Path], checkouts: Sequence[Checkout]) -> bool:
    """Whether a file is there on both sides or on none, and the same but for what is set aside."""
    if not all(file.is_file() for file in files):
        return not any(file.is_file() for file in files)
    if filecmp.cmp(*files, shallow=False):
        return True
    before, after = map(_content, files, checkouts)
    return before == after


def _content(path: Path, checkout: Checkout) -> bytes:
    content = path.read_bytes()
    if path.name == "SHA256SUMS":  # the files are compared themselves
        return b"\n".join(line.split(b"  ", 1)[-1] for line in content.splitlines())
    if content.startswith(PNG_MAGIC):
        return b"".join(checkout.set_aside(chunk) for chunk in _chunks(content))
    return checkout.set_aside(content)


def _chunks(png: bytes) -> Iterator[bytes]:
    """Kind and body of each chunk of a PNG, without its length and its sum."""
    at = len(PNG_MAGIC)
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8 + length]
        at += length + 12


def _written(side: Path) -> dict[str, int]:
    """Path of each file -> when it was written, in ns."""
    return {path.relative_to(side).as_posix(): path.stat().st_mtime_ns for path in side.rglob("*") if path.is_file()}


def _environment(root: Path) -> dict[str, str]:
    settings = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONHASHSEED": "0"}
    return {**os.environ, **settings}


def _output(command: Sequence[str], root: Path, folder: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=_environment(root))
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
