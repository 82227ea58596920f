"""What a phantom is made of: every length in mm or um, angle in degrees, attenuation and backscatter per mm.

Angles are measured in the frame: 0 towards +col, growing towards +row, so clockwise on screen. Positions within the
wall (`centre_deg`, `arc_deg`) are seen from the lumen's centre, those of guide wire and side branch from the catheter.
Published optical figures: fibrous tissue attenuates 6.4 +- 1.2 per mm, lipid 13.7 +- 4.5, calcium 5.7 +- 1.4.
"""

from dataclasses import dataclass
from typing import Literal

LipidMaskDepth = Literal["visible", "pool", "rim"]
Colouring = Literal["sepia", "grey"]

GUIDE_WIRE_DIAMETER_MM = 0.36
A_LINES = 504


@dataclass(frozen=True, kw_only=True)
class Harmonic:
    """One ripple of the lumen's contour: `amplitude` is a fraction of the mean radius, `order` counts its lobes."""

    order: int
    amplitude: float
    phase_deg: float


@dataclass(frozen=True, kw_only=True)
class LipidPool:
    """A lipid pool under its fibrous cap. `thickness_um` is the pool's own depth at its middle, along the normal."""

    centre_deg: float
    arc_deg: float
    cap_min_um: float
    cap_max_um: float  # at the two ends of the arc
    thickness_um: float
    attenuation_per_mm: float = 13.7
    backscatter_per_mm: float = 9.0  # as displayed frames show it; ex vivo fits give 28 +- 9
    border_um: float = 60.0  # depth over which the cap turns into the pool
    unevenness_um: float = 0.0  # the pool's front waves by so much, away from the lumen


@dataclass(frozen=True, kw_only=True)
class Calcium:
    """A calcified plate: poor in signal, with a sharp border on every side."""

    centre_deg: float
    arc_deg: float
    depth_um: float  # of its luminal border under the lumen's contour
    thickness_um: float
    attenuation_per_mm: float = 5.7
    backscatter_per_mm: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Macrophages:
    """A thin bright band that throws a shadow: dark behind it, and yet no lipid pool."""

    centre_deg: float
    arc_deg: float
    depth_um: float
    thickness_um: float = 40.0
    attenuation_per_mm: float = 30.0
    backscatter_per_mm: float = 40.0


@dataclass(frozen=True, kw_only=True)
class SideBranch:
    """An opening in the wall: the lumen goes on outward along the rays of the catheter, which see it so wide."""

    centre_deg: float
    width_deg: float
    depth_mm: float


@dataclass(frozen=True, kw_only=True)
class Microvessel:
    """A dark ellipse in the wall, its axes along and across the circumference (diameters)."""

    centre_deg: float
    depth_um: float  # of its centre under the lumen's contour
    width_um: float
    height_um: float


@dataclass(frozen=True, kw_only=True)
class GuideWire:
    """Where the middle of the wire lies, seen from the catheter."""

    centre_deg: float
    distance_mm: float


@dataclass(frozen=True, kw_only=True)
class Wall:
    """The vessel's layers. `plaque_um` is added to the intima on the side of `plaque_deg`, smoothly around."""

    intima_um: float = 200.0
    media_um: float = 200.0
    adventitia_um: float = 300.0
    plaque_um: float = 0.0
    plaque_deg: float = 0.0
    intima_attenuation_per_mm: float = 6.4
    media_attenuation_per_mm: float = 3.5
    adventitia_attenuation_per_mm: float = 5.5
    intima_backscatter_per_mm: float = 18.0
    media_backscatter_per_mm: float = 6.0
    adventitia_backscatter_per_mm: float = 14.0
    layering: float = 0.35  # standard deviation of the log backscatter of the fibres
    patchiness: float = 0.3  # the same of patches some tenths of a mm wide, and of the attenuation around


