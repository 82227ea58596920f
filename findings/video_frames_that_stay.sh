#!/bin/sh
# A decoded video frame that was asked for its side data stays in memory until Python's garbage collector happens to run.
#
# PyAV 18.1.0 gives a frame's rotation matrix in frame.side_data, which is the only way to learn that a video is mirrored.
# The object it makes and the frame hold each other, so that dropping the frame frees nothing: the collector counts
# objects, not bytes, and a loop over a video makes few of them. Without the question frames are freed one by one.
# Seen: 300 frames of 1024 x 1024, none of them kept by the caller: 0 MB without the question, 270 to 300 MB with it.
# octseg asks the first frame only (octseg/reading/video.py).
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check "numpy<3" av==18.1.0
"$home/venv/bin/python" - <<'PYTHON'
import io
import re
import sys
from pathlib import Path

import av
import numpy as np

SIDE, COUNT = 1024, 300


def peak_mb():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3


def video():
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((SIDE, SIDE, 3), np.uint8), format="rgb24")
        for number in range(COUNT):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def grown_mb(content, ask):
    before = peak_mb()
    with av.open(io.BytesIO(content)) as container:
        for frame in container.decode(video=0):
            if ask:
                frame.side_data.get("DISPLAYMATRIX")
    return peak_mb() - before


content = video()
without, with_question = grown_mb(content, False), grown_mb(content, True)
print(f"PyAV {av.__version__}: {COUNT} frames, memory grows by {without:.0f} MB, asked for side data by {with_question:.0f} MB")
sys.exit(0 if without < 40 and with_question > 150 else 1)
PYTHON
