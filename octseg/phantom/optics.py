"""What the instrument records of a vessel: grey levels along A-lines, before the frame is drawn.

intensity(z) = backscatter(z) * focus(z) * (t^2 + m t (1 - t)), times speckle, plus noise, then log compression; t is
exp(-integral of attenuation to z), t^2 the single scattered light, m the share of light scattered forward on its way
that still counts (the extended Huygens-Fresnel model's cross term): deep tissue fades more slowly.

Arrays are (A_LINES, depths): row i looks in direction 2 pi i / A_LINES, column j lies (j + 0.5) * depth step from the
catheter's axis. Intensity is in units of the knee of the display's compression.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from octseg.phantom.geometry import N_ANGLES, TURN, Anatomy, Curve, Region
from octseg.phantom.spec import A_LINES, GUIDE_WIRE_DIAMETER_MM, Optics, PhantomSpec, Wall
from octseg.view.catheter import CATHETER_DIAMETER_MM

Polar = NDArray[np.float32]  # (A_LINES, depths)

PAD = 32  # A-lines repeated on either side, for filters that go around
SLAB = 64  # depths that share one width of the lateral filter
FWHM = 2.3548  # full width at half maximum of a Gaussian of standard deviation 1
BRIGHTEST_GREY = 255.0
LIPID_END_DEG = 6.0  # over which a pool fades at the ends of its arc
PENUMBRA = (0.12, 0.4, 0.75)  # light left on the A-lines next to the wire's shadow
NOISE_SHAPE = 1.0  # of the noise's gamma distribution: 1 is the exponential of one channel


@dataclass(frozen=True, kw_only=True)
class Tissue:
    """What light meets, both per mm."""

    attenuation: Polar
    backscatter: Polar


def a_lines(spec: PhantomSpec, vessel: Anatomy) -> Polar:
    """Grey levels (A_LINES, depths), 0 to 255, of a vessel whose outlines are free of the scan's error."""
    rng = np.random.default_rng([spec.seed, 2])
    depths = depth_count(spec)
    step = spec.field_mm / 2 / depths
    radius = (np.arange(depths, dtype=np.float32) + 0.5) * np.float32(step)
    lumen = at_lines(vessel.lumen_mm)
    tissue = tissue_of(spec, vessel, radius, rng)
    optics = spec.optics
    sums = np.cumsum(tissue.attenuation, axis=1, dtype=np.float32)
    sums *= np.float32(-step)
    reached = _own(cv2.exp(sums))
    intensity = reached * (reached * np.float32(1 - optics.forward_scattering) + np.float32(optics.forward_scattering))
    intensity *= tissue.backscatter
    focus = optics.gain / (1.0 + ((radius - optics.focus_mm) / optics.rayleigh_mm) ** 2)
    intensity *= focus.astype(np.float32)
    intensity *= _line_gain(rng)
    intensity += _blood(spec, lumen, radius, rng)
    intensity *= speckle(
        rng, optics.axial_resolution_um, beam_width_um(spec.optics, radius), radius, optics.speckle_shape
    )
    _cast_wire_shadow(spec, intensity, radius, rng)
    noise = rng.standard_gamma(NOISE_SHAPE, intensity.shape, dtype=np.float32)
    intensity += noise * np.float32(optics.noise / NOISE_SHAPE)
    grey = compress(intensity, optics.grey_per_neper)
    _draw_sheath(spec, grey, radius, rng)
    return grey


