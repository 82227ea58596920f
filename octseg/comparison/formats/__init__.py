"""A file or folder to a reading: which format it is, and who reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from octseg.comparison.formats.coco import coco_reading, is_coco
from octseg.comparison.formats.contours import is_labelme, labelme_reading
from octseg.comparison.formats.pictures import PICTURES, picture_reading
from octseg.comparison.formats.results import MASK_END, MEASURES, results_reading, results_table
from octseg.comparison.formats.volumes import VOLUMES, volume_reading
from octseg.comparison.reading import Reading
from octseg.errors import ReadError
from octseg.reading.dicom.mark import is_dicom
from octseg.reading.names import natural_path_key

READ = (
    "a folder of results (measures.json), pictures of labels or of planes (PNG, TIFF), NIfTI, DICOM SEG, COCO or "
    "LabelMe files"
)
HEAD_BYTES = 256


def open_reading(path: Path, class_map: Mapping[int, str] | None = None, binary_class: str | None = None) -> Reading:
    """What outlines a file or folder holds.

    Args:
        path: see `READ`.
        class_map: number -> class, of label pictures and volumes whose numbers are not octseg's, and of DICOM segments.
        binary_class: what a picture or volume of two values outlines.

    Raises ReadError where there are no outlines, or it is not known whose.
    """
    if not path.exists():
        raise ReadError(f"{path} does not exist")
    if path.is_dir():
        return _of_folder(path, class_map, binary_class)
    if path.name == MEASURES or path.name.endswith(f"_{MEASURES}"):
        return results_reading(path)
    if path.name.lower().endswith(VOLUMES):
        return volume_reading([path], path.name, class_map, binary_class)
    if path.suffix.lower() in PICTURES:
        return picture_reading([path], path.name, class_map, binary_class)
    if path.suffix.lower() == ".json":
        if is_coco(path):
            return coco_reading(path)
        if is_labelme(path):
            return labelme_reading([path], path.name)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if is_dicom(head):
        from octseg.comparison.formats.segments import segments_reading

        return segments_reading(path, class_map)
    raise ReadError(f"{path.name} holds no outlines that can be read; give {READ}")


def _of_folder(folder: Path, class_map: Mapping[int, str] | None, binary_class: str | None) -> Reading:
    if (table := results_table(folder)) is not None:
        return results_reading(table)
    seen = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    files = sorted(seen, key=natural_path_key)
    volumes = [path for path in files if path.name.lower().endswith(VOLUMES)]
    drawn = [path for path in files if path.suffix.lower() == ".json" and is_labelme(path)]
    coco = [path for path in files if path.suffix.lower() == ".json" and is_coco(path)]
    pictures = _masks_among([path for path in files if path.suffix.lower() in PICTURES])
    if volumes:
        return volume_reading(volumes, folder.name, class_map, binary_class)
    if drawn:
        return labelme_reading(drawn, folder.name)
    if len(coco) == 1:
        return coco_reading(coco[0])
    below = _pictures_below(folder)
    if pictures:
        reading = picture_reading(pictures, folder.name, class_map, binary_class)
        note = f"pictures in folders below {folder.name} are not read ({len(below)}): give such a folder by itself"
        return replace(reading, notes=(*reading.notes, note)) if below else reading
    if below:
        return picture_reading(below, folder.name, class_map, binary_class, folder)
    raise ReadError(f"{folder.name} holds no outlines that can be read; give {READ}")


def _pictures_below(folder: Path) -> list[Path]:
    """Pictures of masks in the folders of a folder, a patient's in each."""
    seen = [path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file()]
    shown = [path for path in seen if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return _masks_among(sorted((path for path in shown if path.parent != folder), key=natural_path_key))


def _masks_among(pictures: Sequence[Path]) -> list[Path]:
    """Of each folder those that are named as masks, where some are: frames and overlays lie beside them."""
    named = {path.parent for path in pictures if path.stem.endswith(MASK_END)}
    return [path for path in pictures if path.parent not in named or path.stem.endswith(MASK_END)]
