"""The front of a repository of results: its card, and metadata.jsonl, the table that the Hub's viewer shows."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hub.cards import TEMPLATES
from hub.errors import HubError
from octseg.cards.markdown import filled
from octseg.export.provenance import NOTICE
from octseg.measurement.wording import TABLE

METADATA = "metadata.jsonl"  # of which the card tells the Hub
BYTE_ORDER_MARK = "\ufeff"  # which some editors put before a text
MEASURES = (  # a case's columns in the table; measures.json of the case has all
    *("pixel_spacing_mm", "pixel_spacing_source"),
    *("lipid_core_area_mm2", "lipid_core_area_px", "lipid_core_percent_of_disc", "lipid_arc_deg"),
    *("fibrous_cap_thickness_min_um", "fibrous_cap_thickness_mean_um", "meets_tcfa_criteria"),
    *("lumen_area_mm2", "lumen_area_px", "lumen_diameter_min_mm", "lumen_diameter_max_mm", "lumen_diameter_mean_mm"),
)


def card() -> str:
    """README.md of a repository of results, the same for all of them."""
    measures = [
        f"| {row.field} | {title}: {row.label.lower()}{f', {row.unit}' if row.unit else ''}. {row.meaning} |"
        for title, rows in TABLE
        for row in rows
        if row.field in MEASURES
    ]
    return filled(TEMPLATES / "results.md", {"notice": NOTICE, "measures": "\n".join(measures)})


def with_rows(rows: Sequence[Mapping[str, Any]]) -> Callable[[str | None], str]:
    """What puts lines of cases into the table, each in the place of an older one of the same case."""

    def lay(standing: str | None) -> str:
        lines = _lines(standing)
        lines |= {str(row["case"]): json.dumps(row, allow_nan=False) for row in rows}
        return "".join(f"{line}\n" for line in lines.values())

    return lay


def without_cases(cases: Collection[str]) -> Callable[[str | None], str]:
    """What takes all lines of cases out of the table: that of a frame of a pullback is called case/frame."""

    def lay(standing: str | None) -> str:
        return "".join(f"{line}\n" for name, line in _lines(standing).items() if name.split("/")[0] not in cases)

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