def depth_count(spec: PhantomSpec) -> int:
    """Samples of an A-line: one per pixel of the frame's radius, but never wider than 8 um."""
    return max(spec.size_px // 2, int(np.ceil(spec.field_mm / 2 / 0.008)))


def at_lines(outline: Curve) -> NDArray[np.float32]:
    """An outline at the directions of the A-lines, (A_LINES, 1)."""
    nearest = np.rint(np.arange(A_LINES) * (N_ANGLES / A_LINES)).astype(int) % N_ANGLES
    return np.asarray(outline[nearest, None], dtype=np.float32)


def compress(intensity: Polar, grey_per_neper: float) -> Polar:
    """Logarithm above the display's knee, linear below it; 0 to 255."""
    grey = _own(cv2.log(intensity + np.float32(1.0)))
    grey *= np.float32(grey_per_neper)
    np.minimum(grey, np.float32(BRIGHTEST_GREY), out=grey)
    return grey


def beam_width_um(optics: Optics, radius_mm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Full width of the beam at half maximum, (depths,): narrowest at the focus."""
    off_focus = (radius_mm - np.float32(optics.focus_mm)) / np.float32(optics.rayleigh_mm)
    return np.asarray(optics.lateral_resolution_um * np.sqrt(1.0 + off_focus**2), dtype=np.float32)


def speckle(
    rng: np.random.Generator,
    axial_um: float,
    lateral_um: NDArray[np.float32],
    radius_mm: NDArray[np.float32],
    shape: float,
) -> Polar:
    """Intensity of fully developed speckle, mean 1: exponential, times a gamma texture of `shape` (a K distribution).

    The amplitude's point spread is a Gaussian; its intensity is `axial_um` by `lateral_um` (depths,) wide at half
    maximum. `radius_mm` (depths,) is evenly spaced.
    """
    depths = radius_mm.size
    # intensity of standard deviation s comes of an amplitude of sqrt(2) s
    axial = _gaussian(np.sqrt(2.0) * axial_um / FWHM / (1e3 * float(radius_mm[1] - radius_mm[0])))
    field = rng.standard_normal((A_LINES, depths, 2), dtype=np.float32)
    field = np.concatenate([field[-PAD:], field, field[:PAD]])
    out = np.empty((A_LINES, depths), dtype=np.float32)
    reach = axial.size // 2
    for start in range(0, depths, SLAB):
        stop = min(start + SLAB, depths)
        pitch_um = 1e3 * float(radius_mm[start:stop].mean()) * TURN / A_LINES
        lateral = _gaussian(min(np.sqrt(2.0) * float(lateral_um[start:stop].mean()) / FWHM / pitch_um, PAD / 4))
        low, high = max(start - reach, 0), min(stop + reach, depths)
        smooth = cv2.sepFilter2D(field[:, low:high], -1, axial, lateral, borderType=cv2.BORDER_REFLECT)
        smooth = smooth[PAD:-PAD, start - low : stop - low]
        out[:, start:stop] = smooth[..., 0] ** 2 + smooth[..., 1] ** 2
        out[:, start:stop] *= np.float32(0.5 / (np.sum(axial**2) * np.sum(lateral**2)))
    return out * _gamma_texture(rng, depths, shape)


def tissue_of(spec: PhantomSpec, vessel: Anatomy, radius: NDArray[np.float32], rng: np.random.Generator) -> Tissue:
    """Attenuation and backscatter (A-lines, depths) along every A-line; nothing scatters in the lumen."""
    wall = spec.wall
    lumen, intima = at_lines(vessel.lumen_mm), at_lines(vessel.intima_mm)
    media, adventitia = at_lines(vessel.media_mm), at_lines(vessel.adventitia_mm)
    sharp = 0.02
    in_wall = _step(radius, lumen, sharp)
    attenuation = in_wall * np.float32(wall.intima_attenuation_per_mm)
    backscatter = in_wall * np.float32(wall.intima_backscatter_per_mm)
    fat = float(rng.uniform(0.4, 0.9))
    layers = (
        (intima, 0.03, wall.media_attenuation_per_mm, wall.media_backscatter_per_mm),
        (media, 0.03, wall.adventitia_attenuation_per_mm, wall.adventitia_backscatter_per_mm),
        (adventitia, 0.25, wall.adventitia_attenuation_per_mm * 0.8, wall.adventitia_backscatter_per_mm * fat),
    )
    for start, soft, mu, back in layers:
        weight = _step(radius, start, soft)
        _blend(attenuation, mu, weight)
        _blend(backscatter, back, weight)
    _add_texture(backscatter, radius, lumen, wall, rng)
    attenuation *= _own(
        cv2.exp(_around(rng, (12, 1), _unit_energy(0.8), np.ones(1), (1, A_LINES)) * np.float32(0.8 * wall.patchiness))
    )
    for plate, calcium in zip(vessel.calcium, spec.calcium, strict=True):
        weight = _within(plate, radius, 0.015, 0.015, 0.02)
        _blend(attenuation, calcium.attenuation_per_mm, weight)
        _blend(backscatter, calcium.backscatter_per_mm, weight)
    for region, pool in zip(vessel.pools, spec.lipid_pools, strict=True):
        border = 1e-3 * pool.border_um
        weight = _within(region, radius, border, 3 * border, min(0.4, LIPID_END_DEG / (pool.arc_deg / 2)))
        _blend(attenuation, pool.attenuation_per_mm, weight)
        _blend(backscatter, pool.backscatter_per_mm, weight)
    for region, band in zip(vessel.macrophages, spec.macrophages, strict=True):
        weight = _within(region, radius, 0.02, 0.02, 0.3)
        _blend(attenuation, band.attenuation_per_mm, weight)
        _blend(backscatter, band.backscatter_per_mm, weight)
    attenuation *= in_wall > 0
    backscatter *= in_wall > 0
    for hole in vessel.microvessels:
        angle = np.arange(A_LINES, dtype=np.float32)[:, None] * np.float32(TURN / A_LINES)
        turn = (angle - hole.angle + np.pi) % TURN - np.pi
        inside = (turn / hole.half_angle) ** 2 + ((radius - hole.radius_mm) / hole.half_height_mm) ** 2 < 1
        attenuation[inside] = 0.5
        backscatter[inside] *= 0.01
    return Tissue(attenuation=attenuation, backscatter=backscatter)


def _step(radius: NDArray[np.float32], start: NDArray[np.float32], soft_mm: float) -> Polar:
    """(A-lines, depths) 0 before `start`, 1 behind it, a ramp `soft_mm` wide between."""
    ramp = radius - start
    ramp *= np.float32(1.0 / soft_mm)
    ramp += np.float32(0.5)
    np.clip(ramp, 0.0, 1.0, out=ramp)
    return ramp


def _within(
    region: Region, radius: NDArray[np.float32], soft_front_mm: float, soft_back_mm: float, soft_ends: float
) -> Polar:
    """1 inside the region, with ramps at its front, its back and, over `soft_ends` of half the arc, at its ends."""
    weight = _step(radius, at_lines(region.inner_mm), soft_front_mm)
    weight -= _step(radius, at_lines(region.outer_mm), soft_back_mm)
    np.maximum(weight, 0.0, out=weight)
    if not region.inside.all():
        weight *= at_lines(np.clip((1.0 - np.abs(region.across)) / soft_ends, 0.0, 1.0))
    return weight


def _blend(values: Polar, value: float, weight: Polar) -> None:
    """Move `values` towards `value` by `weight`, in place."""
    values += (np.float32(value) - values) * weight


def _add_texture(
    backscatter: Polar, radius: NDArray[np.float32], lumen: NDArray[np.float32], wall: Wall, rng: np.random.Generator
) -> None:
    """Fibres and patches that follow the lumen: log-normal, mean 1; fibres are long around and thin in depth."""
    step = 0.016  # mm
    count = int(np.ceil(float(radius[-1]) / step)) + 1
    fibres = _around(rng, (A_LINES // 4, count), _unit_energy(2.5), _unit_energy(1.0), (count, A_LINES))
    patches = _around(rng, (48, max(4, count // 12)), _unit_energy(1.2), _unit_energy(0.8), (count, A_LINES))
    texture = fibres * np.float32(wall.layering) + patches * np.float32(wall.patchiness)
    texture -= np.float32((wall.layering**2 + wall.patchiness**2) / 2)
    depth = (radius - lumen) * np.float32(1.0 / step)
    line = np.ascontiguousarray(np.broadcast_to(np.arange(A_LINES, dtype=np.float32)[:, None], depth.shape))
    texture = _own(cv2.remap(texture, depth, line, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    backscatter *= _own(cv2.exp(texture))


def _around(
    rng: np.random.Generator,
    shape: tuple[int, int],
    around: NDArray[np.float64],
    deep: NDArray[np.float64],
    size: tuple[int, int],
) -> Polar:
    """White noise (angles, depths) filtered by the two kernels and stretched to `size` (depths, angles); no seam."""
    pad = shape[0] // 4
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = np.concatenate([noise[-pad:], noise, noise[:pad]])
    smooth = cv2.sepFilter2D(noise, -1, deep, around, borderType=cv2.BORDER_REFLECT)
    stretched = size[1] // shape[0]
    wide = cv2.resize(smooth, (size[0], smooth.shape[0] * stretched), interpolation=cv2.INTER_LINEAR)
    whole = wide[pad * stretched : pad * stretched + shape[0] * stretched]
    return _own(whole if whole.shape[0] == size[1] else cv2.resize(whole, size, interpolation=cv2.INTER_LINEAR))


def _line_gain(rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness of each A-line (A_LINES, 1): it changes slowly around, as light is lost on the way to the wall."""
    angle = np.arange(A_LINES) * (TURN / A_LINES)
    wave = sum(
        rng.normal(0, 0.3 / order**0.7) * np.cos(order * angle + rng.uniform(0, TURN)) for order in (1, 2, 3, 5, 8, 13)
    )
    fine = rng.standard_normal((A_LINES + 2 * PAD, 1), dtype=np.float32)
    fine = _own(cv2.sepFilter2D(fine, -1, np.ones(1), _unit_energy(1.5)))[PAD:-PAD, 0]
    wave = wave + rng.uniform(0.05, 0.25) * fine
    return np.asarray(np.exp(wave)[:, None], dtype=np.float32)


def _blood(
    spec: PhantomSpec, lumen: NDArray[np.float32], radius: NDArray[np.float32], rng: np.random.Generator
) -> Polar | np.float32:
    """Intensity (A-lines, depths) of residual blood: clouds between the catheter and the wall."""
    if spec.blood == 0.0:
        return np.float32(0.0)
    coarse = np.concatenate([rng.standard_normal((28, 24), dtype=np.float32)] * 3)
    coarse = _own(cv2.GaussianBlur(coarse, (0, 0), 1.5))
    coarse *= np.float32(1.0 / coarse.std())
    clouds = _own(cv2.resize(coarse, (radius.size, 3 * A_LINES), interpolation=cv2.INTER_CUBIC))[A_LINES : 2 * A_LINES]
    level = np.float32(np.quantile(coarse, 1.0 - spec.blood))
    clouds -= level
    np.maximum(clouds, 0.0, out=clouds)
    clouds *= np.float32(rng.uniform(5, 80))
    clouds *= (radius < lumen) & (radius > CATHETER_DIAMETER_MM / 2)
    return clouds


def _cast_wire_shadow(
    spec: PhantomSpec, intensity: Polar, radius: NDArray[np.float32], rng: np.random.Generator
) -> None:
    """The guide wire's near face shines, and nothing comes back from behind it."""
    wire = spec.guide_wire
    if wire is None:
        return
    half = GUIDE_WIRE_DIAMETER_MM / 2
    angle = np.arange(A_LINES) * (TURN / A_LINES)
    turn = (angle - np.radians(wire.centre_deg) + np.pi) % TURN - np.pi
    hit = np.flatnonzero(np.abs(wire.distance_mm * np.sin(turn)) < half)
    hit = hit[np.cos(turn[hit]) > 0]
    face = wire.distance_mm * np.cos(turn[hit]) - np.sqrt(half**2 - (wire.distance_mm * np.sin(turn[hit])) ** 2)
    behind = radius[None, :] - face[:, None].astype(np.float32)
    edge = np.abs(wire.distance_mm * np.sin(turn[hit])) / half
    shine = np.exp(rng.uniform(12.3, 14.0)) * (1 - 0.98 * edge**2)[:, None].astype(np.float32)
    glow = np.exp(-np.abs(behind) / np.where(behind < 0, 0.004, rng.uniform(0.009, 0.015)).astype(np.float32))
    intensity[hit] = np.where(behind < 0, intensity[hit], 0.0) + shine * glow
    for side, line in ((-1, hit[np.argmin(turn[hit])]), (1, hit[np.argmax(turn[hit])])):
        for away, light in enumerate(PENUMBRA, start=1):
            intensity[(line + side * away) % A_LINES, radius > wire.distance_mm] *= np.float32(light)


def _draw_sheath(spec: PhantomSpec, grey: Polar, radius: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Rings of the catheter, over whatever lies there (A-lines, depths); its inside is dark."""
    sheath = spec.sheath
    outer = CATHETER_DIAMETER_MM / 2
    inside = int(np.searchsorted(radius, outer + 0.03))
    r = radius[:inside]
    angle = np.arange(A_LINES)[:, None] * (TURN / A_LINES)
    shift = (0.012 * np.cos(angle - rng.uniform(0, TURN))).astype(np.float32)
    uneven = (1.0 + 0.2 * np.cos(angle - rng.uniform(0, TURN))).astype(np.float32)
    grain = rng.gamma(20.0, 1 / 20.0, (A_LINES, inside)).astype(np.float32)
    grain = _own(cv2.GaussianBlur(grain, (3, 5), 0))
    grain = 1 + (grain - 1) * np.float32(2.0)
    ring = np.exp(-(((r - sheath.inner_radius_mm - 0.4 * shift) / 0.016) ** 2)) * np.float32(sheath.inner_grey)
    band = _step(r, sheath.band_from_mm + shift, 0.02) - _step(r, sheath.band_to_mm + shift, 0.02)
    wall = np.exp(-(((r - outer + 0.012 - 0.3 * shift) / 0.012) ** 2)) * np.float32(sheath.outer_grey)
    core = np.exp(-(((r - 0.085) / 0.012) ** 2)) * np.float32(40.0)
    drawn = np.maximum(np.maximum(ring, band * np.float32(sheath.band_grey)) * uneven, np.maximum(wall, core)) * grain
    floor = grey[:, :inside]
    within = r < outer
    floor[:, within] = np.minimum(floor[:, within], 18.0)
    floor[:, r < 0.06] = 2.0
    np.maximum(floor, np.minimum(drawn, BRIGHTEST_GREY), out=floor)


def _own(array: MatLike) -> Polar:
    """What OpenCV gives back for float32, as the array of float32 it is."""
    return np.asarray(array, dtype=np.float32)


def _gaussian(sigma: float) -> NDArray[np.float64]:
    """Sampled Gaussian of unit sum."""
    reach = max(1, int(np.ceil(3 * sigma)))
    at = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (at / max(sigma, 1e-3)) ** 2)
    return np.asarray(kernel / kernel.sum())


def _unit_energy(sigma: float) -> NDArray[np.float64]:
    """Sampled Gaussian that keeps the variance of white noise."""
    kernel = _gaussian(sigma)
    return np.asarray(kernel / np.sqrt(np.sum(kernel**2)))


def _gamma_texture(rng: np.random.Generator, depths: int, shape: float) -> Polar | np.float32:
    """Gamma variates of mean 1 and variance 1 / `shape`, smooth over some speckles."""
    if np.isinf(shape):
        return np.float32(1.0)
    coarse_shape = shape * (2.0 / 3.0) ** 2  # interpolation along both axes leaves 4/9 of the variance
    coarse = rng.standard_gamma(coarse_shape, (A_LINES // 6, depths // 6), dtype=np.float32) / np.float32(coarse_shape)
    return _own(cv2.resize(coarse, (depths, A_LINES), interpolation=cv2.INTER_LINEAR))
