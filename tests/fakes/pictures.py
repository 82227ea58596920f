"""Pictures to try the withdrawal on: OCT frames as other exports show them, and pictures that are no OCT frame.

Pictures are (H, W, 3) uint8 RGB. What is drawn is drawn from a random generator, so that a seed gives one picture.
"""

import io
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.view.grey import grey_to_sepia, sepia_to_grey

Picture = NDArray[np.uint8]


def through_jpeg(picture: Picture, quality: int) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def resized(picture: Picture, width: int, height: int) -> Picture:
    kind = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=kind), np.uint8)


def with_gamma(picture: Picture, gamma: float) -> Picture:
    """Darker for a gamma above 1."""
    return np.rint(255 * (picture / 255.0) ** gamma).astype(np.uint8)


def on_black_level(picture: Picture, level: int) -> Picture:
    """In grey, its black lifted to `level`."""
    grey = level + sepia_to_grey(picture) * ((255 - level) / 255)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)


def with_margins(picture: Picture, level: int) -> Picture:
    """In a corner of a screen of one grey level, some lines of text beside it."""
    height, width = picture.shape[:2]
    screen = np.full((height + 60, width + 700, 3), level, np.uint8)
    screen[30 : 30 + height, 20 : 20 + width] = picture
    for line in range(12):
        place = (width + 80, 60 + 40 * line)
        ink = (255 - level,) * 3
        cv2.putText(screen, f"Frame {100 + line}  Area 5.{line} mm2", place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 1)
    return screen


def cropped(picture: Picture, part: float) -> Picture:
    """Its middle `part`, so that no rim of the disc is left at 0.7."""
    height, width = picture.shape[:2]
    top, left = round(height * (1 - part) / 2), round(width * (1 - part) / 2)
    return np.ascontiguousarray(picture[top : height - top, left : width - left])


def with_bar(picture: Picture) -> Picture:
    """With the "1 mm" bar of an export without a cut line."""
    barred = picture.copy()
    height, width = picture.shape[:2]
    cv2.line(barred, (width - 170, height - 40), (width - 70, height - 40), (255, 255, 255), 2)
    cv2.putText(barred, "1 mm", (width - 150, height - 55), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1)
    return barred


def with_blood(picture: Picture, lumen: NDArray[np.bool_], rng: np.random.Generator) -> Picture:
    """With residual blood: swirls of speckle in the lumen (H, W), which leave less light for the wall."""
    side = max(picture.shape)
    swirls = np.clip(35 + 25 * _clouds(rng, side, side / 12), 0, None)[: picture.shape[0], : picture.shape[1]]
    blood = swirls * rng.gamma(6.0, 1 / 6, lumen.shape)
    grey = np.where(lumen, np.maximum(sepia_to_grey(picture), blood), 0.75 * sepia_to_grey(picture))
    return grey_to_sepia(np.clip(grey, 0, 255).astype(np.uint8))


