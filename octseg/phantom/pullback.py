"""Phantom pullbacks: one vessel along its length, frame by frame, with its truth along the vessel.

```python
vessel = random_pullback(seed=1, frame_count=375)
for phantom in vessel.phantoms(): ...  # drawn one by one
vessel.truth().plaques[0].volume_mm3
```
Positions are mm along the vessel from where the pullback begins. The frame of number n (1-based) is taken after
n - 1 steps of the catheter, and shows what the heart has moved there: the positions that frames show are not evenly
spaced, and lengths counted in frames are off by as much as the heart moves. Lengths, the smallest lumen and volumes of
`VesselTruth` are the vessel's own, from the spec; `Phantom.truth` is of what each frame shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from octseg.phantom.geometry import anatomy
from octseg.phantom.rendering import Phantom, render
from octseg.phantom.spec import GuideWire, LipidPool, PhantomSpec, Wall
from octseg.phantom.truth import truth
from octseg.pullback import Frame, Pullback
from octseg.view.catheter import CATHETER_DIAMETER_MM

END_ARC, END_THICKNESS = 0.5, 0.3  # of the middle's, where a plaque begins and ends
CAP_RISE = 1.0  # how much thicker a plaque's cap is at its ends
INTEGRATION_NODES = 24
LUMEN_STEP_MM = 0.01  # at which the smallest lumen is looked for
CLEAR_MM = 0.05  # of the wall from the catheter
WIRE_MM = 0.66  # of the guide wire's middle from the catheter's axis


@dataclass(frozen=True, kw_only=True)
class Plaque:
    """A lipid pool along the vessel; arc, cap and thickness are those of its middle.

    centre_deg turns by twist_deg_per_mm from its start on. cap_min_um, cap_max_um: in the middle and at the ends of the
    arc; along the vessel both double towards the plaque's ends.
    """

    start_mm: float
    end_mm: float
    centre_deg: float
    arc_deg: float
    cap_min_um: float
    cap_max_um: float
    thickness_um: float
    twist_deg_per_mm: float = 0.0
    attenuation_per_mm: float = 8.0
    backscatter_per_mm: float = 5.0

    def pool(self, at_mm: float) -> LipidPool | None:
        """The pool in a cross-section; None where there is none of this plaque."""
        if not self.start_mm <= at_mm <= self.end_mm:
            return None
        across = 2 * (at_mm - self.start_mm) / (self.end_mm - self.start_mm) - 1
        full = np.cos(np.pi / 2 * across)
        return LipidPool(
            centre_deg=self.centre_deg + self.twist_deg_per_mm * (at_mm - self.start_mm),
            arc_deg=float(self.arc_deg * (END_ARC + (1 - END_ARC) * full)),
            cap_min_um=float(self.cap_min_um * (1 + CAP_RISE * across**2)),
            cap_max_um=float(self.cap_max_um * (1 + CAP_RISE * across**2)),
            thickness_um=float(self.thickness_um * (END_THICKNESS + (1 - END_THICKNESS) * full)),
            attenuation_per_mm=self.attenuation_per_mm,
            backscatter_per_mm=self.backscatter_per_mm,
        )


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """A part of the vessel in which its radius is less, by `share` in the middle, smoothly over `length_mm`."""

    at_mm: float
    length_mm: float
    share: float

    def factor(self, at_mm: float) -> float:
        """Of the radius."""
        away = min(1.0, abs(at_mm - self.at_mm) / (self.length_mm / 2))
        return float(1 - self.share * 0.5 * (1 + np.cos(np.pi * away)))


@dataclass(frozen=True, kw_only=True)
class PlaqueTruth:
    """Of one plaque, as far as the pullback reaches. first_frame, last_frame: numbers of frames that show it."""

    start_mm: float
    end_mm: float
    length_mm: float
    volume_mm3: float
    arc_max_deg: float
    cap_min_um: float
    first_frame: int | None
    last_frame: int | None


@dataclass(frozen=True, kw_only=True)
class VesselTruth:
    """Along the vessel, from the spec; lengths as they are, not as the heart lets them be counted."""

    length_mm: float
    minimum_lumen_area_mm2: float
    minimum_lumen_area_position_mm: float
    lipid_volume_mm3: float
    plaques: tuple[PlaqueTruth, ...]


@dataclass(frozen=True, kw_only=True)
class PullbackSpec:
    """One vessel and the catheter's way through it; the same spec gives the same frames, bit by bit.

    base: what is the same everywhere: optics, wall, sheath, display, and the lumen where the pullback begins.
    widening: of the lumen's radius, per mm. offset_share: how far the catheter lies off the middle, of the room that
        there is. turn_deg_per_mm: how the picture turns on the way; wander_deg: how far the catheter's side wanders.
    heart_mm: how far the heart moves the vessel along the catheter to either side, over heart_frames frames.
    """

    frame_count: int
    frame_spacing_mm: float
    base: PhantomSpec
    plaques: tuple[Plaque, ...] = ()
    narrowings: tuple[Narrowing, ...] = ()
    widening: float = 0.005
    offset_share: float = 0.5
    turn_deg_per_mm: float = 0.0
    wander_deg: float = 0.0
    heart_mm: float = 0.0
    heart_frames: float = 90.0
    guide_wire: bool = True
    name: str = field(default="pullback")

    def __post_init__(self) -> None:
        if self.frame_count < 1:
            raise ValueError(f"a pullback has at least 1 frame, not {self.frame_count}")
        if self.frame_spacing_mm <= 0:
            raise ValueError(f"frame_spacing_mm must be above 0, not {self.frame_spacing_mm}")
        for plaque in self.plaques:
            if plaque.end_mm <= plaque.start_mm:
                raise ValueError(f"a plaque from {plaque.start_mm} to {plaque.end_mm} mm ends before it begins")

    @property
    def length_mm(self) -> float:
        """As frames count it: of all of them, each as thick as frames lie apart."""
        return self.frame_count * self.frame_spacing_mm

    def position_mm(self, number: int) -> float:
        """What the frame of a number (1-based) shows; frames stand for the middle of their thickness."""
        beat = np.sin(2 * np.pi * (number - 1) / self.heart_frames + self.base.seed)
        return float((number - 0.5) * self.frame_spacing_mm + self.heart_mm * beat)

    def radius_mm(self, at_mm: float) -> float:
        """The lumen's mean radius."""
        wide = self.base.lumen_radius_mm * (1 + self.widening * at_mm)
        return float(wide * np.prod([narrowing.factor(at_mm) for narrowing in self.narrowings]))

    def lumen_area_mm2(self, at_mm: float) -> float:
        """Of a lumen whose radius ripples around its mean: pi r^2 (1 + half the sum of the ripples' squares)."""
        ripples = self.base.lumen_ellipticity**2 + sum(h.amplitude**2 for h in self.base.lumen_harmonics)
        return float(np.pi * self.radius_mm(at_mm) ** 2 * (1 + ripples / 2))

    def spec(self, number: int) -> PhantomSpec:
        """Of the frame of a number (1-based)."""
        return replace(self.cross_section(self.position_mm(number)), seed=self.base.seed * 10_007 + number)

    def cross_section(self, at_mm: float) -> PhantomSpec:
        """Of the vessel at a position, as the catheter sees it there."""
        base, radius = self.base, self.radius_mm(at_mm)
        turn = self.turn_deg_per_mm * at_mm
        ripple = base.lumen_ellipticity + sum(harmonic.amplitude for harmonic in base.lumen_harmonics)
        room = max(0.0, radius * (1 - ripple) - CATHETER_DIAMETER_MM / 2 - CLEAR_MM)
        side = base.lumen_offset_deg + self.wander_deg * np.sin(2 * np.pi * at_mm / 17.0) + turn
        pools = tuple(pool for plaque in self.plaques if (pool := plaque.pool(at_mm)) is not None)
        wire = GuideWire(centre_deg=float(side + 25 * np.sin(2 * np.pi * at_mm / 29.0)) % 360, distance_mm=WIRE_MM)
        return replace(
            base,
            lumen_radius_mm=radius,
            lumen_ellipse_deg=base.lumen_ellipse_deg + turn,
            lumen_harmonics=tuple(
                replace(harmonic, phase_deg=harmonic.phase_deg + harmonic.order * turn)
                for harmonic in base.lumen_harmonics
            ),
            lumen_offset_mm=self.offset_share * room,
            lumen_offset_deg=float(side) % 360,
            wall=replace(base.wall, plaque_deg=base.wall.plaque_deg + turn),
            lipid_pools=tuple(replace(pool, centre_deg=(pool.centre_deg + turn) % 360) for pool in pools),
            guide_wire=wire if self.guide_wire else None,
            nurd_deg=0.0,
        )

    def phantoms(self, first: int = 1, last: int | None = None) -> Iterator[Phantom]:
        """The frames of the numbers `first` to `last`, both included, drawn one by one."""
        for number in range(first, (last or self.frame_count) + 1):
            yield render(self.spec(number))

    def pullback(self) -> Pullback:
        """As a file of it is read."""

        def frames(first: int, last: int) -> Iterator[Frame]:
            return (phantom.frame for phantom in self.phantoms(first + 1, last))

        return Pullback(
            name=self.name,
            frame_count=self.frame_count,
            read_frames=partial(frames, 0, self.frame_count),
            read_range=frames,
            frame_spacing_mm=self.frame_spacing_mm,
            frame_spacing_source="dicom",
        )

    def truth(self) -> VesselTruth:
        """Of the vessel itself, over the length of the pullback."""
        positions = np.arange(0.0, self.length_mm + LUMEN_STEP_MM / 2, LUMEN_STEP_MM)
        areas = [self.lumen_area_mm2(float(at)) for at in positions]
        plaques = tuple(self._plaque_truth(plaque) for plaque in self.plaques if plaque.start_mm < self.length_mm)
        return VesselTruth(
            length_mm=self.length_mm,
            minimum_lumen_area_mm2=min(areas),
            minimum_lumen_area_position_mm=float(positions[int(np.argmin(areas))]),
            lipid_volume_mm3=sum(plaque.volume_mm3 for plaque in plaques),
            plaques=plaques,
        )

    def _plaque_truth(self, plaque: Plaque) -> PlaqueTruth:
        """Volume by Gauss and Legendre's quadrature over outlines; frames by the positions that they show."""
        start, end = max(0.0, plaque.start_mm), min(self.length_mm, plaque.end_mm)
        node, weight = np.polynomial.legendre.leggauss(INTEGRATION_NODES)
        positions = (start + end) / 2 + (end - start) / 2 * node
        alone = replace(self, plaques=(plaque,))
        true = [truth(spec, anatomy(spec)) for spec in (alone.cross_section(float(at)) for at in positions)]
        shown = [n for n in range(1, self.frame_count + 1) if start <= self.position_mm(n) <= end]
        caps = [each.fibrous_cap_thickness_min_um for each in true if each.fibrous_cap_thickness_min_um is not None]
        return PlaqueTruth(
            start_mm=start,
            end_mm=end,
            length_mm=end - start,
            volume_mm3=float(sum(w * each.lipid_core_area_mm2 for w, each in zip(weight, true, strict=True)))
            * (end - start)
            / 2,
            arc_max_deg=max(each.lipid_arc_deg for each in true),
            cap_min_um=min(caps),
            first_frame=min(shown, default=None),
            last_frame=max(shown, default=None),
        )