@dataclass(frozen=True, kw_only=True)
class Sheath:
    """The rings of the catheter, seen from its axis: a thin one, a speckled band, the outer wall."""

    inner_radius_mm: float = 0.255
    band_from_mm: float = 0.30
    band_to_mm: float = 0.44
    inner_grey: float = 90.0
    band_grey: float = 85.0
    outer_grey: float = 100.0


@dataclass(frozen=True, kw_only=True)
class Optics:
    """The instrument and the display."""

    axial_resolution_um: float = 13.0  # full width at half maximum, in tissue
    lateral_resolution_um: float = 12.0  # of one pass of the beam at its focus: a spot of 20 um at 1/e2
    focus_mm: float = 1.4  # from the catheter's axis
    rayleigh_mm: float = 1.4  # from the focus, where the beam is sqrt(2) wider and half as bright
    blur_px: float = 0.5  # standard deviation of the blur that export and resizing leave on the frame
    speckle_shape: float = 30.0  # of the gamma texture under the speckle; infinite is the pure exponential
    forward_scattering: float = 0.08  # share of light scattered forward that still counts: 2 / (1 + w_s^2 / w_h^2)
    gain: float = 4000.0  # intensity of one per mm of backscatter over the display's knee
    noise: float = 1.2  # mean intensity of the noise over the display's knee
    grey_per_neper: float = 17.3  # slope of the log compression


@dataclass(frozen=True, kw_only=True)
class PhantomSpec:
    """Everything that `render` needs; the same spec gives the same frame, bit by bit.

    lipid_mask_depth: "pool" draws the lipid core as it is made, down to the bottom of the pool; "visible" the same, but
        no farther than LIPID_DEPTH_MM from the lumen's outline, as it is measured; "rim" as most annotators of the
        public record draw it, from the same front along the A-lines to the rim of the disc.
    nurd_deg: largest error of the scan angle; it bends picture and masks alike.
    """

    seed: int
    size_px: int = 704
    field_mm: float = 7.01
    lumen_radius_mm: float = 1.4
    lumen_ellipticity: float = 0.08  # (longest - shortest) / (longest + shortest) radius
    lumen_ellipse_deg: float = 0.0
    lumen_harmonics: tuple[Harmonic, ...] = ()
    lumen_offset_mm: float = 0.3  # of the lumen's centre from the catheter
    lumen_offset_deg: float = 0.0
    wall: Wall = Wall()
    lipid_pools: tuple[LipidPool, ...] = ()
    lipid_mask_depth: LipidMaskDepth = "visible"
    calcium: tuple[Calcium, ...] = ()
    macrophages: tuple[Macrophages, ...] = ()
    side_branch: SideBranch | None = None
    microvessels: tuple[Microvessel, ...] = ()
    guide_wire: GuideWire | None = None
    blood: float = 0.0  # part of the lumen that holds residual blood, 0 to 1
    nurd_deg: float = 0.0
    sheath: Sheath = Sheath()
    optics: Optics = Optics()
    ruler: bool = True
    ruler_deg: float = 65.0  # towards the yellow half
    colouring: Colouring = "sepia"

    def __post_init__(self) -> None:
        if not 704 <= self.size_px <= 1024:
            raise ValueError(f"size_px must be 704 to 1024, not {self.size_px}")
        if not 4.0 <= self.field_mm <= 12.0:
            raise ValueError(f"field_mm must be 4 to 12, not {self.field_mm}")
        if not 0.0 <= self.nurd_deg <= 15.0:
            raise ValueError(f"nurd_deg must be 0 to 15, not {self.nurd_deg}")
        for place, pool in enumerate(self.lipid_pools):
            for other in self.lipid_pools[:place]:
                apart = abs(turn_deg(pool.centre_deg - other.centre_deg))
                if apart < (pool.arc_deg + other.arc_deg) / 2:
                    raise ValueError(f"lipid pools at {other.centre_deg} and {pool.centre_deg} degrees overlap")

    @property
    def pixel_spacing_mm(self) -> float:
        """Mm per pixel, the same along rows and columns."""
        return self.field_mm / self.size_px


def turn_deg(degrees: float) -> float:
    """The same angle in [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0
