#!/bin/sh
# A DICOM segmentation of several tissues along a pullback is turned round, end for end, by a reader of its volume.
#
# highdicom 0.28.2, SimpleITK 2.5.7: three frames 2 mm apart along z, masks of 1, 2 and 3 pixels, two segments alike.
# highdicom writes the segmentation's frames, and numbers them (DimensionIndexValues), against z: the last frame first.
# Each says where it lies and which source frame it is of, so a reader that looks there is right. With one segment
# SimpleITK is, too. With two it gives one volume of six slices, 1 mm apart, that goes upwards from the last frame's
# place: the vessel runs backwards, half as long, and twice, without an error. With z down it is dcmqi that turns.
# Seen: "in the file frames [3, 2, 1, 3, 2, 1]; SimpleITK has [3, 2, 1, 3, 2, 1] pixels from z = 4.0 on, upwards by 1.0".
# octseg puts items and indices in the order of the source's frames, z up (octseg/export/dicom/segmentation.py).
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
"${PYTHON:-python3}" -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.2.6 pydicom==3.0.2 highdicom==0.28.2 SimpleITK==2.5.7
"$home/venv/bin/python" - "$home" <<'PYTHON'
import sys
from pathlib import Path

import highdicom
import numpy as np
import SimpleITK
from highdicom.content import AlgorithmIdentificationSequence
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes

COUNT, SIDE = 3, 8


def items(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


source = Dataset()
source.SOPClassUID, source.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.4", "1.2.3.1"
source.StudyInstanceUID, source.SeriesInstanceUID, source.FrameOfReferenceUID = "1.2.3.2", "1.2.3.3", "1.2.3.4"
for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate"):
    setattr(source, keyword, "")
source.StudyTime, source.Modality = "", "IVOCT"
source.Rows, source.Columns, source.NumberOfFrames = SIDE, SIDE, COUNT
source.SharedFunctionalGroupsSequence = items(
    PlaneOrientationSequence=items(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
    PixelMeasuresSequence=items(PixelSpacing=[1, 1], SliceThickness=2, SpacingBetweenSlices=2),
)
source.PerFrameFunctionalGroupsSequence = Sequence(
    items(PlanePositionSequence=items(ImagePositionPatient=[0, 0, 2 * place]))[0] for place in range(COUNT)
)
masks = np.zeros((COUNT, SIDE, SIDE, 2), np.uint8)
for number in range(COUNT):
    masks[number, 0, : number + 1] = 1
algorithm = AlgorithmIdentificationSequence("drawn", codes.DCM.ArtificialIntelligence, "1")
segments = [
    highdicom.seg.SegmentDescription(
        number, f"Tissue {number}", codes.SCT.Tissue, codes.SCT.Tissue, "AUTOMATIC", algorithm_identification=algorithm
    )
    for number in (1, 2)
]
seg = highdicom.seg.Segmentation(
    [source], masks, "BINARY", segments, "1.2.3.5", 1, "1.2.3.6", 1, "maker", "model", "1", "serial"
)
path = Path(sys.argv[1]) / "seg.dcm"
seg.save_as(path)
frames = [
    int(item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber)
    for item in seg.PerFrameFunctionalGroupsSequence
]
image = SimpleITK.ReadImage(str(path))
pixels = [int((plane > 0).sum()) for plane in SimpleITK.GetArrayFromImage(image)]
z, up, step = image.GetOrigin()[2], image.GetDirection()[8], image.GetSpacing()[2]
print(
    f"highdicom {highdicom.__version__}, SimpleITK {SimpleITK.Version.VersionString()}: in the file frames {frames}; "
    f"SimpleITK has {pixels} pixels from z = {z} on, {'upwards' if up > 0 else 'downwards'} by {step}"
)
sys.exit(0 if frames == pixels == [3, 2, 1] * 2 and (z, up, step) == (4, 1, 1) else 1)
PYTHON
