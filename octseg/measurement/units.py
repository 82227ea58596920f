"""From pixels to millimetres, in one place: what has no scale has no value in mm."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """The scale of a frame, None where it is unknown, the same along rows and columns."""

    pixel_spacing_mm: float | None

    def mm(self, length_px: float | None) -> float | None:
        """A length in mm; None without a scale or a length."""
        return None if length_px is None or self.pixel_spacing_mm is None else length_px * self.pixel_spacing_mm

    def mm2(self, area_px: float | None) -> float | None:
        """An area in mm2; None without a scale or an area."""
        return None if area_px is None or self.pixel_spacing_mm is None else area_px * self.pixel_spacing_mm**2
