"""One look at all masks of a source before the work: what one mask cannot tell, its neighbours do.

A mask of 0 and 2 outlines one class, unless another of the same source holds 1; a palette means something only where it
is the same in all files.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from octseg.classes import BY_NAME, TISSUE_CLASSES
from octseg.errors import DatasetError, ReadError
from train.preparing.masks import BACKGROUND, MOST_LABELS, MaskRule
from train.preparing.plane_names import classes_of
from train.preparing.samples import Samples, read_samples
from train.preparing.sources import Item

Colour = tuple[int, int, int]
# White and black are in every second palette, so they tell nothing of whose it is.
OWN_COLOURS: dict[Colour, str] = {each.colour: each.name for each in TISSUE_CLASSES if each.colour != (255, 255, 255)}


@dataclass(frozen=True)
class Facts:
    """What one mask says, whatever its frame.

    values: that occur in a mask of one value a pixel, few enough for labels; else empty. colours: of these values in a
    palette. outlined: classes of the planes in which something is drawn.
    """

    file: str
    values: frozenset[float] = frozenset()
    colours: Mapping[float, Colour] = field(default_factory=dict)
    outlined: frozenset[str] = frozenset()


def surveyed(items: Sequence[Item], rule: MaskRule, target: str, workers: int, *, may_be_empty: bool) -> MaskRule:
    """The rule with what all masks together tell; those that cannot be read are passed over, and refused later.

    target: the class that some mask has to outline, unless all `may_be_empty`.

    Raises DatasetError where masks contradict each other or the rule, naming files, or where none outlines anything.
    """
    if rule.record:
        return rule
    with ThreadPoolExecutor(workers) as pool:
        seen = [facts for facts in pool.map(_facts, items) if facts is not None]
    _refuse_other_palettes(seen)
    _refuse_own_palette(seen, rule)
    if not rule.class_map:
        rule = replace(rule, background=_background(seen))
    if seen and not may_be_empty and not any(_outlines(facts, rule, target) for facts in seen):
        others = "" if len(seen) == len(items) else f", and {len(items) - len(seen)} others cannot be read"
        raise DatasetError(
            f"none of {len(seen)} masks outlines {BY_NAME[target].label.lower()}{others}; mend them, say what their "
            "values mean (--class-map, --binary-class), or say --negatives-only if that is meant"
        )
    return rule


def _facts(item: Item) -> Facts | None:
    """Of one mask; None where it cannot be read."""
    try:
        samples = read_samples(item.mask.read())
        return _facts_of(samples, item.mask.path)
    except (ReadError, DatasetError):
        return None


def _facts_of(samples: Samples, file: str) -> Facts | None:
    if samples.values.ndim == 3:
        order = classes_of(samples.names, samples.values.shape[2])
        drawn = np.atleast_1d(samples.values.any(axis=(0, 1)))
        return Facts(file, outlined=frozenset(name for name, is_drawn in zip(order, drawn, strict=True) if is_drawn))
    found = np.unique(samples.values)
    if len(found) > MOST_LABELS or samples.n_colours > 2 or not np.isfinite(found).all():
        return None
    values = [float(value) for value in found]
    colours: dict[float, Colour] = {}
    for value in values:
        if 0 <= value < len(samples.colours):
            red, green, blue = (int(part) for part in samples.colours[int(value)])
            colours[value] = (red, green, blue)
    return Facts(file, frozenset(values), colours)


def _outlines(facts: Facts, rule: MaskRule, target: str) -> bool:
    if target in facts.outlined:
        return True
    if rule.class_map:
        return any(rule.class_map.get(int(value)) == target for value in facts.values)
    return target == rule.binary_class and bool(facts.values - {rule.background})


def _background(seen: Sequence[Facts]) -> float | None:
    """The value of masks of two values that outlines nothing: the lower one; None where all hold one other than 0.

    Raises DatasetError where these masks hold more than two values among them.
    """
    together: set[float] = set()
    for facts in seen:
        together |= facts.values
    if len(together) > 2:
        one = max(seen, key=lambda facts: len(facts.values))
        other = max(seen, key=lambda facts: len(facts.values - one.values))
        told = f"{one.file} has {_listed(one.values)}"
        if other.values - one.values:
            told += f", {other.file} has {_listed(other.values)}"
        raise DatasetError(
            f"the masks of this source hold the values {_listed(together)} ({told}), so a value may mean any class; "
            "say what each means, e.g. --class-map 1=lumen,3=lipid_core, or save all masks with the same two values"
        )
    if not together or (len(together) == 1 and together != {0.0}):
        return None
    return min(together)


def _listed(values: frozenset[float] | set[float]) -> str:
    few = sorted(values)
    return ", ".join(f"{value:g}" for value in few[:8]) + (" and more" if len(few) > 8 else "")


def _refuse_other_palettes(seen: Sequence[Facts]) -> None:
    """DatasetError where one value has two colours: a label has been given another number in one of the files."""
    first: dict[float, tuple[Colour, str]] = {}
    for facts in seen:
        for value, colour in facts.colours.items():
            known, file = first.setdefault(value, (colour, facts.file))
            if known != colour:
                raise DatasetError(
                    f"the palettes of the masks differ: value {value:g} has the colour {known} in {file} and {colour} "
                    f"in {facts.file}, so it does not mean the same in both (an inverted look-up table, or labels "
                    "numbered anew on export); export all masks with one palette, or as plain label numbers"
                )


def _refuse_own_palette(seen: Sequence[Facts], rule: MaskRule) -> None:
    """DatasetError where a value has a class's colour in octseg's palette and is said to mean another class."""
    for facts in seen:
        for value, colour in facts.colours.items():
            own = OWN_COLOURS.get(colour)
            if rule.class_map:
                meant = BACKGROUND if value == 0 else rule.class_map.get(int(value))
            else:
                meant = BACKGROUND if value == min(facts.values) and len(facts.values) > 1 else rule.binary_class
            if own is not None and meant is not None and own != meant:
                raise DatasetError(
                    f"{facts.file} shows value {value:g} in the colour {colour}, which is octseg's for "
                    f"{BY_NAME[own].label.lower()}, and it is to mean {meant.replace('_', ' ')}; say what its values "
                    "mean by --class-map"
                )
