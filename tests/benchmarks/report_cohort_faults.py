"""`octseg cohort` killed at random moments: `python -m tests.benchmarks.report_cohort_faults [--kills 50]`.

Phantom pullbacks are done undisturbed, then again while workers, and every fifth time the process that gives them their
cases, are ended by SIGKILL; each time the same command goes on. Prints how many were killed, what had been written
last each time, and whether the results are the same bytes. Exit status 1 where they are not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from octseg.cli import main as octseg
from tests.fakes.cohort_kills import killed_at_random
from tests.fakes.commands import QUICK

FLAGS = ("--frame-spacing", "0.2", *QUICK)


def main() -> int:
    """Draw, do, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        given, whole, out = home / "vessels", home / "whole", home / "out"
        size = ["--count", str(options.cases), "--pullback", str(options.frames)]
        octseg(["phantom", "--out", str(given), *size])
        octseg(["cohort", str(given), "--out", str(whole), *FLAGS])
        flags = [*FLAGS, "--workers", "2"]
        done = killed_at_random(given, out, flags, options.kills, options.seed, home / "said")
        ours, theirs = content_of(out), content_of(whole)
    print(f"{done.workers} workers and {done.coordinators} coordinators killed")
    print("written last: " + ", ".join(f"{kind} {count}" for kind, count in sorted(done.moments.items())))
    differ = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    print(f"OTHER BYTES: {', '.join(differ)}" if differ else f"the same bytes in {len(ours)} files")
    return 1 if differ else 0


def content_of(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of every file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
