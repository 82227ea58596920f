"""How many cores there are to work on."""

import os

CORES = "OCTSEG_CORES"  # how many a scheduler gives a process that it does not hold to them


def usable_cores() -> int:
    """Cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get(CORES, "")
    return min(cores, int(given)) if given.isdecimal() and int(given) else cores
