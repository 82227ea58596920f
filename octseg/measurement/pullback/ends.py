"""95 % intervals along the vessel, from those of frames.

What a network or a scale gets wrong in one frame it gets wrong in the next alike: errors of neighbouring frames do not
average out. So an end is the measure with every frame at that end of its own interval, as if all errors were one; where
two frames are compared, as in a stenosis, their ends are crossed. A frame whose arc may be 0 may have no lipid, and is
then no part of a mean over frames with lipid: an end is the least or the greatest mean of all choices. So it is the
widest that the frames' intervals allow for sums and means, and never narrower than independent errors would give.
"""

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.intervals import Interval
from octseg.measurement.lipid import N_RAYS
from octseg.measurement.pullback.enface import worst_window
from octseg.measurement.pullback.frames import Along, Numbers
from octseg.measurement.pullback.lumen import stenosis_percent
from octseg.measurement.pullback.plaques import gap_frames, joined
from octseg.measurement.pullback.stretch import Fields, cap_fields, lipid_fields, lumen_fields

OF_LIPID = ("lipid_length_mm", "lipid_volume_mm3", "lipid_arc_max_deg")
OPEN_ENDED = ("lipid_length_mm", "lipid_index_mm_deg")  # of a plaque: it may go on where none of it was found


def at_end(along: Along, whole: Along | None, end: int) -> Along | None:
    """All frames at the low (end 0) or the high end (1) of their intervals; None where a judged frame has none.

    whole: of a plaque all frames there are, of whose lipid it keeps its share; None where `along` has all lipid.
    """
    frames = [frame for frame in along.frames if frame is not None and frame.rays is not None]
    if not frames or any(frame.intervals is None for frame in frames):
        return None
    total = along if whole is None else whole.part(along.first, along.last)
    arc = _moved(along, total.arc_deg, along.arc_deg, "lipid_arc_deg", end)
    return replace(
        along,
        lumen_px=_ends(along, along.lumen_px, "lumen_area_px", end),
        lumen_mm2=_ends(along, along.lumen_mm2, "lumen_area_mm2", end),
        lipid_mm2=_moved(along, total.lipid_mm2, along.lipid_mm2, "lipid_core_area_mm2", end),
        arc_deg=arc,
        lipid=_spread(along, arc),
        cap_um=along.cap_um + _cap_shift(along, end)[:, None],
    )


def intervals(found: Fields, along: Along, whole: Along, *, is_plaque: bool) -> dict[str, Interval | None] | None:
    """(low, high) of each measure that has one; None without frames' intervals. found: the measures' fields."""
    low, high = (at_end(along, whole if is_plaque else None, end) for end in (0, 1))
    all_low, all_high = (at_end(whole, None, end) for end in (0, 1))
    if low is None or high is None or all_low is None or all_high is None:
        return None
    at_low, at_high = (
        {**lumen_fields(a, w), **lipid_fields(a), **cap_fields(a)} for a, w in ((low, all_low), (high, all_high))
    )
    names = ["minimum_lumen_area_mm2", "minimum_lumen_area_px", "fibrous_cap_thickness_min_um", *OF_LIPID]
    given = {name: _pair(at_low.get(name), at_high.get(name)) for name in names}
    given["lipid_arc_mean_deg"] = mean_ends(low.arc_deg, high.arc_deg)
    given["lipid_index_mm_deg"] = _index(low.arc_deg, high.arc_deg, along.spacing_mm)
    given["lumen_area_stenosis_percent"] = _stenosis(at_low, at_high)
    if is_plaque:
        given = {name: ends for name, ends in given.items() if name not in OPEN_ENDED}
    else:
        given["lipid_map_index_4mm"] = _window(low, high)
    return {name: _about(found.get(name), ends) for name, ends in given.items()}


def _ends(along: Along, values: Numbers, name: str, end: int) -> Numbers:
    """(F,) the ends of a measure's intervals; the value itself where a frame has none."""
    held = [None if f is None or f.intervals is None else f.intervals.get(name) for f in along.frames]
    return np.array([value if ends is None else ends[end] for value, ends in zip(values, held, strict=True)])


