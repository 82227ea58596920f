"""The tissue classes: one table that fixes plane order, names, labels, colours and drawing priority.

A class's plane is its position in `TISSUE_CLASSES`; its index in a palette mask is the plane + 1, 0 being background.
Colours are sRGB and were tested on sepia tissue for normal, protan, deutan and tritan sight at 45 % opacity.
"""

from dataclasses import dataclass

from octseg.errors import ConfigError


@dataclass(frozen=True)
class TissueClass:
    """One tissue. Where planes overlap in a palette mask, the higher `priority` is drawn."""

    name: str
    label: str
    colour: tuple[int, int, int]
    priority: int


TISSUE_CLASSES: tuple[TissueClass, ...] = (
    TissueClass("lumen", "Lumen", (0, 114, 178), 0),
    TissueClass("fibrous_cap", "Fibrous cap", (240, 228, 66), 1),
    TissueClass("lipid_core", "Lipid core", (86, 180, 233), 2),
    TissueClass("vasa_vasorum", "Vasa vasorum", (255, 255, 255), 3),
)
CLASS_NAMES: tuple[str, ...] = tuple(tissue.name for tissue in TISSUE_CLASSES)
BY_NAME: dict[str, TissueClass] = {tissue.name: tissue for tissue in TISSUE_CLASSES}
PALETTE_INDEX: dict[str, int] = {tissue.name: plane + 1 for plane, tissue in enumerate(TISSUE_CLASSES)}
PALETTE = bytes((0, 0, 0)) + b"".join(bytes(tissue.colour) for tissue in TISSUE_CLASSES)
BACKGROUND = "background"


def parse_class_map(text: str) -> dict[int, str]:
    """`1=lumen,3=lipid_core` as {1: "lumen", 3: "lipid_core"}; ConfigError for another form, or no such class."""
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        class_map = {int(value): name.strip() for value, _, name in pairs}
    except ValueError as error:
        raise ConfigError(f"{text!r} is no class map; write it as 1=lumen,2=fibrous_cap,3=lipid_core") from error
    if len(class_map) < len(pairs):
        raise ConfigError(f"{text!r} gives one value two meanings")
    if unknown := sorted(set(class_map.values()) - {BACKGROUND} - set(CLASS_NAMES)):
        raise ConfigError(f"there is no class {', '.join(unknown)}; the classes are {', '.join(CLASS_NAMES)}")
    return class_map
