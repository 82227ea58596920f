#!/bin/sh
# Signed 8-bit levels of a TIFF file come out as unsigned ones, and large unsigned 32-bit ones as negative, without a word.
#
# Pillow 12.3.0, files that tifffile 2026.3.3 writes with SampleFormat 2 (signed) and 8 bits, and SampleFormat 1 (unsigned) and
# 32 bits. Pillow opens the first in mode L, where -56 is 200 and a picture centred on 0, as processed OCT in dB is, is folded at
# black: its darkest parts become the brightest. The second opens in mode I, signed, so that levels from 2**31 on lie below 0.
# tifffile reads both as they were written.
# Seen: "signed 8 bits [-128, -56, -1, 0, 127]: mode L [128, 200, 255, 0, 127]; unsigned 32 bits [0, 2147483647, 2147483648,
# 4294967295]: mode I [0, 2147483647, -2147483648, -1]".
# octseg refuses the first by name and the second as more than 16 bits (octseg/reading/pictures/tiff.py, octseg/reading/levels.py).
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.2.6 pillow==12.3.0 tifffile==2026.3.3
"$home/venv/bin/python" - "$home" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import PIL
import tifffile
from PIL import Image

LEVELS = {
    "signed 8 bits": np.array([[-128, -56, -1, 0, 127]], np.int8),
    "unsigned 32 bits": np.array([[0, 2**31 - 1, 2**31, 2**32 - 1]], np.uint32),
}
SEEN = {"signed 8 bits": ("L", [128, 200, 255, 0, 127]), "unsigned 32 bits": ("I", [0, 2**31 - 1, -(2**31), -1])}

found = {}
for name, levels in LEVELS.items():
    path = Path(sys.argv[1]) / "levels.tif"
    tifffile.imwrite(path, levels)
    written = tifffile.imread(path).reshape(-1)
    with Image.open(path) as picture:
        found[name] = (picture.mode, np.asarray(picture).reshape(-1).tolist())
    print(f"{name} {written.tolist()}: mode {found[name][0]} {found[name][1]}")
    if written.tolist() != levels.reshape(-1).tolist():
        sys.exit("tifffile does not read what it wrote")
print(f"Pillow {PIL.__version__}, tifffile {tifffile.__version__}")
sys.exit(0 if found == SEEN else 1)
PYTHON
