"""One look at all masks of a source before the work: what one mask cannot tell, its neighbours do.

A mask of 0 and 2 outlines one class, unless another of the same source holds 1; a palette means something only where it
is the same in all files; and four planes without the first three classes look like black paint.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from octseg.classes import BACKGROUND, BY_NAME, TISSUE_CLASSES
from octseg.errors import DatasetError, ReadError
from octseg.reading.masks.samples import Samples, read_samples, shown_colour
from train.preparing.masks import MOST_LABELS, MaskRule, planes_of
from train.preparing.sources import Item

Colour = tuple[int, int, int]
# White and black are in every second palette, so they tell nothing of whose it is.
OWN_COLOURS: dict[Colour, str] = {each.colour: each.name for each in TISSUE_CLASSES if each.colour != (255, 255, 255)}


@dataclass(frozen=True)
class Facts:
    """What one mask says, whatever its frame.

    values: that occur in a mask of one value a pixel, few enough for labels; else empty. colours: of these values in a
    palette. is_colour: whether they are numbers of colours. outlined: classes of the planes in which something is
    drawn. problem: why it cannot be read. are_planes: whether it is of planes. other: what it says if it is
    the other of the two, which it may be as well.
    """

    file: str
    values: frozenset[float] = frozenset()
    colours: Mapping[float, Colour] = field(default_factory=dict)
    is_colour: bool = False
    outlined: frozenset[str] = frozenset()
    problem: str | None = None
    are_planes: bool = False
    other: "Facts | None" = None


def surveyed(items: Sequence[Item], rule: MaskRule, workers: int, *, may_be_empty: bool) -> MaskRule:
    """The rule with what all masks together tell; those that cannot be read are passed over, and refused later.

    may_be_empty: whether it is meant that no mask outlines anything.

    Raises DatasetError where masks contradict each other or the rule, naming files, or where none outlines anything.
    """
    if rule.record:
        return rule
    with ThreadPoolExecutor(workers) as pool:
        seen = list(pool.map(lambda item: _facts(item, rule), items))
    good, bad = ([facts for facts in seen if (facts.problem is None) == is_good] for is_good in (True, False))
    if len(told := {facts.are_planes for facts in good if facts.other is None}) == 1:
        rule = replace(rule, planes=told.pop())
        good = [facts.other if facts.other and facts.are_planes != rule.planes else facts for facts in good]
    _refuse_other_palettes(good)
    _refuse_own_palette(good, rule)
    rule = replace(rule, background=0.0 if rule.class_map else _background(good))
    if good and not may_be_empty and not any(facts.outlined or facts.values - {rule.background} for facts in good):
        others = f", and {len(bad)} others cannot be read ({bad[0].file}: {bad[0].problem})" if bad else ""
        raise DatasetError(
            f"none of {len(good)} masks outlines anything{others}; give the masks in which something is drawn, or say "
            "--negatives-only if that is meant"
        )
    return rule


def _facts(item: Item, rule: MaskRule) -> Facts:
    """Of one mask."""
    try:
        return _facts_of(read_samples(item.mask.read()), item.mask.path, rule)
    except (ReadError, DatasetError) as error:
        return Facts(item.mask.path, problem=str(error))


def _facts_of(samples: Samples, file: str, rule: MaskRule) -> Facts:
    if samples.other is not None:
        first, other = (_facts_of(replace(each, other=None), file, rule) for each in (samples, samples.other))
        return replace(first, other=other)
    if samples.values.ndim == 3:
        planes = planes_of(samples, rule)
        outlined = frozenset(name for name, plane in planes.items() if plane.any())
        return Facts(file, outlined=outlined, are_planes=True)
    found = np.unique(samples.values)
    if len(found) > MOST_LABELS or samples.n_colours > 2 or samples.values.dtype.kind == "f":
        planes_of(samples, rule)  # says what is wrong with it
    colours: dict[float, Colour] = {}
    for value in found:
        if 0 <= value < len(samples.colours):
            red, green, blue = (int(part) for part in samples.colours[int(value)])
            colours[float(value)] = (red, green, blue)
    return Facts(file, frozenset(float(value) for value in found), colours, samples.n_colours > 0)


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
        words = _words(seen)
        told = f"{one.file} has {_listed(one.values, words)}"
        if other.values - one.values:
            told += f", {other.file} has {_listed(other.values, words)}"
        if any(facts.is_colour for facts in seen):
            raise DatasetError(
                f"the masks of this source hold the colours {_listed(together, words)} ({told}), so a colour may mean "
                "any class; save all masks in the same two colours, or as label numbers with --class-map"
            )
        raise DatasetError(
            f"the masks of this source hold the values {_listed(together, words)} ({told}), so a value may mean any "
            "class; say what each means, e.g. --class-map 1=lumen,3=lipid_core, or save all masks with the same two "
            "values"
        )
    if not together or (len(together) == 1 and together != {0.0}):
        return None
    return min(together)


def _words(seen: Sequence[Facts]) -> dict[float, str]:
    """Each value in words: as it is, or all as colours where there are such."""
    if not any(facts.is_colour for facts in seen):
        return {value: f"{value:g}" for facts in seen for value in facts.values}
    # a blue has the number of a grey level: the colour is told
    in_order = sorted(seen, key=lambda facts: facts.is_colour)
    return {value: shown_colour(value, is_grey=not facts.is_colour) for facts in in_order for value in facts.values}


def _listed(values: frozenset[float] | set[float], words: Mapping[float, str]) -> str:
    few = sorted(values)
    return ", ".join(words[value] for value in few[:8]) + (" and more" if len(few) > 8 else "")


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
