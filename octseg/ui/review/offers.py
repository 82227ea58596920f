"""Which exports of corrected results a review offers beside masks and tables, and what keeps one from being made."""

from octseg.correction.measuring import Measuring
from octseg.correction.saved import SavedCase
from octseg.correction.segmented import Group, groups_of
from octseg.errors import CorrectionError, NotExportedError
from octseg.export.kinds import KINDS, NEED_SPACINGS
from octseg.measurement.pullback.scales import agree
from octseg.ui.formats import FORMATS, NO_SOURCE, NOT_INSTALLED, is_installed

NO_PULLBACK = (
    "Needs a pullback with one scale and a known distance between frames: give them where the frames were outlined."
)
Offer = dict[str, str | bool]


def offers_of(case: SavedCase, measuring: Measuring) -> list[Offer]:
    """Each export with `why_not`, "" where nothing is known to keep it from being made of some of the frames."""
    groups = groups_of(case)
    return [
        {
            "name": each.name,
            "label": each.label,
            "what": each.what,
            "patient": each.patient,
            "why_not": _why_not(each.name, case, groups, measuring),
        }
        for each in FORMATS
        if each.name in KINDS
    ]


def _why_not(name: str, case: SavedCase, groups: list[Group], measuring: Measuring) -> str:
    if not is_installed(name):
        return NOT_INSTALLED
    if name not in NEED_SPACINGS:
        return ""
    spaced = [group for group in groups if _has_spacings(case, group)]
    if not spaced:
        return NO_PULLBACK
    if name == "dicom-seg" and not any(_has_source(group, measuring) for group in spaced):
        return NO_SOURCE
    return ""


def _has_spacings(case: SavedCase, group: Group) -> bool:
    """Whether frames are a pullback whose spacings are known, as far as that can be told before it is measured."""
    if group.vessel is None or case.pullbacks[group.vessel].get("frame_spacing_mm") is None:
        return False
    told = [case.record(stem)["pixel_spacing_mm"] for stem in group.stems]
    scales = [scale for scale in told if scale is not None]
    return bool(scales) and agree(scales)


def _has_source(group: Group, measuring: Measuring) -> bool:
    """Whether a segmentation can refer to the frames."""
    from octseg.export.dicom import check_source

    try:
        given = measuring.pullback(group.stems[0])
        check_source(None if given is None else given.read_headers)
    except (CorrectionError, NotExportedError):
        return False
    return True
