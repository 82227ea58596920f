"""Which class a plane is of, by the name that an ImageJ label, an OME channel or a page gives it."""

import re
from collections.abc import Sequence

from octseg.classes import CLASS_NAMES
from octseg.errors import ReadError

# Words of a name, in lower case, that stand for a class; a longer run of words goes before a shorter one.
WORDS: dict[str, str] = {
    "lumen": "lumen",
    "fibrous cap": "fibrous_cap",
    "fibrouscap": "fibrous_cap",
    "cap": "fibrous_cap",
    "fc": "fibrous_cap",
    "lipid core": "lipid_core",
    "lipidcore": "lipid_core",
    "lipid": "lipid_core",
    "lipid pool": "lipid_core",
    "necrotic core": "lipid_core",
    "lc": "lipid_core",
    "vasa vasorum": "vasa_vasorum",
    "vasavasorum": "vasa_vasorum",
    "vasa": "vasa_vasorum",
    "vv": "vasa_vasorum",
}


def class_of(name: str) -> str | None:
    """The class that a name such as `P01_1_001 Fibrous-Cap.tif` speaks of; None where it speaks of none or of two."""
    parted = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    words = " ".join(re.findall(r"[^\W\d_]+", parted))
    found = {meant for word, meant in WORDS.items() if re.search(rf"(?<!\w){word}(?!\w)", words)}
    return found.pop() if len(found) == 1 else None


def classes_of(names: Sequence[str], count: int) -> tuple[str, ...]:
    """The class of each of `count` planes: by their names, or in the order of classes.py where no name tells one.

    Raises ReadError where only some names tell, two tell the same, or there are no names and not one plane a class.
    """
    known = [class_of(name) for name in names]
    if any(known):
        told = ", ".join(names)
        unknown = [name for name, meant in zip(names, known, strict=True) if meant is None]
        if unknown:
            raise ReadError(
                f"the planes of the mask are called {told}, and {unknown[0]} is no class; call them "
                f"{', '.join(CLASS_NAMES)}"
            )
        if len(set(known)) < len(known):
            raise ReadError(f"two planes of the mask are of one class: they are called {told}; give each its own")
        return tuple(meant for meant in known if meant is not None)
    if count != len(CLASS_NAMES):
        raise ReadError(
            f"the mask has {count} planes; {len(CLASS_NAMES)} are expected ({', '.join(CLASS_NAMES)}), or "
            f"{count} pages or planes that bear the names of classes"
        )
    return CLASS_NAMES
