"""How many threads OpenCV takes for each of its calls, which is one number for the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from octseg.cores import usable_cores

OF_A_PULLBACK = 5  # threads that call it: reading, what is seen before the network, around it, behind it, writing


def opencv_threads(cores: int, callers: int) -> int:
    """Cores for each of OpenCV's calls where so many threads make them: more would wait for each other."""
    return max(1, cores // callers)


@contextmanager
def shared_opencv(callers: int) -> Iterator[None]:
    """A context in which so many threads call OpenCV; for a process of our own, whose other work this slows down."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(min(before, opencv_threads(usable_cores(), callers)))
    try:
        yield
    finally:
        cv2.setNumThreads(before)
