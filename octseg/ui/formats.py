"""The formats that results can be taken home in, as a page offers them."""

from dataclasses import dataclass

from octseg.export.kinds import KINDS, missing_packages

NOT_INSTALLED = "Not installed on this server."
NO_SOURCE = "Only of a DICOM file whose frames are shown as they are stored; NIfTI holds the same masks."


@dataclass(frozen=True)
class Format:
    """What a visitor may take. patient: whether the patient's data of the source is in it."""

    name: str
    label: str
    what: str
    patient: bool = False


FORMATS = (
    Format("report", "Report", "numbers, curves and pictures on one page, to read or to print"),
    Format("tables", "Tables", "CSV and JSON: a row a frame, and what is measured along the vessel"),
    Format("nifti", "NIfTI", "volumes in mm, for 3D Slicer or ITK-SNAP"),
    Format("dicom-seg", "DICOM SEG", "for a PACS; bears the patient's name and number of your file", patient=True),
    Format("mp4", "Video", "MP4 of the frames with the tissues drawn on them"),
    Format("masks", "Masks", "a palette PNG a frame"),
    Format("coco", "COCO", "outlines and frames, to train on"),
    Format("geojson", "GeoJSON", "outlines in pixels, for QuPath"),
    Format("labelme", "LabelMe", "outlines and frames, to correct"),
)


def is_installed(name: str) -> bool:
    """Whether all packages are there that a format needs."""
    return name not in KINDS or not missing_packages(name)
