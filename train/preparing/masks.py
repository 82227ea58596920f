"""An expert's mask file to one plane per class, (H, W) bool.

Three kinds are read: a TIFF of planes of 0 and another value, one for each class, in the order of octseg/classes.py or
by their names; a palette or grey picture whose values a class map explains; and a picture of two values, which outlines
one class.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from octseg.classes import BACKGROUND, CLASS_NAMES
from octseg.errors import ConfigError, ReadError
from octseg.reading.masks.samples import Samples, Values, read_samples, shown_colour, turned
from train.preparing.plane_names import classes_of

Planes = dict[str, NDArray[np.bool_]]
MOST_LABELS = 16  # different values of a mask; what has more is smoothed, or no mask
SMOOTHED_SHARE = 0.1  # of a mask's pixels at most lie between its two values where only its edges are smoothed


@dataclass(frozen=True)
class MaskRule:
    """What masks mean.

    record: only TIFFs of four planes are right. class_map: value -> class, or background, of palette and grey masks.
    binary_class: what a mask of two values outlines, where there is no class map. background: the value of such masks
    that is none of it, as all of a source's masks tell; None where each mask tells for itself. planes: whether masks
    that may be of planes or painted are of planes, as all others tell; None as with background.
    """

    record: bool = False
    class_map: Mapping[int, str] = field(default_factory=dict)
    binary_class: str = "lipid_core"
    background: float | None = None
    planes: bool | None = None

    def __post_init__(self) -> None:
        if unknown := sorted({*self.class_map.values(), self.binary_class} - {BACKGROUND} - set(CLASS_NAMES)):
            raise ConfigError(f"there is no class {', '.join(unknown)}; the classes are {', '.join(CLASS_NAMES)}")
        if self.binary_class == BACKGROUND:
            raise ConfigError(f"a mask of two values outlines a class, one of {', '.join(CLASS_NAMES)}")
        if any(not 0 < value < 256 for value in self.class_map):
            raise ConfigError("the values of a class map lie between 1 and 255; 0 is background")


def read_mask(content: bytes, shape: tuple[int, int], rule: MaskRule) -> Planes:
    """Planes (H, W) of the classes that the mask speaks of.

    Raises ReadError: damaged, of another size than its frame's `shape`, of another kind, or with values not explained.
    """
    samples = read_samples(content, planes_only=rule.record)
    upright = turned(samples.values, samples.orientation)
    check_size((upright.shape[0], upright.shape[1]), shape)
    return {name: turned(plane, samples.orientation) for name, plane in planes_of(samples, rule).items()}


def check_size(found: tuple[int, int], shape: tuple[int, int]) -> None:
    """ReadError where a mask of `found` (H, W) does not lie on its frame of `shape`, with what may have happened."""
    if found == shape:
        return
    down, right = found[0] / shape[0], found[1] / shape[1]
    if found == shape[::-1]:
        advice = "one of the two lies turned by a quarter; save both as they are to be seen"
    elif max(abs(found[0] - shape[0]), abs(found[1] - shape[1])) <= 4:
        advice = "rows or columns were added or lost on the way; export it again at the frame's own size"
    elif abs(down - right) < 0.02 * down:
        advice = f"it is {down:.3g} times as large; export masks at the frame's own size, without interpolation"
    else:
        advice = "it is of another frame, or was cropped; export it at the frame's own size"
    raise ReadError(
        f"the mask has {found[0]} x {found[1]} pixels and its frame {shape[0]} x {shape[1]} (rows x columns): {advice}"
    )


def planes_of(samples: Samples, rule: MaskRule) -> Planes:
    """Planes (H, W) as stored; ReadError where the mask is of another kind, or has values that are not explained."""
    samples = samples if rule.planes is None else samples.read_as(planes=rule.planes)
    values = samples.values
    if values.ndim == 3:
        return _of_planes(values, samples.names, rule)
    if rule.record:
        raise ReadError(f"the mask has 1 plane; a mask of this record has {len(CLASS_NAMES)}, in a TIFF file")
    found = np.unique(values)
    if samples.n_colours > 2 or (samples.n_colours and rule.class_map):
        raise ReadError(_of_colour(samples.n_colours))
    if values.dtype.kind == "f":
        if not np.isfinite(found).all():
            raise ReadError("the mask has values that are no numbers (NaN or infinite); export it as 8-bit PNG")
        if (found != np.rint(found)).any():
            raise ReadError(
                f"the mask has real values from {found[0]:.3g} to {found[-1]:.3g}, as of probabilities; "
                "set a threshold, and save it as 0 and 255"
            )
    if rule.class_map:
        return _of_values(values, found, rule.class_map)
    has_palette, is_colour = len(samples.colours) > 0, samples.n_colours > 0
    return _of_two_values(values, found, rule, has_palette=has_palette, is_colour=is_colour)


def _of_colour(count: int) -> str:
    """The sentence for a colour picture of so many colours."""
    if count > 256:
        return (
            f"the mask is a colour picture of {count} colours, such as the frame with outlines drawn over it; export "
            "the outlines alone, filled, as a binary, a palette or a four-plane mask"
        )
    return (
        f"the mask is a colour picture of {count} colours; export labels as numbers: a palette or grey picture with "
        "--class-map, a mask of two values, or a four-plane mask"
    )


def _of_planes(values: Values, names: tuple[str, ...], rule: MaskRule) -> Planes:
    """Values (H, W, planes), one plane a class."""
    order = classes_of(() if rule.record else names, values.shape[2])
    high = values.max()
    # In 8 bits one more turns 255 into 0 and 0 into 1: all else stays above.
    if values.dtype == np.uint8 and high == 255:
        is_right = (values + np.uint8(1)).max() <= 1
    else:
        is_right = not rule.record or high == 0
        is_right = is_right and bool(((values == 0) | (values == high)).all())
    if not is_right:
        raise ReadError("the planes of the mask have other values than 0 and 255; export them without anti-aliasing")
    return {name: values[..., plane] != 0 for plane, name in enumerate(order)}


def _of_values(values: Values, found: Values, class_map: Mapping[int, str]) -> Planes:
    """Values (H, W) of labels; `found` are those that occur."""
    if unknown := sorted({int(value) for value in found} - {0, *class_map}):
        _refuse_smoothed(values, found)
        listed = ", ".join(str(value) for value in unknown[:5])
        raise ReadError(
            f"the mask has the values {unknown[:5]}, which the class map does not explain; add them to it, "
            f"e.g. {listed.split(', ')[0]}={CLASS_NAMES[0]} or {listed.split(', ')[0]}={BACKGROUND}"
        )
    planes: Planes = {name: np.zeros(values.shape, bool) for name in class_map.values() if name != BACKGROUND}
    for value, name in class_map.items():
        if name != BACKGROUND:
            planes[name] |= values == value
    return planes


def _of_two_values(values: Values, found: Values, rule: MaskRule, *, has_palette: bool, is_colour: bool) -> Planes:
    """Values (H, W) of background and one other, whatever the two are; the lower one is background unless told."""
    if len(found) > 2:
        _refuse_smoothed(values, found)
        listed = ", ".join(f"{value:g}" for value in found)
        kind = "is a palette picture that" if has_palette else "has more than two values: it"
        raise ReadError(
            f"the mask {kind} holds {listed}; say what its values mean, e.g. --class-map 1=lumen,3=lipid_core"
        )
    background = found[0] if rule.background is None else rule.background
    if rule.background is None and len(found) == 1 and found[0] != 0:
        told = f"colour {shown_colour(found[0])}" if is_colour else f"value {found[0]:g}"
        raise ReadError(
            f"the mask has the one {told} everywhere, so nothing tells the outlined from the background; "
            "is it inverted?"
        )
    return {rule.binary_class: values != background}


def _refuse_smoothed(values: Values, found: Values) -> None:
    """ReadError where a mask of many values is one of two whose edges are smoothed, or is no mask at all."""
    if len(found) <= MOST_LABELS:
        return
    between = float(((values > found[0]) & (values < found[-1])).mean())
    if between <= SMOOTHED_SHARE:
        raise ReadError(
            f"the mask has smoothed edges: {100 * between:.1f} % of its pixels lie between its values {found[0]:g} and "
            f"{found[-1]:g}, as anti-aliasing, scaling or JPEG leaves them; it has more than two values, and must be "
            "exported without smoothing (nearest neighbour)"
        )
    raise ReadError(
        f"the mask has {len(found)} different values, as a grey or colour picture of tissue or a map of "
        "probabilities has; it has more than two values, and a mask of labels has few"
    )
