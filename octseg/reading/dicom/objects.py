"""Which DICOM objects are frames of OCT: the rest is refused, or read with a word of warning."""

from pydicom.dataset import Dataset
from pydicom.uid import UID

from octseg.errors import ReadError
from octseg.reading.dicom.layout import text
from octseg.reading.dicom.opening import PIXEL_TAGS, Opened

CLASSES = "1.2.840.10008.5.1.4.1.1."
FOR_PROCESSING = f"{CLASSES}14.2"
# Objects that have pixels, but none of a frame.
NO_FRAMES = {
    f"{CLASSES}66.4": "a segmentation",
    f"{CLASSES}66.7": "a segmentation (label map)",
    f"{CLASSES}30": "a parametric map",
    f"{CLASSES}481.2": "a radiotherapy dose",
    f"{CLASSES}77.1.6": "a whole slide of microscopy",
}
OCT = ("IVOCT", "OCT", "OT", "SC", "")  # and what secondary captures are called
REFUSED = {
    "MR": "magnetic resonance",
    "CT": "computed tomography",
    "PT": "positron emission tomography",
    "NM": "nuclear medicine",
    "MG": "mammography",
    "DX": "digital radiography",
    "CR": "computed radiography",
    "PX": "panoramic X-ray",
    "IO": "intra-oral radiography",
    "RTDOSE": "radiotherapy",
    "SM": "slide microscopy",
    "SEG": "a segmentation",
}
WARNED = {
    "US": "ultrasound",
    "IVUS": "intravascular ultrasound",
    "XA": "X-ray angiography",
    "RF": "fluoroscopy",
    "OPT": "ophthalmic tomography",
    "OP": "ophthalmic photography",
    "ES": "endoscopy",
    "GM": "general microscopy",
    "XC": "photography",
}


def check_object(opened: Opened, label: str) -> tuple[str, ...]:
    """What to warn of in an object that is read; ReadError where it holds no frames of OCT."""
    sop_class, modality = text(opened.dataset, "SOPClassUID"), text(opened.dataset, "Modality")
    if opened.pixel_tag is None:
        kind = _kind(sop_class)
        if not sop_class or "Image Storage" in kind:
            raise ReadError(f"{label} is a DICOM file that is cut off, or a header alone{kind}; export it again, whole")
        raise ReadError(f"{label} is a DICOM file without pictures{kind}; give the file of the pullback")
    if sop_class in NO_FRAMES or modality in ("SEG", "RTDOSE", "SM"):
        kind = NO_FRAMES.get(sop_class) or REFUSED[modality]
        raise ReadError(f"{label} is a DICOM file of {kind}, not of OCT frames; give the file of the pullback")
    if opened.pixel_tag != PIXEL_TAGS[0]:
        raise ReadError(f"{label} is a DICOM file whose pixels are real numbers; export it with 8 or 16 bits")
    if modality in REFUSED:
        raise ReadError(
            f"{label} is a DICOM file of {REFUSED[modality]}, not of intravascular OCT; give the file of the pullback"
        )
    if modality in OCT:
        return ()
    kind = f"{modality}, {WARNED[modality]}" if modality in WARNED else "of another kind"
    return (f"the header says that this is not OCT (modality {kind}); it is read as if it were",)


def _kind(sop_class: str) -> str:
    """What the class of an object is called in DICOM's own list, in brackets; nothing for one that is not in it."""
    name = UID(sop_class).name
    return "" if not name or name == sop_class else f" ({name})"


def is_polar(dataset: Dataset) -> bool:
    """Whether frames are A-lines in rows, as before scan conversion."""
    if text(dataset, "SOPClassUID") == FOR_PROCESSING:
        return True
    return text(dataset, "PresentationIntentType") == "FOR PROCESSING" and text(dataset, "Modality") == "IVOCT"


def burned_in(dataset: Dataset) -> tuple[str, ...]:
    """A warning where the header says that a person may be known by the pixels."""
    if text(dataset, "BurnedInAnnotation") != "YES":
        return ()
    return ("the header says that its pixels bear annotation, which may name the patient: look before you share them",)
