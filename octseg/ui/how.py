"""How a number was measured, in words: a click on its name shows them. As docs/measures.md has it."""

from octseg.measurement.wording import TO_DEPTH, WITHOUT_SCALE
from octseg.ui.markup import text

HOW = {
    "lipid_core_area_mm2": (
        f"The area inside the lipid core's outline, counted {TO_DEPTH}'s outline, times the area of a pixel. What lies "
        f"deeper counts nowhere: light does not reach it. Without a scale it counts {WITHOUT_SCALE}."
    ),
    "lipid_arc_deg": (
        "360 rays are drawn from the lumen's centroid. Each that runs in lipid core over at least 0.1 mm, "
        f"{TO_DEPTH}, counts one degree. Several cores add up; a gap between two does not count."
    ),
    "fibrous_cap_thickness_min_um": (
        "From each point of the lumen's outline before lipid to the nearest point of lipid core. Shown is the smallest "
        "median over 100 µm of arc. It does not use the outline that is drawn for the cap."
    ),
    "lumen_area_mm2": ("The area inside the largest lumen outlined, its holes filled: the catheter counts as lumen."),
    "length": "The number of frames times the distance between them, along a vessel that is drawn straight.",
    "stenosis": (
        "(Reference − smallest lumen) / reference. The reference is the largest lumen within 10 mm to either side; a "
        "side branch can be it, as far as it is outlined."
    ),
    "lipid_frames": "Frames in which a ray meets lipid core; withdrawn ones are not among them.",
    "lipid_length": "Frames with lipid times the distance between them; gaps of up to 1 mm are joined.",
    "lipid_volume": f"The sum of the visible plaque area of each frame, {TO_DEPTH}, times the distance between frames.",
    "arc_mean": "The mean of the lipid arc over the frames with lipid.",
    "worst_4mm": (
        "In the 4 mm of vessel with the most lipid, the part of the wall that shows it, in thousandths of what can be "
        "judged. It is not LCBI, which is measured by NIRS."
    ),
    "unjudged": "The part of the rays of all frames on which nothing can be said, such as behind the guide wire.",
}


def named(name: str, label: str) -> str:
    """A number's label that says on a click how it was measured; the label alone where there are no words for it."""
    if name not in HOW:
        return text(label)
    return (
        f'<details class="oct-how" data-how="{name}"><summary>{text(label)}</summary><p>{text(HOW[name])}</p></details>'
    )
