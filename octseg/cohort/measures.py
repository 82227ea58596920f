"""Which measures a cohort is summed up by, what they are called, and of which rows they are told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from octseg.cohort.summing import Sample

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A column as it is told of. frame: the column of the frame that decides. with_lipid: of rows with lipid alone."""

    column: str
    label: str
    unit: str
    digits: int
    frame: str | None = None
    with_lipid: bool = False

    def value(self, row: Row) -> float | None:
        """Of a row; None where it has none, or is not asked."""
        value = row.get(self.column)
        if value is None or (self.with_lipid and not row.get("lipid_frame_count")):
            return None
        return float(value)

    def sample(self, rows: Iterable[Row]) -> Sample:
        """Of the rows that have it."""
        told = [(value, str(row["patient"])) for row in rows if (value := self.value(row)) is not None]
        return Sample([value for value, _ in told], [patient for _, patient in told])

    def words(self, value: float) -> str:
        """The number alone; one that rounds to 0 has no sign."""
        return f"{round(value, self.digits) + 0.0:.{self.digits}f}"


@dataclass(frozen=True)
class Share:
    """A count as it is told of: in how many pullbacks it is above 0."""

    label: str
    column: str


WITH_LIPID = Share("With lipid", "lipid_frame_count")
WITH_TCFA = Share("With a TCFA candidate", "tcfa_candidate_count")
LENGTH = Measure(column="length_mm", label="Length", unit="mm", digits=1)
ALONG = (
    Measure(
        column="minimum_lumen_area_mm2",
        label="Minimum lumen area",
        unit="mm²",
        digits=2,
        frame="minimum_lumen_area_frame",
    ),
    Measure(
        column="lumen_area_stenosis_percent",
        label="Area stenosis",
        unit="%",
        digits=0,
        frame="minimum_lumen_area_frame",
    ),
    Measure(column="lipid_length_mm", label="Lipid length", unit="mm", digits=1, with_lipid=True),
    Measure(column="lipid_volume_mm3", label="Lipid volume", unit="mm³", digits=2, with_lipid=True),
    Measure(
        column="lipid_arc_max_deg",
        label="Widest lipid arc",
        unit="°",
        digits=0,
        frame="lipid_arc_max_frame",
        with_lipid=True,
    ),
    Measure(column="lipid_map_percent", label="Wall with lipid", unit="%", digits=1, frame="lipid_arc_max_frame"),
    Measure(
        column="lipid_map_index_4mm",
        label="Lipid index, worst 4 mm",
        unit="‰",
        digits=0,
        frame="lipid_map_index_4mm_first_frame",
    ),
    Measure(
        column="fibrous_cap_thickness_min_um",
        label="Thinnest cap",
        unit="µm",
        digits=0,
        frame="fibrous_cap_thickness_min_frame",
    ),
)
OF_PLAQUES = (
    Measure(column="lipid_length_mm", label="Length of a plaque", unit="mm", digits=1),
    Measure(column="lipid_arc_max_deg", label="Widest arc of a plaque", unit="°", digits=0),
    Measure(column="fibrous_cap_thickness_min_um", label="Thinnest cap of a plaque", unit="µm", digits=0),
)


def groups_of(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group -> its rows, groups by their names; those without one last, as ""."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["group"]), []).append(row)
    return dict(sorted(found.items(), key=lambda each: (not each[0], each[0].casefold(), each[0])))
