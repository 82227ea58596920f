"""Files that may hold the frames of saved results, as `octseg predict` was given them."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from octseg.commands.inputs import Item, find_items, name_of_folder, pullbacks_of
from octseg.correction.frames import ANY_NAME, Given
from octseg.reading.survey import FolderLevels


def frames_given(inputs: Sequence[Path], folder: Path) -> Iterator[Given]:
    """What was named with --frames, read when it is needed; folder: of the results, which are no frames."""
    items = find_items(inputs, folder).items
    levels = FolderLevels([item.path for item in items if item.is_picture])
    for item in items:
        yield Given(_names_of(item), partial(pullbacks_of, item, levels), item.files)


def _names_of(item: Item) -> frozenset[str]:
    """What measures.json may call a file's frames by; those of DICOM files in a folder by a file or by the folder."""
    names = {path.name for path in item.files}
    return frozenset(names if item.path in item.files else {*names, name_of_folder(item.path), ANY_NAME})
