"""What one frame gives: masks, probabilities, measures, the scale they rest on and the model they came from.

Every plane has the frame's own height and width. Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.drawing.overlay import OverlayStyle, draw_overlay
from octseg.drawing.own import mark
from octseg.drawing.palette import palette_image
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import Interval, Signs
from octseg.measurement.places import FramePlaces
from octseg.measurement.rays import FrameRays
from octseg.measurement.records import json_value, json_values
from octseg.pullback import Frame, PixelScale, PixelSpacingSource, frame_sha256
from octseg.values import yes_or_no

if TYPE_CHECKING:  # it loads torch, which a result needs not
    from octseg.view.part import FramePart

ModelSource = Literal["bundled", "hub", "folder"]


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which weights made a result: enough to find them again, and no path of the machine they lay on."""

    name: str
    source: ModelSource
    revision: str | None = None  # commit of the model's repository; None for bundled weights and folders
    sha256: str  # of model.safetensors


class WholeMaps(Mapping[str, NDArray[np.float32]]):
    """Maps of a frame by class name, (H, W) float32 each, made when one is asked for."""

    def __init__(self, names: Sequence[str], make: Callable[[], NDArray[np.float32]], part: "FramePart") -> None:
        """make: gives the maps (K, h, w) of the classes named, over a part of the frame."""
        self._names, self._make, self._part = tuple(names), make, part

    @cached_property
    def _maps(self) -> NDArray[np.float32]:
        return self._make()

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._names:
            raise KeyError(name)
        return self._part.map(self._maps[self._names.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameResult:
    """One frame, segmented and measured.

    name: a label, the file's name without folder and ending.
    file: the file's name without folder.
    frame_number: 1-based place in the pullback; of a single picture the number that its file's name bears, else 1.
    frame: (H, W, 3) uint8 RGB as read.
    masks: class name -> (H, W) bool. probabilities: class name -> (H, W) float32 in [0, 1].
    device, backend, precision: where and in what numbers the network ran.
    disc: (H, W) bool, True on the imaged disc; None where no disc was found.
    catheter_centre: (row, col) in pixels, None where it was not found.
    intervals_95: measure -> its 95 % interval (low, high) in its own unit, None for what was not measured; None where
        no intervals were asked for. signs: of how sure each measure is, in its unit, from which they were made.
    doubt: (H, W) uint8, of how many of the same variants the tissue at a pixel is another one, as a share: 255 is all
        of them; None where no intervals were asked for, and where the frame is withdrawn.
    rays: what each of 360 rays from the lumen's centroid meets, and which cannot be judged; what is measured along a
        vessel needs no more. None without a lumen and where the frame is withdrawn.
    places: where in the frame its numbers were measured. None as for rays.
    smoothing: how its probability was smoothed along the pullback, in one sentence; None where it was not.
    withdrawn: why nothing is said of this frame, in one sentence: then every mask is empty and every measure None.
        None where its numbers stand.
    warnings: of reading, scale and measures, one sentence each.
    """

    name: str
    file: str
    frame_number: int = 1
    frame: Frame = field(repr=False)
    masks: dict[str, NDArray[np.bool_]] = field(repr=False)
    probabilities: Mapping[str, NDArray[np.float32]] = field(repr=False)
    measures: FrameMeasures
    scale: PixelScale
    disc: NDArray[np.bool_] | None = field(default=None, repr=False)
    catheter_centre: tuple[float, float] | None = None
    device: str
    backend: str
    precision: str = "f32"
    model: ModelIdentity
    intervals_95: Mapping[str, Interval | None] | None = None
    signs: Mapping[str, Signs | None] | None = field(default=None, repr=False)
    doubt: NDArray[np.uint8] | None = field(default=None, repr=False)
    rays: FrameRays | None = field(default=None, repr=False)
    places: FramePlaces | None = field(default=None, repr=False)
    smoothing: str | None = None
    withdrawn: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def pixel_spacing_mm(self) -> float | None:
        """Millimetres per pixel, the same along rows and columns; None where the scale is unknown."""
        return self.scale.pixel_spacing_mm

    @property
    def pixel_spacing_source(self) -> PixelSpacingSource | None:
        """Where the scale came from; None where it is unknown."""
        return self.scale.source

    def overlay(
        self,
        *,
        classes: Sequence[str] | None = None,
        opacity: float = 0.45,
        style: OverlayStyle = "both",
        grey: bool = False,
        scale_bar: bool = True,
        legend: bool = False,
        caption: str | None = None,
    ) -> Image.Image:
        """The frame with its tissues drawn on it, (H, W) RGB; see `octseg.drawing.overlay.draw_overlay`.

        The last bits of its first pixels say that it is no frame; see `octseg.drawing.own`.
        """
        return Image.fromarray(
            self.drawn(
                classes=classes,
                opacity=opacity,
                style=style,
                grey=grey,
                scale_bar=scale_bar,
                legend=legend,
                caption=caption,
            )
        )

    def drawn(self, *, scale_bar: bool = True, **how: Any) -> Frame:
        """The overlay as a new array (H, W, 3); how: as for `overlay`."""
        spacing_mm = self.pixel_spacing_mm if yes_or_no(scale_bar, "scale_bar") else None
        drawn = draw_overlay(self.frame, self.masks, disc=self.disc, pixel_spacing_mm=spacing_mm, **how)
        mark(drawn)
        return drawn

    def palette_mask(self) -> Image.Image:
        """The masks as one palette picture, (H, W): 0 background, 1.. the classes in the order of classes.py."""
        return palette_image(self.masks)

    def to_record(self) -> dict[str, Any]:
        """This frame's entry in measures.json: plain values, None for what cannot be measured."""
        height, width = self.frame.shape[:2]
        measures = json_values(self.measures)
        record = {
            "file": self.file,
            "frame": self.frame_number,
            "frame_sha256": frame_sha256(self.frame),
            "height": height,
            "width": width,
            "pixel_spacing_mm": self.pixel_spacing_mm,
            "pixel_spacing_source": self.pixel_spacing_source,
            "pixel_spacing_evidence": self.scale.evidence or None,
            "catheter_diameter_mm": self.scale.catheter_diameter_mm,
            **{name: value for name, value in measures.items() if name not in ("pixel_spacing_mm", "warnings")},
            **({} if self.intervals_95 is None else {"intervals_95": dict(self.intervals_95)}),
            **({} if self.smoothing is None else {"smoothing": self.smoothing}),
            "withdrawn": self.withdrawn,
            "warnings": list(self.warnings),
        }
        return {name: json_value(value) for name, value in record.items()}
