#!/bin/sh
# A TIFF mask with a plane for each of four tissues is read whole by one library, refused by another, and cut to its
# first plane, or emptied, by a third without a word.
#
# tifffile 2025.5.10 writes four planes of 8 bits as grey (PhotometricInterpretation 1) with three extra samples, or, when
# told that they are colours, as RGB with one. Of the grey ones Pillow 12.0.0 says that it is no picture, and OpenCV
# 4.12.0 gives the first plane alone. Of the others Pillow gives all four, and OpenCV none: it multiplies three planes
# by the fourth, as by opacity, which is empty in a frame without the fourth tissue.
# Seen, pixels set of 400, 0, 100 and 0: grey: "tifffile 400 0 100 0; Pillow UnidentifiedImageError; OpenCV 400", RGB:
# "tifffile 400 0 100 0; Pillow 400 0 100 0; OpenCV 0 0 0 0".
# octseg sets the tags anew in a copy before it decodes the planes (octseg/reading/masks/tiff_samples.py).
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check "numpy<3" tifffile==2025.5.10 pillow==12.0.0 \
  opencv-python-headless==4.12.0.88
"$home/venv/bin/python" - "$home" <<'PYTHON'
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL
import tifffile
from PIL import Image

planes = np.zeros((64, 64, 4), np.uint8)
planes[10:30, 10:30, 0], planes[30:40, 30:40, 2] = 255, 255
print(f"tifffile {tifffile.__version__}, Pillow {PIL.__version__}, OpenCV {cv2.__version__}")


def counted(read):
    by_plane = np.atleast_3d(read)
    return " ".join(str(np.count_nonzero(by_plane[..., each])) for each in range(by_plane.shape[2]))


def by_pillow(path):
    try:
        with Image.open(path) as picture:
            return counted(np.asarray(picture))
    except PIL.UnidentifiedImageError as error:
        return type(error).__name__


SEEN = {
    "minisblack": ("400 0 100 0", "UnidentifiedImageError", "400"),
    "rgb": ("400 0 100 0", "400 0 100 0", "0 0 0 0"),
}
as_found = True
for kind, seen in SEEN.items():
    path = Path(sys.argv[1]) / f"{kind}.tif"
    tifffile.imwrite(path, planes, photometric=kind, planarconfig="contig")
    found = (counted(tifffile.imread(path)), by_pillow(path), counted(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))
    print("{}: tifffile {}; Pillow {}; OpenCV {}".format(kind, *found))
    as_found = as_found and found == seen
sys.exit(0 if as_found else 1)
PYTHON
