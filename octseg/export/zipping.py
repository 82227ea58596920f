"""All that a run wrote in one ZIP, streamed: neither its size nor that of a file is held in memory.

What is compressed already is packed without another try, as a deflated member all the same: stored members whose size
follows them, as in a stream, are what some readers refuse.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from octseg.export.provenance import run_sentence

ZIP_NAME, README_NAME = "results.zip", "README.txt"
PACKED_ALREADY = (".png", ".gz", ".mp4", ".jpg")
CHUNK = 1 << 20  # bytes
LARGE = 1 << 31  # bytes of a file, from which on its size takes 64 bits
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the same for all, so that the same results give the same ZIP
# What a file is, by the end of its name; the first that fits.
KINDS = {
    "_mask.png": "tissues as a palette picture: 0 background, 1 lumen, 2 fibrous cap, 3 lipid core, 4 vasa vasorum",
    "_doubt.png": "where variants of the frame disagree with its outlines, in grey: 0 nowhere, 255 all of them",
    "_overlay.png": "the frame with the tissues drawn on it",
    "measures.csv": "a row a frame; an empty cell is what could not be measured",
    "measures.json": "the same, null for what could not be measured",
    "_pullback.json": "what is measured along the vessel",
    "_coco.json": "outlines as COCO",
    ".geojson": "outlines as GeoJSON, in pixels",
    "_labels.nii.gz": "the palette's indices as a NIfTI volume; 255 in frames of which nothing is said",
    ".nii.gz": "one tissue as a NIfTI volume of 0 and 1",
    "_seg.dcm": "DICOM segmentation, with the patient's data of its source",
    "_overlay.mp4": "the frames with the tissues drawn on them, as a video",
    "_report.html": "the numbers, curves and pictures that matter, to read in a browser or to print",
    "corrections.jsonl": "every stroke of a reader; `octseg review` goes on from it",
    "studies.csv": "which frame each of img and mask is, for training",
    ".tif": "four planes of 0 and 255: lumen, fibrous cap, lipid core, vasa vasorum",
    ".json": "outlines as LabelMe, beside each frame",
    ".png": "the frame as it was read",
}
README = """octseg: outlines and measures of intravascular OCT
{made}

{kinds}

The unit of a measure is the end of its name: px pixels, mm, mm2, um (0.001 mm), deg degrees. Where `withdrawn` says
why, nothing is said of a frame. Where each scale comes from stands beside it, as pixel_spacing_source.
"""


class _Sink:
    """What is written into it, to be taken out."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, content: bytes) -> int:
        self._held += content
        return len(content)

    def flush(self) -> None:
        """Nothing: all of it is there."""

    def taken(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def zipped(folder: Path, names: Iterable[str], run: Mapping[str, Any]) -> Iterator[bytes]:
    """A ZIP of files in a folder and a README, piece by piece; names: paths in it. run: the head of measures.json."""
    return zipped_members(((name, folder / name) for name in sorted(names)), run)


def zipped_members(members: Iterable[tuple[str, Path | bytes]], run: Mapping[str, Any]) -> Iterator[bytes]:
    """The same of names, each with its file or its bytes, which are asked for one after the other."""
    sink, kept = _Sink(), []
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive:
        for name, given in members:
            kept.append(name)
            size = len(given) if isinstance(given, bytes) else given.stat().st_size
            archive.compresslevel = 0 if name.endswith(PACKED_ALREADY) else 6
            opened = io.BytesIO(given) if isinstance(given, bytes) else given.open("rb")
            with opened as file, archive.open(_member(name), "w", force_zip64=size >= LARGE) as to:
                while content := file.read(CHUNK):
                    to.write(content)
                    yield sink.taken()
        archive.writestr(_member(README_NAME), _readme(kept, run))
    yield sink.taken()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, FIRST_DAY)
    member.external_attr = 0o644 << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def _readme(names: Iterable[str], run: Mapping[str, Any]) -> str:
    there = {}
    for name in names:
        ending = next((ending for ending in KINDS if name.endswith(ending)), None)
        there[ending] = name if name == ending else f"*{'' if ending is None or ending[0] in '._' else '_'}{ending}"
    lines = [f"{there[ending] + ' ':<17}{said}" for ending, said in KINDS.items() if ending in there]
    return README.format(made=run_sentence(run), kinds="\n".join(lines))
