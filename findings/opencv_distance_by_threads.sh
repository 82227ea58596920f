#!/bin/sh
# OpenCV's exact distance transform gives other last bits with one thread than with two, and with one thread other ones
# again by where in memory its result is put.
#
# opencv-python-headless 5.0.0.93 takes Intel's IPP for distanceTransform(..., DIST_L2, DIST_MASK_PRECISE) where it has
# one thread, and its own code where it has more. What is measured on such a distance differs then between a worker
# that is held to one core and one that is not, and between two runs of the same program on the same picture.
# Seen: one mask of 704 x 704, result arrays at 0, 4 and 16 bytes past a multiple of 64: three different results with one
# thread, one result with two threads, the same one with one thread after cv2.ipp.setUseIPP(False).
# octseg turns IPP off for it (octseg/measurement/depth.py). On a processor without IPP's code this has nothing to show.
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check "numpy<3" opencv-python-headless==5.0.0.93
"$home/venv/bin/python" - <<'PYTHON'
import sys

import cv2
import numpy as np

SIDE, PLACES = 704, (0, 4, 16)


def distance(mask, place):
    """Into an array that begins `place` bytes past a multiple of 64."""
    memory = np.zeros(mask.size * 4 + 128, np.uint8)
    start = (place - memory.ctypes.data) % 64
    out = memory[start : start + mask.size * 4].view(np.float32).reshape(mask.shape)
    return cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, out).copy()


def results(mask, threads):
    cv2.setNumThreads(threads)
    return [distance(mask, place) for place in PLACES]


def different(arrays):
    return len({array.tobytes() for array in arrays})


mask = (np.random.default_rng(3).random((SIDE, SIDE)) > 0.0005).astype(np.uint8)
one, two = results(mask, 1), results(mask, 2)
cv2.ipp.setUseIPP(False)
without = results(mask, 1)
apart = max(float(np.abs(a - b).max()) for a in one for b in two)
print(f"OpenCV {cv2.__version__}: different results by place: one thread {different(one)}, two threads {different(two)},")
print(f"one thread without IPP {different(without)}; one and two threads are up to {apart:.1e} pixels apart")
same = different(two + without) == 1
sys.exit(0 if different(one) > 1 and same and 0 < apart < 1e-3 else 1)
PYTHON
