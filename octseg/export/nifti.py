"""`<name>_<class>.nii.gz` and `<name>_labels.nii.gz`: masks as volumes of a straight vessel, in mm.

A voxel (i, j, k) is column i and row j of frame k; frames that are missing between others are empty. As in DICOM, x
grows with the columns, y with the rows, z with the frames, from the middle of the first voxel of frame 1 on: ITK reads
spacings as they are, directions as the identity; in NIfTI's own terms, where x grows to the other side, it is
diag(-dx, -dy, dz). A class has 0 and 1; `labels` has the palette's indices, and WITHDRAWN all over a frame of which
nothing is said.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from octseg.drawing.palette import palette_indices
from octseg.errors import NotExportedError
from octseg.export.files import growing
from octseg.export.kinds import NO_FRAME_SPACING
from octseg.export.provenance import run_sentence, scales_sentence
from octseg.export.segmented import Segmented

SUFFIX = ".nii.gz"
LABELS = "labels"
WITHDRAWN = 255
QUICK = 1  # zlib's level
EXTENDED, COMMENT = b"\1\0\0\0", 6  # that extensions follow, and the kind of one that is text
MOST_SIDE = 32_767  # that the format's header can hold


def write_nifti(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write a volume for each class, and one of labels; their names."""
    header = _header(segmented)
    names = []
    for label in (*segmented.classes, LABELS):
        name = f"{stem}_{label}{SUFFIX}"
        with growing(folder / name) as file, gzip.GzipFile("", "wb", QUICK, file, mtime=0) as packed:
            packed.write(header)
            for plane in _planes(segmented, label):
                packed.write(np.ascontiguousarray(plane).data)
        names.append(name)
    return names


def _header(segmented: Segmented) -> bytes:
    """The file up to its voxels."""
    from nibabel import nifti1

    pixel_mm, frame_mm = spacings(segmented, "NIfTI")
    numbers = segmented.numbers
    record = segmented.records[0]
    shape = (record["width"], record["height"], numbers[-1] - numbers[0] + 1)
    if max(shape) > MOST_SIDE:
        raise NotExportedError(f"no NIfTI is written of {shape}: a side has at most {MOST_SIDE} voxels")
    affine = np.diag([-pixel_mm, -pixel_mm, frame_mm, 1.0])
    affine[2, 3] = (numbers[0] - 1) * frame_mm
    header = cast(Any, nifti1).Nifti1Header(endianness="<")
    header.set_data_dtype(np.uint8)
    header.set_data_shape(shape)
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")
    header.set_xyzt_units("mm")
    header["descrip"] = f"octseg {segmented.run['octseg']} {segmented.run['model']['sha256'][:16]}".encode()
    extension = _comment(f"{scales_sentence(segmented.pullback_record or {})} {run_sentence(segmented.run)}")
    begin = int(header.single_vox_offset)
    header["magic"], header["vox_offset"] = b"n+1", begin + len(extension)
    return bytes(header.binaryblock) + EXTENDED + extension


def _comment(text: str) -> bytes:
    """A text as an extension of the header, which ITK passes over: its size, a multiple of 16, its kind, and itself."""
    content = text.encode()
    size = -(-(8 + len(content)) // 16) * 16
    return size.to_bytes(4, "little") + COMMENT.to_bytes(4, "little") + content.ljust(size - 8, b"\0")


def spacings(segmented: Segmented, what: str) -> tuple[float, float]:
    """Mm per pixel, and from frame to frame; NotExportedError where one of them is not known."""
    measures = segmented.measures
    if measures is None:
        raise NotExportedError(
            f"no {what} is written: these frames are no pullback; pictures of one size that are numbered by their "
            "names are one with --frame-spacing"
        )
    if measures.pixel_spacing_mm is None:
        raise NotExportedError(
            f"no {what} is written: mm per pixel are not known, or differ from frame to frame; give --pixel-spacing"
        )
    if measures.frame_spacing_mm is None:
        raise NotExportedError(NO_FRAME_SPACING.format(what=what))
    return measures.pixel_spacing_mm, measures.frame_spacing_mm


def _planes(segmented: Segmented, label: str) -> Iterator[NDArray[Any]]:
    """Each frame's voxels (H, W) in order, empty for those that are missing."""
    due = segmented.numbers[0]
    for record, masks in zip(segmented.records, segmented.masks(), strict=True):
        empty = np.zeros((record["height"], record["width"]), np.uint8)
        for _ in range(due, record["frame"]):
            yield empty
        due = record["frame"] + 1
        if label != LABELS:
            yield masks[label].view(np.uint8)
        else:
            yield np.full_like(empty, WITHDRAWN) if record["withdrawn"] else palette_indices(masks)