def random_pullback(
    seed: int, frame_count: int, *, size_px: int = 704, field_mm: float = 7.01, heart_mm: float | None = None
) -> PullbackSpec:
    """A vessel drawn at random: it widens on the way, has one to five plaques, some of them narrow it.

    Frames lie 0.1 mm apart in a pullback of more than 400, else 0.2 mm. The heart moves it by 0.2 to 0.6 mm to either
    side, unless told otherwise, once in 75 to 160 frames.
    """
    rng = np.random.default_rng([seed, 0x9B])
    spacing = 0.1 if frame_count > 400 else 0.2
    length = frame_count * spacing
    plaques, narrowings = _random_plaques(rng, length)
    base = PhantomSpec(
        seed=seed,
        size_px=size_px,
        field_mm=field_mm,
        lumen_radius_mm=float(rng.uniform(1.15, 1.5)),
        lumen_ellipticity=float(rng.uniform(0.0, 0.1)),
        lumen_ellipse_deg=float(rng.uniform(0, 180)),
        lumen_offset_deg=float(rng.uniform(0, 360)),
        wall=Wall(
            intima_um=float(rng.uniform(150, 350)),
            plaque_um=float(rng.uniform(0, 400)),
            plaque_deg=plaques[0].centre_deg if plaques else 0.0,
        ),
        ruler_deg=float(rng.uniform(0, 360)),
    )
    return PullbackSpec(
        frame_count=frame_count,
        frame_spacing_mm=spacing,
        base=base,
        plaques=plaques,
        narrowings=narrowings,
        widening=float(rng.uniform(0.002, 0.006)),
        offset_share=float(rng.uniform(0.2, 0.8)),
        turn_deg_per_mm=float(rng.uniform(-4, 4)),
        wander_deg=float(rng.uniform(10, 60)),
        heart_mm=float(rng.uniform(0.2, 0.6)) if heart_mm is None else heart_mm,
        heart_frames=float(rng.uniform(75, 160)),
        name=f"pullback_{seed:04d}",
    )


