"""The cases of a cohort, and what is found of one when its turn comes."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from octseg.export.files import RESERVED

Part = Literal["all", "pictures", "dicom"]
MAX_NAME_BYTES = 120  # of a folder's name, before `.partial` and what a file is called half written
OUR_ENDINGS = (".partial", ".old", ".json", ".lock")
ASKED = ("frames", "pixel_spacing_mm", "frame_spacing_mm")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is read together, and how.

    name: of its folder of results, unlike all others. id: as the user calls it. part: what of a folder it is: all that
    it holds at any depth, or of the folder itself the pictures or the DICOM files. frames: as `--frames`, "-" for all.
    """

    name: str
    id: str
    path: Path
    part: Part = "all"
    patient: str = ""
    group: str = ""
    frames: str = "-"
    pixel_spacing_mm: float | None = None
    frame_spacing_mm: float | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What its results depend on beside the options of all."""
        return {name: value for name, value in asdict(self).items() if name in ASKED}


@dataclass(frozen=True)
class Look:
    """What there is of a case now.

    stat_sum: changes with a file's name, size, time, or pieces of its content. problem: why it cannot be read.
    """

    files: tuple[Path, ...] = ()
    stat_sum: str = ""
    kind: str = ""
    problem: str = ""


def content_of(files: Iterable[Path]) -> dict[str, Any]:
    """How many files, how many bytes, and one hash over the names and contents of all, in their order."""
    whole, size, count = hashlib.sha256(), 0, 0
    for path in files:
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else _digest(file)
            size += file.tell()
        whole.update(path.name.encode(errors="surrogateescape") + b"\0" + own.digest())
        count += 1
    return {"files": count, "bytes": size, "sha256": whole.hexdigest()}


def _digest(file: Any) -> Any:  # Python 3.10 has no file_digest
    own = hashlib.sha256()
    while piece := file.read(1 << 20):
        own.update(piece)
    return own


def folder_name(text: str) -> str:
    """A name that every disk takes for a folder; it may be one that another text has too."""
    plain = unicodedata.normalize("NFC", text)
    name = re.sub(r"[^\w.+=@-]+", "_", plain).strip("._ ") or "case"
    name = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    if RESERVED.match(name):
        name = f"case_{name}"
    return f"{name}_" if name.casefold().endswith(OUR_ENDINGS) else name


def apart(names: list[tuple[str, str]]) -> list[str]:
    """A folder name for each (text, what it stands for); where two would have one, a hash tells them apart."""
    made = [folder_name(text) for text, _ in names]
    folded = [name.casefold() for name in made]  # some disks take A and a for the same
    return [
        name if folded.count(name.casefold()) == 1 else f"{name}-{hashlib.sha256(stands.encode()).hexdigest()[:6]}"
        for name, (_, stands) in zip(made, names, strict=True)
    ]
