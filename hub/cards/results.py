"""The front of a repository of results: its card, and metadata.jsonl, the table that the Hub's viewer shows."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from hub.cards.merging import joined
from hub.errors import HubError
from octseg.export.provenance import NOTICE
from octseg.measurement.wording import TABLE

METADATA = "metadata.jsonl"
BYTE_ORDER_MARK = "\ufeff"  # which some editors put before a text
MEASURES = (  # a case's columns in the table; measures.json of the case has all
    *("pixel_spacing_mm", "pixel_spacing_source"),
    *("lipid_core_area_mm2", "lipid_core_area_px", "lipid_core_percent_of_disc", "lipid_arc_deg"),
    *("fibrous_cap_thickness_min_um", "fibrous_cap_thickness_mean_um", "meets_tcfa_criteria"),
    *("lumen_area_mm2", "lumen_area_px", "lumen_diameter_min_mm", "lumen_diameter_max_mm", "lumen_diameter_mean_mm"),
)
MEANINGS = {
    "case": "the folder of the case, from the sha256 of its frame's pixels",
    "image, mask, overlay": "the frame; the tissues as palette indices (0 background, 1 lumen, 2 fibrous cap, "
    "3 lipid core, 4 vasa vasorum); the frame with the tissues drawn on it",
    "pixel_spacing_mm, pixel_spacing_source": "millimetres per pixel, and where they come from: dicom, ruler, user, "
    "preset",
    "meets_tcfa_criteria": "whether both criteria of a thin-cap fibroatheroma are met in this frame",
    "model, model_revision, model_sha256": "the model that outlined the tissues: name, commit on the Hub, weights",
    "octseg": "the program's version",
    "attribution": "whose the frame is and under which licence, where that was given; it goes along with the frame",
}
FRONT: dict[str, object] = {
    "pretty_name": "Intravascular OCT, outlined and measured",
    "task_categories": ["image-segmentation"],
    "tags": ["octseg", "medical", "oct", "intravascular", "lipid-plaque"],
    "configs": [
        {
            "config_name": "default",
            "data_files": [{"split": "results", "path": [METADATA, "cases/*/*.png"]}],
        }
    ],
}
TEXT = """# Results of octseg

**{notice}.** Outlines and numbers come from a network and can be wrong.

Frames of intravascular optical coherence tomography (OCT) with lumen, fibrous cap, lipid core and vasa vasorum
outlined and measured by octseg. A folder in `cases/` is one frame: `frame.png`,
`mask.png`, `overlay.png`, `measures.csv`, `measures.json`, and `report.html`, which opens without a network.

| column | meaning |
|---|---|
{columns}

What could not be measured is null, never 0. The unit of a measure is the end of its name: px pixels, mm, mm2, um
(0.001 mm), deg degrees.

Names of files, and all that files say beside their pixels, were left out when the results were shared. What is burned
into the pixels was not. Before this repository is made public, look at every frame, and see that its licence allows it.
"""


def card() -> str:
    """README.md of a repository of results, the same for all of them."""
    measures = {
        row.field: f"{title}: {row.label.lower()}{f', {row.unit}' if row.unit else ''}. {row.meaning}"
        for title, rows in TABLE
        for row in rows
        if row.field in MEASURES
    }
    meanings = {**MEANINGS, **measures}
    columns = "\n".join(f"| {name} | {meaning} |" for name, meaning in meanings.items())
    return joined(FRONT, f"\n{TEXT.format(notice=NOTICE, columns=columns)}")


def with_row(row: Mapping[str, Any]) -> Callable[[str | None], str]:
    """What puts a case's line into the table, in the place of an older one of the same case."""

    def lay(standing: str | None) -> str:
        lines = _lines(standing)
        lines[str(row["case"])] = json.dumps(row, allow_nan=False)
        return "".join(f"{line}\n" for line in lines.values())

    return lay


def without_row(case: str) -> Callable[[str | None], str]:
    """What takes a case's line out of the table."""

    def lay(standing: str | None) -> str:
        return "".join(f"{line}\n" for name, line in _lines(standing).items() if name != case)

    return lay


def _lines(standing: str | None) -> dict[str, str]:
    """The table's lines by case; HubError where it is a table of something else, as one with two lines of a case is."""
    lines: dict[str, str] = {}
    for line in (standing or "").removeprefix(BYTE_ORDER_MARK).split("\n"):  # text in JSON can hold other line ends
        if not line.strip():
            continue
        try:
            case = json.loads(line)["case"]
            if not isinstance(case, str) or case in lines:
                raise ValueError(case)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise HubError(
                f"the {METADATA} on the Hub is no table of octseg results, so it is not touched; "
                "take a repository of its own for results"
            ) from None
        lines[case] = line.rstrip("\r")
    return lines