def _random_plaques(rng: np.random.Generator, length_mm: float) -> tuple[tuple[Plaque, ...], tuple[Narrowing, ...]]:
    """Plaques one after the other, at least 1.6 mm apart, and what they narrow."""
    plaques: list[Plaque] = []
    narrowings: list[Narrowing] = []
    start = float(rng.uniform(0.1, 0.25)) * length_mm
    while len(plaques) < 5:
        end = start + float(rng.uniform(2.5, 9.0))
        if end > length_mm - 0.5 and plaques:
            break
        cap = float(np.exp(rng.uniform(np.log(50), np.log(250))))
        plaques.append(
            Plaque(
                start_mm=start,
                end_mm=min(end, 0.9 * length_mm) if not plaques else end,
                centre_deg=float(rng.uniform(0, 360)),
                arc_deg=float(rng.uniform(70, 230)),
                cap_min_um=cap,
                cap_max_um=cap * float(rng.uniform(1.0, 2.0)),
                thickness_um=float(rng.uniform(500, 1500)),
                twist_deg_per_mm=float(rng.uniform(-6, 6)),
                attenuation_per_mm=float(rng.uniform(4, 14)),
            )
        )
        if rng.random() < 0.6:
            at = (plaques[-1].start_mm + plaques[-1].end_mm) / 2
            narrowings.append(Narrowing(at_mm=at, length_mm=1.6 * (end - start), share=float(rng.uniform(0.08, 0.3))))
        start = end + float(rng.uniform(1.6, 10.0))
    return tuple(plaques), tuple(narrowings)