def unrolled(picture: Picture) -> Picture:
    """The frame along its rays: rows are angles, as a file "for processing" holds it."""
    height, width = picture.shape[:2]
    polar = cv2.warpPolar(picture, (width // 2, height), (width / 2, height / 2), width / 2, cv2.INTER_LINEAR)
    return np.asarray(polar, np.uint8)


def inverted(picture: Picture) -> Picture:
    return 255 - picture


def swapped(picture: Picture) -> Picture:
    """Red and blue exchanged."""
    return np.ascontiguousarray(picture[..., ::-1])


def _radius(side: int) -> NDArray[np.float64]:
    """(side, side) distance from the middle, 1 at the sides."""
    across = np.linspace(-1, 1, side)
    return np.hypot(across[:, None], across[None])


def _clouds(rng: np.random.Generator, side: int, sigma: float) -> NDArray[np.float32]:
    """(side, side) smooth noise, mean 0, standard deviation 1."""
    small = max(4, round(side / sigma * 2))
    noise = cv2.resize(rng.normal(size=(small, small)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def _rgb(*planes: NDArray[np.floating]) -> Picture:
    return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def fundus(rng: np.random.Generator) -> Picture:
    """A retina: an orange disc on black, a bright optic disc at one side, dark vessels that fan out from it."""
    side = int(rng.integers(500, 900))
    level = (
        0.75 + 0.08 * _clouds(rng, side, side / 4) + 0.02 * rng.normal(size=(side, side)) - 0.25 * _radius(side) ** 2
    )
    origin = np.array([side * rng.uniform(0.25, 0.75), side * rng.uniform(0.4, 0.6)])
    vessels = np.zeros((side, side), np.float32)
    for _ in range(14):
        heading, points = rng.uniform(0, 2 * np.pi), [origin]
        for _ in range(40):
            heading += rng.normal(0, 0.12)
            points.append(points[-1] + side / 50 * np.array([np.cos(heading), np.sin(heading)]))
        cv2.polylines(vessels, [np.rint(points).astype(np.int32)], False, 1.0, int(rng.integers(2, 8)))
    level = level - 0.25 * cv2.GaussianBlur(vessels, (0, 0), 1.5)
    row, col = np.ogrid[:side, :side]
    optic = np.exp(-((((row - origin[1]) ** 2 + (col - origin[0]) ** 2) / (side / 12) ** 2) ** 2))
    lit = (level + 0.35 * optic) * (_radius(side) < 0.95)
    return _rgb(220 * lit, (105 + 100 * optic) * lit, (45 + 100 * optic) * lit)


def ct_slice(rng: np.random.Generator) -> Picture:
    """A body's cross section on black: a grey ellipse with a bright rim, bones, dark lungs and noise."""
    side = 512
    body = np.zeros((side, side), np.float32)
    middle = (side // 2, side // 2)
    cv2.ellipse(body, middle, (int(rng.integers(180, 235)), int(rng.integers(130, 190))), 0, 0, 360, 150, -1)
    cv2.ellipse(body, middle, (int(rng.integers(150, 175)), int(rng.integers(100, 125))), 0, 0, 360, 110, -1)
    for across in (-75, 75):
        lung = (side // 2 + across, side // 2 + int(rng.integers(-20, 20)))
        cv2.ellipse(body, lung, (int(rng.integers(45, 65)), int(rng.integers(65, 90))), 0, 0, 360, 20, -1)
    cv2.circle(body, (side // 2, side // 2 + 95), int(rng.integers(15, 25)), 240, -1)
    for _ in range(8):
        turn = rng.uniform(0, 2 * np.pi)
        at = (round(side / 2 + 160 * np.cos(turn)), round(side / 2 + 115 * np.sin(turn)))
        cv2.circle(body, at, int(rng.integers(5, 10)), 235, -1)
    shown = cv2.GaussianBlur(body, (0, 0), 1.2) + rng.normal(0, 6, body.shape) * (body > 0)
    return _rgb(shown, shown, shown)


def ultrasound_fan(rng: np.random.Generator) -> Picture:
    """A fan of speckle on black, bright near the probe, with two dark vessels in it."""
    side = int(rng.integers(500, 800))
    row, col = np.mgrid[:side, :side].astype(np.float32)
    depth = np.hypot(row + side * 0.1, col - side / 2) / side
    angle = np.arctan2(col - side / 2, row + side * 0.1)
    level = 130 * np.exp(-0.8 * depth) * (1 + 0.3 * _clouds(rng, side, side / 8))
    for _ in range(2):
        centre = rng.uniform(0.35, 0.75, 2) * side
        level[np.hypot(row - centre[0], col - centre[1]) < side * rng.uniform(0.05, 0.12)] = 8
    speckle = cv2.GaussianBlur(rng.gamma(2.0, 0.5, (side, side)).astype(np.float32), (0, 0), 1.5)
    shown = level * speckle * ((depth > 0.15) & (depth < 1.05) & (np.abs(angle) < 0.6))
    return _rgb(shown, shown, shown)


def landscape(rng: np.random.Generator) -> Picture:
    """A photograph's like: a bright sky that fades to the horizon, hills, a textured meadow, a sun."""
    side = int(rng.integers(400, 900))
    horizon = side * (0.5 + 0.06 * _clouds(rng, side, side / 3)[:1])
    row = np.arange(side)[:, None]
    sky = row < horizon
    grain = 18 * _clouds(rng, side, 6) + 8 * rng.normal(size=(side, side))
    fade = row / side
    red = np.where(sky, 110 + 120 * fade, 90 + grain + 20 * fade)
    green = np.where(sky, 160 + 70 * fade, 120 + grain)
    blue = np.where(sky, 230 - 20 * fade, 50 + 0.6 * grain)
    picture = _rgb(red, green, blue)
    cv2.circle(picture, (int(rng.integers(side)), side // 5), side // 14, (255, 245, 200), -1, cv2.LINE_AA)
    return picture


def texture(rng: np.random.Generator) -> Picture:
    """Bark, gravel, cloth: clouds of several sizes in one hue."""
    side = int(rng.integers(400, 900))
    level = 120 + sum(rng.uniform(5, 25) * _clouds(rng, side, sigma) for sigma in (4, 10, 30, 100))
    tint = rng.uniform(0.5, 1.0, 3)
    return _rgb(*(level * part for part in tint))


def faces_on_dark(rng: np.random.Generator) -> Picture:
    """Bright smooth things on a dark ground, as coins, cells or portraits are."""
    side = int(rng.integers(400, 900))
    picture = np.full((side, side, 3), int(rng.integers(0, 40)), np.uint8)
    for _ in range(int(rng.integers(3, 15))):
        centre = tuple(int(place) for place in rng.integers(0, side, 2))
        colour = tuple(int(part) for part in rng.integers(90, 255, 3))
        axes = tuple(int(half) for half in rng.integers(side // 20, side // 5, 2))
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.0), np.uint8)


def document(rng: np.random.Generator) -> Picture:
    """A page of text, black on white."""
    page = np.full((900, 700, 3), 250, np.uint8)
    for line in range(30):
        words = "".join(chr(97 + int(letter)) if letter < 26 else " " for letter in rng.integers(0, 31, 38))
        cv2.putText(page, words, (40, 60 + 27 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (20, 20, 20), 1, cv2.LINE_AA)
    return page


def noise(rng: np.random.Generator) -> Picture:
    side = int(rng.integers(400, 900))
    return rng.integers(0, 256, (side, side, 3), dtype=np.uint8)


def noise_in_a_disc(rng: np.random.Generator) -> Picture:
    """Grey noise in a disc on black, as a frame without any light coming back has it."""
    side = int(rng.integers(400, 900))
    shown = rng.integers(10, 90, (side, side)) * (_radius(side) < 1)
    return _rgb(shown, shown, shown)


def uniform(rng: np.random.Generator) -> Picture:
    return np.full((600, 600, 3), int(rng.integers(0, 256)), np.uint8)


def target(rng: np.random.Generator) -> Picture:
    """Smooth bright rings on black about one middle: the shape of a vessel without its texture."""
    side = int(rng.integers(500, 900))
    radius = _radius(side)
    edge = rng.uniform(0.3, 0.6)
    shown = 200 * np.exp(-(((radius - edge) / 0.12) ** 2)) * (radius > edge - 0.02) + 90 * (np.abs(radius - 0.1) < 0.01)
    return grey_to_sepia(np.rint(np.clip(shown * (radius < 1), 0, 255)).astype(np.uint8))


def microscope(rng: np.random.Generator) -> Picture:
    """Violet cells on a bright pink ground."""
    side = int(rng.integers(400, 900))
    red, green, blue = (np.full((side, side), level, np.float32) for level in (235, 200, 225))
    row, col = np.ogrid[:side, :side]
    for _ in range(60):
        centre = rng.uniform(0, side, 2)
        cell = np.exp(
            -((((row - centre[0]) ** 2 + (col - centre[1]) ** 2) / (side * rng.uniform(0.01, 0.03)) ** 2) ** 2)
        )
        red, green, blue = red - 130 * cell, green - 140 * cell, blue - 70 * cell
    grain = 6 * rng.normal(size=(side, side))
    return _rgb(red + grain, green + grain, blue + grain)


NO_OCT: dict[str, Callable[[np.random.Generator], Picture]] = {
    "retina": fundus,
    "CT slice": ct_slice,
    "ultrasound fan": ultrasound_fan,
    "landscape": landscape,
    "texture": texture,
    "bright things on dark": faces_on_dark,
    "page of text": document,
    "noise": noise,
    "noise in a disc": noise_in_a_disc,
    "uniform": uniform,
    "smooth rings": target,
    "microscope": microscope,
}

EXPORTS: dict[str, Callable[[Picture], Picture]] = {
    "JPEG, quality 40": lambda picture: through_jpeg(picture, 40),
    "500 px": lambda picture: resized(picture, 500, 500),
    "1024 px": lambda picture: resized(picture, 1024, 1024),
    "gamma 0.6": lambda picture: with_gamma(picture, 0.6),
    "gamma 1.6": lambda picture: with_gamma(picture, 1.6),
    "black level 10": lambda picture: on_black_level(picture, 10),
    "black level 30": lambda picture: on_black_level(picture, 30),
    "black level 60": lambda picture: on_black_level(picture, 60),
    "black level 30, JPEG": lambda picture: through_jpeg(on_black_level(picture, 30), 60),
    "a bar of 1 mm": with_bar,
    "the disc's middle alone": lambda picture: cropped(picture, 0.7),
    "red and blue exchanged": swapped,
    "on a black screen": lambda picture: with_margins(picture, 0),
    "on a dark screen": lambda picture: with_margins(picture, 25),
    "on a light screen": lambda picture: with_margins(picture, 225),
}

SPOILT: dict[str, Callable[[Picture], Picture]] = {
    "black and white exchanged": inverted,
    "black and white exchanged, grey": lambda picture: inverted(on_black_level(picture, 0)),
    "stretched, 5:4": lambda picture: resized(picture, picture.shape[1], round(0.8 * picture.shape[0])),
    "stretched, 16:9": lambda picture: resized(picture, picture.shape[1], round(9 / 16 * picture.shape[0])),
    "stretched by a tenth": lambda picture: resized(picture, round(1.1 * picture.shape[1]), picture.shape[0]),
    "unrolled": unrolled,
}
