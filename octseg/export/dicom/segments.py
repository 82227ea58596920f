"""What a segmentation says of each of its segments: which tissue, by which model, at which scale."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from octseg.classes import BY_NAME
from octseg.export.dicom.source import uid_of
from octseg.export.provenance import corrected_words, run_sentence, scales_sentence
from octseg.export.segmented import Segmented

CATEGORIES = {
    "lumen": codes.SCT.AnatomicalStructure,
    "fibrous_cap": codes.SCT.MorphologicallyAbnormalStructure,
    "lipid_core": codes.SCT.Substance,
    "vasa_vasorum": codes.SCT.AnatomicalStructure,
}
TYPES = {  # SNOMED's where the edition that DICOM may use has one
    "lumen": codes.SCT.LumenOfArtery,
    "fibrous_cap": Code("fibrous_cap", "99OCTSEG", "Fibrous cap"),
    "lipid_core": codes.SCT.Lipid,
    "vasa_vasorum": Code("vasa_vasorum", "99OCTSEG", "Vasa vasorum"),
}
MOST_LETTERS = 1024  # of a short text, as DICOM calls it


def described(segmented: Segmented, identity: Sequence[str]) -> list[Any]:
    """highdicom's descriptions of the segments, in the order of the classes; identity: what their UIDs are made of."""
    from highdicom.color import CIELabColor
    from highdicom.content import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription

    run = segmented.run
    is_corrected = bool(corrected_words(run))
    algorithm_type = SegmentAlgorithmTypeValues.SEMIAUTOMATIC if is_corrected else SegmentAlgorithmTypeValues.AUTOMATIC
    algorithm = AlgorithmIdentificationSequence(
        name=ascii_of(run["model"]["name"])[:64],
        version=run["octseg"],
        family=codes.DCM.ArtificialIntelligence,
        source="octseg",
    )
    said = ascii_of(f"{scales_sentence(segmented.pullback_record or {})} {run_sentence(run)}")[:MOST_LETTERS]
    segments = []
    for number, name in enumerate(segmented.classes, start=1):
        segment = SegmentDescription(
            segment_number=number,
            segment_label=BY_NAME[name].label,
            segmented_property_category=CATEGORIES[name],
            segmented_property_type=TYPES[name],
            algorithm_type=algorithm_type,
            algorithm_identification=algorithm,
            tracking_uid=uid_of("segment", name, *identity),
            tracking_id=f"octseg {name}",
            display_color=CIELabColor.from_rgb(*BY_NAME[name].colour),
        )
        segment.SegmentDescription = said
        segments.append(segment)
    return segments


def ascii_of(text: str) -> str:
    """A text in letters that any character set has, without their accents."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return plain.encode("ascii", "replace").decode()
