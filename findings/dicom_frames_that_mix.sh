#!/bin/sh
# Frames of an uncompressed colour capture come out mixed when they are taken one after the other, right one by one.
#
# pydicom 3.0.2, a file of three frames in YBR_FULL_422 (two bytes a pixel, as the standard has it), each of one grey level.
# pixel_array(path, index=n) gives every frame as it was stored. iter_pixels(path), which is the way to stream a pullback,
# loses its place: its second frame is made of pieces of all three, in wrong colours, and only then it raises. Whoever takes
# what came before the error measures a frame that was never there, without a word.
# Seen: "one by one [[50], [100], [200]]; in a row [[50], [50, 52, 77, ... 255]], then ValueError".
# octseg reads such frames by their place in the file (octseg/reading/dicom/fragments.py).
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.2.6 pydicom==3.0.2
"$home/venv/bin/python" - "$home" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import iter_pixels, pixel_array

ROWS, COLUMNS, LEVELS = 64, 96, (50, 100, 200)


def stored(level):
    pairs = np.full((ROWS * COLUMNS // 2, 4), 128, np.uint8)  # Y, Y, Cb, Cr
    pairs[:, :2] = level
    return pairs.tobytes()


dataset = Dataset()
dataset.file_meta = FileMetaDataset()
dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.4", "1.2.3"
dataset.Rows, dataset.Columns, dataset.NumberOfFrames, dataset.SamplesPerPixel = ROWS, COLUMNS, len(LEVELS), 3
dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "YBR_FULL_422", 0
dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
dataset.PixelData = b"".join(map(stored, LEVELS))
path = Path(sys.argv[1]) / "capture"
dataset.save_as(path, enforce_file_format=True)


def levels(frame):
    return sorted({int(level) for level in np.unique(frame)})


singly = [levels(pixel_array(path, index=number)) for number in range(len(LEVELS))]
in_a_row, ended = [], "no error"
try:
    for frame in iter_pixels(path):
        in_a_row.append(levels(frame))
except Exception as error:
    ended = type(error).__name__
print(f"pydicom {pydicom.__version__}: one by one {singly}; in a row {in_a_row}, then {ended}")
right = [[level] for level in LEVELS]
sys.exit(0 if singly == right and in_a_row != right and ended != "no error" else 1)
PYTHON
