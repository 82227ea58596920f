"""The page's ZIP of results as a folder beside it, where corrections can be kept."""

import zipfile
from pathlib import Path

from octseg.errors import CorrectionError
from octseg.export.files import told_in_one_sentence
from octseg.reading.archive import DAMAGED

MOST_BYTES = 16 << 30  # unpacked: frames and masks of a pullback have a tenth of that
MOST_FILES = 20_000
ENDINGS = (".png", ".tif", ".json", ".csv", ".txt", ".jsonl", ".html", ".geojson", ".gz", ".mp4", ".dcm")


def unpacked(path: Path) -> Path:
    """The folder of a ZIP file, named as that; made where it is not there. Raises CorrectionError where it is none."""
    if path.suffix.lower() != ".zip":
        raise CorrectionError(f"{path.name} is no folder of results: give what `octseg predict --out` wrote")
    folder = path.with_suffix("")
    if folder.is_dir():
        return folder
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            _check(members, path.name)
            partial = folder.with_name(f".{folder.name}.part")
            with told_in_one_sentence(f"the folder {folder.name}"):
                partial.mkdir(exist_ok=True)
                archive.extractall(partial, members)  # which lets no member out of the folder
                partial.replace(folder)
    except DAMAGED as error:
        raise CorrectionError(
            f"{path.name} is no ZIP file of results that can be unpacked; download it again"
        ) from error
    return folder


def _check(members: list[zipfile.ZipInfo], name: str) -> None:
    others = [each.filename for each in members if not each.filename.lower().endswith(ENDINGS)]
    if others:
        raise CorrectionError(
            f"{name} is no ZIP file of results: it holds {others[0]}; give the one that the page made"
        )
    if len(members) > MOST_FILES or sum(each.file_size for each in members) > MOST_BYTES:
        raise CorrectionError(f"{name} holds more than results of a pullback do; unpack it, and give the folder")
