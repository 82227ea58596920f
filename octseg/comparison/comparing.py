"""Two readings compared: overlap and distance of their outlines, and what is measured in both, by frame and over all.

Lipid core counts to the depth that is measured (octseg/measurement/depth.py), in both readings. Where one of them is
labels, of which a pixel has one, the other is taken so too. Numbers of the second reading are called the reference's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from octseg.classes import CLASS_NAMES
from octseg.comparison.agreement import bland_altman, detection, icc_2_1, kappa_interval, neighbours
from octseg.comparison.figures import outline_figures
from octseg.comparison.limiting import LIPID, LUMEN, to_depth
from octseg.comparison.overlap import Mask, Overlap, by_convention, pooled
from octseg.comparison.pairing import Pairs, judged_by_both, paired
from octseg.comparison.placing import lies_beside, lies_otherwise
from octseg.comparison.reading import SAME_SCALE, FrameRead, Masks, Reading, as_one_tissue
from octseg.comparison.surfaces import TOLERANCE_MM, SurfaceScore, surface_score
from octseg.errors import ReadError
from octseg.measurement import FrameMeasures, measure
from octseg.measurement.depth import lipid_depth_px

MEASURES = (  # of both readings, each with the classes that it takes
    ("lumen_area_mm2", (LUMEN,)),
    ("lipid_core_area_mm2", (LIPID,)),
    ("lipid_arc_deg", (LUMEN, LIPID)),
    ("fibrous_cap_thickness_min_um", (LUMEN, "fibrous_cap", LIPID)),
)
TCFA = "meets_tcfa_criteria"
MOST_NAMED = 8
FOUND_REFERENCE = ("found", "reference")
SCALES_DIFFER = "the readings' scales differ; the first one's is taken: give the right one by --pixel-spacing"
LAID = 12  # frames by which it is seen how a reading lies
FITS_NEIGHBOUR = (
    "each frame of {found} is much more like the one {where} it in {reference} than like its own; "
    "check whether one of the two counts from 0"
)
Planes = Mapping[str, Mask]


@dataclass(frozen=True)
class FrameCompared:
    """One frame in both readings; classes that both speak of."""

    label: str
    number: int | None
    pixel_spacing_mm: float | None
    overlaps: Mapping[str, Overlap]
    surfaces: Mapping[str, SurfaceScore]
    unlimited: Overlap | None
    found: Mapping[str, float | bool | None]
    reference: Mapping[str, float | bool | None]
    withdrawn: bool


@dataclass
class Compared:
    """All frames that both readings have. planes(n): those (H, W) of frame n, found and reference, as compared."""

    found: str
    reference: str
    classes: tuple[str, ...]
    frames: list[FrameCompared]
    warnings: list[str]
    planes: Callable[[int], tuple[Masks, Masks]] = field(repr=False)
    words: tuple[str, str] = FOUND_REFERENCE  # what the two are called in a table

    def summary(self) -> dict[str, Any]:
        """The figures over all frames, as JSON knows them."""
        return {
            "found": self.found,
            "reference": self.reference,
            "n_frames": len(self.frames),
            "n_withdrawn": sum(frame.withdrawn for frame in self.frames),
            "classes": {name: self._of_class(name) for name in self.classes},
            "measures": {name: told for name, _ in MEASURES if (told := self._of_measure(name)) is not None},
            "lipid": self._presence(lambda frame: (frame.overlaps[LIPID].found > 0, frame.overlaps[LIPID].true > 0))
            if LIPID in self.classes
            else None,
            "tcfa": self._presence(lambda frame: (frame.found.get(TCFA), frame.reference.get(TCFA))),
            "warnings": self.warnings,
        }

    def _of_class(self, name: str) -> dict[str, Any]:
        overlaps = [frame.overlaps[name] for frame in self.frames]
        surfaces = [frame.surfaces[name] for frame in self.frames if name in frame.surfaces]
        together = pooled(overlaps)
        unlimited = [frame.unlimited for frame in self.frames if frame.unlimited is not None]
        return {
            "dice_pooled": together.dice,
            "iou_pooled": together.iou,
            "dice_mean": by_convention(overlaps, lambda each: each.dice),
            **({"dice_pooled_unlimited": pooled(unlimited).dice} if name == LIPID else {}),
            **outline_figures(name, together, surfaces),
        }

    def readings_of(self, name: str) -> list[tuple[FrameCompared, float, float]]:
        """Frames in which both readings have a number of a measure, with both."""
        both = [(frame, frame.found.get(name), frame.reference.get(name)) for frame in self.frames]
        return [(frame, float(a), float(b)) for frame, a, b in both if a is not None and b is not None]

    def _of_measure(self, name: str) -> dict[str, Any] | None:
        both = self.readings_of(name)
        if not both:
            return None
        found, true = (np.array([each[side] for each in both]) for side in (1, 2))
        agreed = bland_altman(found, true)
        return {
            "n": len(both),
            "found_mean": float(found.mean()),
            "reference_mean": float(true.mean()),
            "bland_altman": None if agreed is None else asdict(agreed),
            "icc_2_1": icc_2_1(found, true),
        }

    def _presence(self, of: Callable[[FrameCompared], tuple[Any, Any]]) -> dict[str, Any] | None:
        """Frames in which something is there, in both readings; None where none of them tells."""
        frames = sorted(self.frames, key=lambda frame: frame.number or 0) if self.in_order else self.frames
        told = [(frame, pair) for frame in frames if None not in (pair := of(frame))]
        if not told:
            return None
        found, true = (np.array(side, bool) for side in zip(*(pair for _, pair in told), strict=True))
        counts = detection(found, true)
        groups = neighbours(len(told), in_order=self.in_order)
        return {
            "n": len(told),
            **asdict(counts),
            "kappa": counts.kappa,
            "kappa_note": counts.kappa_note,
            "kappa_95": kappa_interval(found, true, groups),
            "n_groups": len(set(groups)),
        }

    @property
    def in_order(self) -> bool:
        """Whether frames have numbers, each another, as those of one vessel have."""
        numbers = [frame.number for frame in self.frames]
        return None not in numbers and len(set(numbers)) == len(numbers)


def compare(
    found: Reading, reference: Reading, pixel_spacing_mm: float | None = None, *, all_frames: bool = False
) -> Compared:
    """Compare the frames that both readings have.

    Args:
        pixel_spacing_mm: of all frames; without it that of either reading, the first one's where they differ.
        all_frames: of two readers' corrections, also those frames that not both have corrected or accepted.

    Raises ReadError where they have no frame or no class in common, or a frame has two sizes.
    """
    classes = _classes_of_both(found, reference)
    pairs, warnings = _pairs(found, reference, all_frames=all_frames)
    one_tissue = found.one_tissue or reference.one_tissue
    are_mixed = found.one_tissue != reference.one_tissue

    def planes(place: int) -> tuple[Masks, Masks]:
        return _as_compared(_planes(pairs[place]), classes, one_tissue)

    frames, looked_at, in_a_row = [], _sample(len(pairs)), _neighbours(pairs)
    telling, kept = _telling(classes), looked_at.union(*in_a_row)
    laid: dict[int, tuple[Mask, Mask]] = {}
    for place, (one, other) in enumerate(pairs):
        spacing, warning = _scale(one, other, pixel_spacing_mm)
        warnings += [warning] if warning and warning not in warnings else []
        own = _planes(pairs[place])
        masks = _as_compared(own, classes, one_tissue)
        frames.append(_compared((one, other), masks, own if are_mixed else masks, classes, spacing))
        if place in kept:
            laid[place] = masks[0][telling], masks[1][telling]
    turned = lies_otherwise([laid[place] for place in looked_at])
    if turned is not None:
        warnings.insert(0, f"{reference.name} would fit {found.name} much better {turned}; check how its masks lie")
    elif beside := lies_beside([(laid[row[1]][0], [laid[place][1] for place in row]) for row in in_a_row]):
        warnings.insert(0, FITS_NEIGHBOUR.format(found=found.name, reference=reference.name, where=beside))
    if not any(frame.pixel_spacing_mm for frame in frames):
        warnings.append("no scale is known, so nothing is told in mm; give it by --pixel-spacing")
    return Compared(found.name, reference.name, classes, frames, warnings, planes, _words(found, reference))


def _classes_of_both(found: Reading, reference: Reading) -> tuple[str, ...]:
    classes = tuple(name for name in CLASS_NAMES if name in found.classes and name in reference.classes)
    if not classes:
        raise ReadError(
            f"{found.name} outlines {_list(found.classes)}, {reference.name} {_list(reference.classes)}: "
            "there is nothing to compare"
        )
    return classes


def _pairs(found: Reading, reference: Reading, *, all_frames: bool) -> tuple[Pairs, list[str]]:
    """The frames that count, and what is to be said of them and of others."""
    whole, alone = paired(found, reference)
    pairs = whole if all_frames else judged_by_both(whole)
    if not pairs:
        raise ReadError(
            f"no frame was corrected or accepted by both {found.name} and {reference.name}: accept those that are "
            "right (A on the page of octseg review), or compare all with --all-frames"
        )
    warnings = _told_of(found, reference, pairs, alone)
    if left := len(whole) - len(pairs):
        warnings.append(f"{left} frames that not both readers have corrected or accepted are left out")
    return pairs, warnings


def _words(found: Reading, reference: Reading) -> tuple[str, str]:
    """What the two are called: readers by their names."""
    named = bool(found.reader and reference.reader and found.reader != reference.reader)
    return (found.reader, reference.reader) if named else FOUND_REFERENCE


def _told_of(found: Reading, reference: Reading, pairs: Pairs, alone: Sequence[Sequence[str]]) -> list[str]:
    """What is to be said of how frames were paired, and of what was left out."""
    warnings = [
        f"{_frames(names)} {'is' if len(names) == 1 else 'are'} in {each.name} alone: {_list(names)}"
        for each, names in zip((found, reference), alone, strict=True)
        if names
    ]
    warnings += [
        f"{each.name} outlines {_list(each.ignored)}, of which nothing is a class here; that was left out"
        for each in (found, reference)
        if each.ignored
    ]
    warnings += [*found.notes, *reference.notes]
    changed = [_label(pair) for pair in pairs if None not in (shas := {each.sha256 for each in pair}) and len(shas) > 1]
    if changed:
        warnings.append(
            f"the pixels of {_frames(changed)} are not the same in both readings: {_list(changed)}; check that they "
            "are the same frames"
        )
    differ = [
        f"{one.stem} and {other.stem}"
        for one, other in pairs
        if one.stem is not None and other.stem is not None and not _are_one_name(one.stem, other.stem)
        if one.sha256 is None or one.sha256 != other.sha256
    ]
    if differ and len(pairs) == 1:
        warnings.append(f"{differ[0]} are taken for the same frame, each being the only one; check that they are")
    elif differ:
        warnings.append(
            f"{len(differ)} frames are paired by their numbers alone: {_list(differ)}; check that they are the same"
        )
    return warnings


def _frames(names: Sequence[str]) -> str:
    return f"{len(names)} frame{'s' * (len(names) != 1)}"


def _sample(count: int) -> set[int]:
    """Places of frames by which it is seen how a reading lies."""
    return {round(place) for place in np.linspace(0, count - 1, min(count, LAID))}


def _neighbours(pairs: Pairs) -> list[tuple[int, int, int]]:
    """Places of some frames, each between those of the frames before and behind it by number."""
    places = {number: place for place, pair in enumerate(pairs) if (number := _number(pair)) is not None}
    if len(places) < len(pairs):
        return []
    whole = [(places[n - 1], place, places[n + 1]) for n, place in places.items() if {n - 1, n + 1} <= places.keys()]
    return [whole[which] for which in sorted(_sample(len(whole)))]


def _telling(classes: Sequence[str]) -> str:
    """The class by which it is seen."""
    return LUMEN if LUMEN in classes else LIPID if LIPID in classes else classes[0]


def _as_compared(planes: tuple[Masks, Masks], classes: Sequence[str], one_tissue: bool) -> tuple[Masks, Masks]:
    """Both readings of a frame in the classes that count, with one tissue a pixel where either has no more."""
    kept = [name for name in CLASS_NAMES if name in classes or name == LUMEN]  # lipid's depth is counted from it
    made = [as_one_tissue(masks) if one_tissue else masks for masks in planes]
    found, true = ({name: masks[name] for name in kept} for masks in made)
    return found, true


def _planes(pair: tuple[FrameRead, FrameRead]) -> tuple[Masks, Masks]:
    """What both readings say of a frame, of the same size and of every class; lipid not limited."""
    read = [frame.read() for frame in pair]
    shapes = {mask.shape for masks in read for mask in masks.values()}
    label = _label(pair)
    if len(shapes) > 1:
        sizes = " and ".join(" x ".join(map(str, shape[::-1])) for shape in sorted(shapes))
        raise ReadError(f"frame {label} is {sizes} px in the two readings; outline the frames as they are")
    if not shapes:
        raise ReadError(f"frame {label} has no size in either reading; leave it out of one")
    nothing = np.zeros(shapes.pop(), bool)
    found, true = ({name: masks.get(name, nothing) for name in CLASS_NAMES} for masks in read)
    return found, true


def _compared(
    pair: tuple[FrameRead, FrameRead],
    planes: tuple[Masks, Masks],
    own: tuple[Masks, Masks],
    classes: Sequence[str],
    spacing: float | None,
) -> FrameCompared:
    """Of a frame; planes: of one tissue a pixel where they have to be; own: as each reading has them, measured."""
    one, other = pair
    found, true = limited = _limited(planes, spacing)
    overlaps = {name: Overlap.of(found[name], true[name]) for name in classes}
    side = min(found[LUMEN].shape)
    surfaces = {}
    if spacing is not None:
        for name in classes:
            score = surface_score(found[name], true[name], spacing, TOLERANCE_MM[name], side * spacing)
            if score is not None:
                surfaces[name] = score
    unlimited = Overlap.of(planes[0][LIPID], planes[1][LIPID]) if LIPID in classes else None
    measured = [_measured(masks, classes, spacing) for masks in (limited if own is planes else _limited(own, spacing))]
    return FrameCompared(
        label=_label(pair),
        number=_number(pair),
        pixel_spacing_mm=spacing,
        overlaps=overlaps,
        surfaces=surfaces,
        unlimited=unlimited,
        found=measured[0],
        reference=measured[1],
        withdrawn=one.withdrawn or other.withdrawn,
    )


def limited_planes(compared: Compared, place: int) -> tuple[Masks, Masks]:
    """The planes of a frame, lipid to the depth that counts."""
    return _limited(compared.planes(place), compared.frames[place].pixel_spacing_mm)


def _limited(planes: tuple[Masks, Masks], spacing: float | None) -> tuple[Masks, Masks]:
    """Both with lipid to the depth that counts, behind each one's own lumen or, without one, the other's."""
    found, true = planes
    depth_px = lipid_depth_px(spacing, min(found[LUMEN].shape))
    return to_depth(found, true, depth_px), to_depth(true, found, depth_px)


def _measured(masks: Masks, classes: Sequence[str], spacing: float | None) -> dict[str, float | bool | None]:
    """The measures for which a reading has the classes; masks: its own, lipid to the depth that counts."""
    measures: FrameMeasures = measure({name: masks[name] for name in classes}, spacing)
    told: dict[str, float | bool | None] = {
        name: getattr(measures, name) for name, takes in MEASURES if set(takes) <= set(classes)
    }
    if LIPID in classes and not masks[LIPID].any():
        told |= {name: 0.0 for name in ("lipid_core_area_mm2", "lipid_arc_deg") if name in told and _may(name, spacing)}
    if set(MEASURES[-1][1]) <= set(classes):
        told[TCFA] = measures.meets_tcfa_criteria
    return told


def _may(name: str, spacing: float | None) -> bool:
    return spacing is not None or not name.endswith("mm2")


def _scale(one: FrameRead, other: FrameRead, given: float | None) -> tuple[float | None, str | None]:
    """Mm per pixel of a frame, and what is to be said of it."""
    if given is not None:
        return given, None
    spacings = [each for each in (one.pixel_spacing_mm, other.pixel_spacing_mm) if each]
    if len(spacings) == 2 and abs(spacings[0] / spacings[1] - 1) > SAME_SCALE:
        return spacings[0], SCALES_DIFFER
    return (spacings[0] if spacings else None), None


def _number(pair: tuple[FrameRead, FrameRead]) -> int | None:
    return pair[0].number if pair[0].number is not None else pair[1].number


def _label(pair: tuple[FrameRead, FrameRead]) -> str:
    names = [frame.stem for frame in pair if frame.stem is not None]
    return names[0] if names else str(pair[0].number)


def _are_one_name(one: str, other: str) -> bool:
    """Whether two names differ in signs, letters' size, leading zeros or an ending alone: PA_0003 and pa-3_gt."""
    one, other = (re.sub(r"[\W_]|(?<!\d)0+(?=\d)", "", name.casefold()) for name in (one, other))
    return one.startswith(other) or other.startswith(one)


def _list(names: Sequence[str]) -> str:
    return (", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")) or "nothing"
