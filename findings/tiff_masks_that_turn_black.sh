#!/bin/sh
# A mask saved from an array of bool, or by ImageJ, is read as its opposite by one library and as it was by another.
#
# tifffile 2025.5.10 stores an array of bool with PhotometricInterpretation 0 ("0 is white"), as ImageJ does with masks of
# an inverting look-up table. tifffile gives back what was stored; Pillow 12.0.0 counts down from white, as the tag asks:
# the outlined object becomes background, and all else object. Neither says a word, and a core of 4 % of the frame
# becomes one of 96 %.
# Seen: "tifffile 400, Pillow 9600 of 10000 pixels set", for bool and for ImageJ's 8 bits alike.
# octseg takes what lies along the picture's edge for background where the tag stands (octseg/reading/masks/tiff_samples.py).
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check "numpy<3" tifffile==2025.5.10 pillow==12.0.0
"$home/venv/bin/python" - "$home" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import PIL
import tifffile
from PIL import Image

mask = np.zeros((100, 100), bool)
mask[40:60, 40:60] = True
home = Path(sys.argv[1])
tifffile.imwrite(home / "bool.tif", mask)
imagej = {"photometric": "miniswhite", "metadata": None, "description": "ImageJ=1.54f\nmin=0.0\nmax=255.0\n"}
tifffile.imwrite(home / "imagej.tif", mask.astype(np.uint8) * 255, **imagej)
print(f"tifffile {tifffile.__version__}, Pillow {PIL.__version__}")
as_found = True
for name in ("bool.tif", "imagej.tif"):
    stored = np.count_nonzero(tifffile.imread(home / name))
    shown = np.count_nonzero(np.asarray(Image.open(home / name)))
    print(f"{name}: tifffile {stored}, Pillow {shown} of {mask.size} pixels set")
    as_found = as_found and (stored, shown) == (400, 9600)
sys.exit(0 if as_found else 1)
PYTHON