def _moved(along: Along, total: Numbers, own: Numbers, name: str, end: int) -> Numbers:
    """(F,) the ends of the frames' totals, or of a plaque, where `own` is not `total`, its share of them."""
    ends = _ends(along, total, name, end)
    if own is not total:
        ends = ends * np.divide(own, total, out=np.zeros_like(total), where=total > 0)
    return np.where(np.isnan(own), np.nan, ends)


def _spread(along: Along, arc: Numbers) -> NDArray[np.bool_]:
    """(F, N_RAYS) as many judged rays with lipid as an arc (F,) has, wherever they lie."""
    seen = along.in_sight
    lipid, judged = (along.lipid & seen).sum(axis=1), seen.sum(axis=1)
    known = np.nan_to_num(along.arc_deg)
    wanted = np.nan_to_num(np.where(known > 0, lipid * arc / np.maximum(known, 1), judged * arc / N_RAYS))
    return np.asarray(seen & (np.cumsum(seen, axis=1) <= np.minimum(wanted, judged)[:, None]))


def _cap_shift(along: Along, end: int) -> NDArray[np.float32]:
    """(F,) how far a frame's minimum cap moves to its end, in um; its cap is moved by as much, on every ray."""
    caps = np.array([np.nan if f is None or f.cap_min_um is None else f.cap_min_um for f in along.frames])
    shift = np.nan_to_num(_ends(along, caps, "fibrous_cap_thickness_min_um", end) - caps)
    return np.asarray(shift, np.float32)


def _pair(low: object, high: object) -> Interval | None:
    return None if low is None or high is None else (cast(float, low), cast(float, high))


def _stenosis(at_low: Fields, at_high: Fields) -> Interval | None:
    """The smallest lumen large and its reference small, and the reverse."""
    lumens = [_pair(at_low.get(n), at_high.get(n)) for n in ("minimum_lumen_area_mm2", "lumen_area_reference_mm2")]
    lumen, ref = lumens
    if lumen is None or ref is None:
        return None
    return max(0.0, stenosis_percent(lumen[1], ref[0])), stenosis_percent(lumen[0], ref[1])


def mean_ends(low: Numbers, high: Numbers) -> Interval:
    """The least and the greatest mean over frames with lipid, whose arcs lie between `low` and `high` (F,).

    A frame of which 0 is the low end has none, or any arc up to its high end.
    """
    must, may = low > 0, (low <= 0) & (high > 0)
    sums = high[must].sum() + np.cumsum([0.0, *np.sort(high[may])[::-1]])  # of ever more frames that may have lipid
    counts = must.sum() + np.arange(len(sums))
    least = low[must | may].mean() if must.any() else 0.0
    return float(least), float((sums / np.maximum(counts, 1)).max())


def _index(low: Numbers, high: Numbers, spacing_mm: float | None) -> Interval | None:
    """Mean arc x length; frames that may have lipid lower it within gaps, which are joined without them too."""
    if spacing_mm is None:
        return None
    most = gap_frames(spacing_mm)

    def index(arcs: Numbers, present: NDArray[np.bool_]) -> float:
        return float(arcs[present].mean() * joined(present, most).sum() * spacing_mm) if present.any() else 0.0

    must, may = np.asarray(low > 0), np.asarray(high > 0)
    beyond = must | (may & ~joined(must, most))
    return min(index(low, must), index(low, may)), max(index(high, may), index(high, beyond))


def _window(low: Along, high: Along) -> Interval | None:
    worst = [worst_window(each) for each in (low, high)]
    return _pair(*(None if each is None else each.index for each in worst))


def _about(value: object, ends: Interval | None) -> Interval | None:
    """Ends in their order and about the value."""
    if value is None or ends is None:
        return None
    number = cast(float, value)
    return min(*ends, number), max(*ends, number)
