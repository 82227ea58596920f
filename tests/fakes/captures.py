"""Captures of screens, pages and photographs with an OCT frame on them, and where on them it lies.

Pictures are (H, W, 3) uint8 RGB. What is drawn beside the frame is drawn from a random generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.grey import grey_to_sepia
from tests.fakes.pictures import Picture, inverted, on_black_level, resized, swapped, through_jpeg, with_gamma

Draw = Callable[[Picture, np.random.Generator], "Capture"]
Beside = Callable[[Picture, np.random.Generator, int], None]  # draws on a picture, right of a column
WHITE = (255, 255, 255)
SIDES = ("top", "left", "bottom", "right")


@dataclass(frozen=True)
class Capture:
    """A picture with a frame on it: the frame's top and left in it, and how many times its own size it is shown."""

    picture: Picture
    top: int = 0
    left: int = 0
    times: float = 1.0

    def place(self, plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A plane (h, w) over the frame where the picture (H, W) shows it."""
        height, width = (round(self.times * side) for side in plane.shape)
        shown = cv2.resize(plane.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        placed = np.zeros(self.picture.shape[:2], bool)
        rows, cols = (slice(max(first, 0), None) for first in (self.top, self.left))
        part = shown[max(-self.top, 0) :, max(-self.left, 0) :]
        target = placed[rows, cols]
        part = part[: target.shape[0], : target.shape[1]]
        target[: part.shape[0], : part.shape[1]] = part > 0
        return placed


def paste(ground: Picture, frame: Picture, top: int, left: int, times: float = 1.0) -> Capture:
    height, width = frame.shape[:2]
    shown = frame if times == 1 else resized(frame, round(times * width), round(times * height))
    ground[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return Capture(ground, top, left, times)


def screen(level: int | tuple[int, int, int], height: int = 1080, width: int = 1920) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


def in_window(frame: Picture, level: int, part: float, side: str) -> Capture:
    """On a screen of one level, 1.2 times as large; the window ends before the frame and shows a part of its side."""
    shown = resized(frame, *(round(1.2 * length) for length in frame.shape[:2]))
    height, width = shown.shape[:2]
    cut = {
        "top": (slice(height - round(part * height), None), slice(None)),
        "left": (slice(None), slice(width - round(part * width), None)),
        "bottom": (slice(round(part * height)), slice(None)),
        "right": (slice(None), slice(round(part * width))),
    }[side]
    ground = screen(level)
    at = np.zeros((height, width, 1), bool)
    at[cut] = True
    np.copyto(ground[90 : 90 + height, 400 : 400 + width], shown, where=at)
    return Capture(ground, 90, 400, 1.2)


def write(picture: Picture, text: str, row: int, col: int, ink: tuple[int, int, int], size: float = 0.7) -> None:
    cv2.putText(picture, text, (col, row), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def strip(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A longitudinal view in sepia: two walls along a dark lumen."""
    depth = np.arange(height)[:, None]
    across = np.arange(width)
    level = np.zeros((height, width))
    for side in (-1, 1):
        edge = height / 2 + side * height * (0.17 + 0.05 * np.sin(across / 90))
        behind = (depth - edge) * side
        level += np.where(behind > 0, np.exp(-behind / (0.1 * height)) * 200, 0)
    return grey_to_sepia(np.clip(level * rng.gamma(4, 0.25, level.shape), 0, 255).astype(np.uint8))


def angiogram(rng: np.random.Generator, side: int, *, round_field: bool) -> Picture:
    """Dark vessels on a bright mottled ground, its field a square with black corners or a disc."""
    clouds = cv2.resize(rng.normal(size=(12, 12)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    level = 150 + 15 * clouds + rng.normal(0, 6, (side, side))
    vessels = np.zeros((side, side), np.float32)
    for _ in range(5):
        points, heading = [np.array([side * 0.4, side * 0.1])], rng.uniform(0.6, 2.2)
        for _ in range(60):
            heading += rng.normal(0, 0.12)
            points.append(points[-1] + side / 60 * np.array([np.cos(heading), np.sin(heading)]))
        cv2.polylines(vessels, [np.rint(points).astype(np.int32)], False, 1.0, int(rng.integers(3, 9)))
    level -= 90 * cv2.GaussianBlur(vessels, (0, 0), 1.5)
    if round_field:
        row, col = np.ogrid[:side, :side]
        level = level * (np.hypot(row - side / 2, col - side / 2) < 0.49 * side)
    return np.repeat(np.clip(level, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def toolbars(picture: Picture, rng: np.random.Generator, dark: bool) -> None:
    """A window's title, a row of coloured buttons, round ones among them, a column of fields, a status line."""
    height, width = picture.shape[:2]
    bar, ink = ((45, 45, 48), (220, 220, 220)) if dark else ((240, 240, 240), (30, 30, 30))
    cv2.rectangle(picture, (0, 0), (width, 34), (0, 90, 158), -1)
    write(picture, "Viewer 4.2 - IMG001.dcm", 24, 12, WHITE)
    cv2.rectangle(picture, (0, 35), (width, 90), bar, -1)
    for place in range(14):
        colour = tuple(int(part) for part in rng.integers(40, 255, 3))
        if place % 3:
            cv2.rectangle(picture, (20 + 60 * place, 43), (60 + 60 * place, 82), colour, -1)
        else:
            cv2.circle(picture, (40 + 60 * place, 62), 19, colour, -1, cv2.LINE_AA)
    cv2.rectangle(picture, (0, height - 30), (width, height), bar, -1)
    write(picture, "Frame 134 / 271   W 255 L 127   zoom 100 %", height - 9, 12, ink, 0.6)


def _text(picture: Picture, rng: np.random.Generator, left: int) -> None:
    ink = WHITE if picture[0, 0].mean() < 128 else (20, 20, 20)
    for line in range(12):
        write(picture, f"Frame {100 + line}   Area 5.{line} mm2", 520 + 30 * line, left, ink)


def _view(picture: Picture, rng: np.random.Generator, left: int) -> None:
    picture[60:460, left : left + 800] = strip(rng, 400, 800)


def _angiogram(side: int, *, round_field: bool) -> Beside:
    def draw(picture: Picture, rng: np.random.Generator, left: int) -> None:
        picture[100 : 100 + side, left : left + side] = angiogram(rng, side, round_field=round_field)

    return draw


def _logo(picture: Picture, rng: np.random.Generator, left: int) -> None:
    cv2.circle(picture, (left + 320, 400), 280, (200, 30, 40), -1, cv2.LINE_AA)
    cv2.circle(picture, (left + 320, 400), 180, WHITE, -1, cv2.LINE_AA)


def _toolbars(picture: Picture, rng: np.random.Generator, left: int) -> None:
    toolbars(picture, rng, dark=picture[0, 0].mean() < 128)


def _grid(picture: Picture, rng: np.random.Generator, left: int) -> None:
    for place in range(0, picture.shape[1], 120):
        cv2.line(picture, (place, 0), (place, picture.shape[0]), (90, 90, 90), 1)


BESIDE: dict[str, Beside] = {
    "text": _text,
    "view": _view,
    "angiogram": _angiogram(600, round_field=False),
    "round angiogram": _angiogram(600, round_field=True),
    "large round angiogram": _angiogram(900, round_field=True),
    "logo": _logo,
    "toolbars": _toolbars,
    "grid": _grid,
}


def on_screen(level: int | tuple[int, int, int], *, extra: str | None = None, times: float = 1.0) -> Draw:
    """On a screen of one level, with one of BESIDE to its right or about it."""

    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        side = round(times * frame.shape[0])
        picture = screen(level, max(1080, side + 200), max(1920, side + 1000))
        if extra is not None:
            BESIDE[extra](picture, rng, side + 80)
        return paste(picture, frame, 120, 20, times)

    return draw


def without_corners(level: int) -> Draw:
    """The disc alone on a ground, its black corners cut away."""

    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        capture = on_screen(level)(frame, rng)
        side = frame.shape[0]
        row, col = np.ogrid[:side, :side]
        outside = np.hypot(row - (side - 1) / 2, col - (side - 1) / 2) > side / 2
        capture.picture[120 : 120 + side, 20 : 20 + side][outside] = level
        return capture

    return draw


def strip_at(where: str, level: int = 0) -> Draw:
    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        side = frame.shape[0]
        view = strip(rng, 260, side)
        parts = [view, frame] if where == "above" else [frame, view]
        picture = np.concatenate(parts, axis=0)
        ink = np.full((picture.shape[0] + 80, picture.shape[1] + 80, 3), level, np.uint8)
        ink[40:-40, 40:-40] = picture
        return Capture(ink, 300 if where == "above" else 40, 40)

    return draw


def slide(times: float) -> Draw:
    """A presentation's white page with a title, some lines of text and a caption."""

    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        side = round(times * frame.shape[0])
        picture = screen(255, max(1080, side + 260), max(1920, side + 1000))
        write(picture, "Case 4: thin-cap fibroatheroma of the LAD", 110, 120, (20, 40, 120), 2.0)
        cv2.line(picture, (120, 150), (1800, 150), (200, 60, 30), 4)
        for line in range(6):
            write(picture, "- lipid arc 180 degrees, cap 62 um", 300 + 70 * line, side + 260, (20, 20, 20), 1.0)
        return paste(picture, frame, 220, 200, times)

    return draw


def window_on_photo(frame: Picture, rng: np.random.Generator) -> Capture:
    """A window with toolbars on a desktop whose background is a photograph."""
    small = rng.uniform(0, 255, (9, 16, 3)).astype(np.float32)
    side = frame.shape[0]
    picture = cv2.resize(small, (1920, max(1080, side + 240)), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)
    window = screen((32, 32, 34), side + 140, side + 240)
    toolbars(window, rng, dark=True)
    picture[60 : 60 + window.shape[0], 300 : 300 + window.shape[1]] = window
    return paste(picture, frame, 60 + 100, 300 + 120)


def gradient_ground(frame: Picture, rng: np.random.Generator) -> Capture:
    shades = np.linspace(10, 120, max(1080, frame.shape[0] + 240))
    picture = np.repeat(shades[:, None, None], 1920, axis=1).repeat(3, axis=2).astype(np.uint8)
    return paste(picture, frame, 120, 400)


def framed(frame: Picture, rng: np.random.Generator) -> Capture:
    """A thin coloured border about the frame, as of a chosen pane, on dark grey."""
    capture = on_screen(40)(frame, rng)
    side = frame.shape[0]
    cv2.rectangle(capture.picture, (17, 117), (22 + side, 122 + side), (255, 140, 0), 3)
    return capture


def side_by_side(frame: Picture, rng: np.random.Generator) -> Capture:
    """The frame twice, mirrored the second time, as two time points are shown."""
    height, width = frame.shape[:2]
    picture = screen(30, height + 100, 2 * width + 90)
    picture[50 : 50 + height, 60 + width : 60 + 2 * width] = frame[:, ::-1]
    return paste(picture, frame, 50, 30)


def edge_cut(part: float) -> Draw:
    """The frame cut so that the disc reaches past two of the picture's edges."""

    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        cut = round(part * frame.shape[0])
        return Capture(np.ascontiguousarray(frame[cut:, cut:]), -cut, -cut)

    return draw


def photo(tilt: float, turn: float = 0.0) -> Draw:
    """A monitor photographed askew: perspective, a glow, noise."""

    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        flat = on_screen(20, extra="view")(frame, rng)
        height, width = flat.picture.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        move = np.array([[tilt, 0.4 * tilt], [-tilt, 0], [-0.3 * tilt, -tilt], [0, -0.6 * tilt]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, source + move * height)
        rolled = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
        through = np.vstack([rolled, [0, 0, 1]]) @ matrix
        shown = cv2.warpPerspective(flat.picture, through, (width, height), borderValue=(60, 55, 50))
        shown = cv2.GaussianBlur(shown, (0, 0), 1.0) * 0.85 + 20 + rng.normal(0, 3, shown.shape)
        return Capture(np.clip(shown, 0, 255).astype(np.uint8), flat.top, flat.left)

    return draw


def lifted(level: int, quality: int | None = None, ground: int | None = None) -> Draw:
    """In grey with its black lifted, through JPEG or not, alone or on a screen."""

    def draw(frame: Picture, rng: np.random.Generator) -> Capture:
        grey = on_black_level(frame, level)
        capture = Capture(grey) if ground is None else on_screen(ground)(grey, rng)
        if quality is None:
            return capture
        return Capture(through_jpeg(capture.picture, quality), capture.top, capture.left)

    return draw


def jpeg_of(draw: Draw, quality: int) -> Draw:
    def draw_jpeg(frame: Picture, rng: np.random.Generator) -> Capture:
        flat = draw(frame, rng)
        return Capture(through_jpeg(flat.picture, quality), flat.top, flat.left, flat.times)

    return draw_jpeg


def of_frame(change: Callable[[Picture], Picture], draw: Draw) -> Draw:
    """The capture of a changed frame."""
    return lambda frame, rng: draw(change(frame), rng)


def two_monitors(frame: Picture, rng: np.random.Generator) -> Capture:
    """A capture of two monitors, a light page on the one, the frame in a window on the other."""
    picture = screen(25, 1200, 3840)
    picture[:, 1920:] = 250
    for line in range(20):
        write(picture, "Report: no dissection, MLA 5.3 mm2", 100 + 50 * line, 2000, (20, 20, 20), 1.0)
    picture[800:1150, 1000:1900] = strip(rng, 350, 900)
    return paste(picture, frame, 90, 60, 0.7 * 750 / frame.shape[0])


def marked(frame: Picture, rng: np.random.Generator) -> Capture:
    """A slide whose author drew arrows and letters over the frame."""
    capture = slide(0.9)(frame, rng)
    side = round(0.9 * frame.shape[0])
    for _ in range(3):
        start, end = (tuple(int(part) for part in rng.integers(220, 200 + side, 2)) for _ in range(2))
        cv2.arrowedLine(capture.picture, start, end, WHITE, 3, cv2.LINE_AA)
    write(capture.picture, "A", 270, 230, (255, 230, 0), 1.5)
    return capture


def row_of_three(frame: Picture, rng: np.random.Generator) -> Capture:
    shown = resized(frame, 500, 500)
    picture = screen(255, 700, 1700)
    for place in (0, 1, 2):
        picture[100:600, 50 + 540 * place : 550 + 540 * place] = np.rot90(shown, place)
    return Capture(picture, 100, 50, 500 / frame.shape[0])


CAPTURES: dict[str, Draw] = {
    **{f"screen of level {level}": on_screen(level) for level in (0, 8, 25, 60, 128, 200, 225, 255)},
    "blue screen": on_screen((0, 60, 140)),
    **{
        f"{name} screen with {extra}": on_screen(level, extra=extra)
        for name, level in (("black", 0), ("dark", 25), ("grey", 128), ("light", 235))
        for extra in (
            "text",
            "view",
            "angiogram",
            "round angiogram",
            "large round angiogram",
            "logo",
            "toolbars",
            "grid",
        )
    },
    "half size on dark": on_screen(30, times=0.5),
    "twice its size on dark": on_screen(30, times=2.0),
    "disc alone on white": without_corners(255),
    "disc alone on grey": without_corners(90),
    "strip below": strip_at("below"),
    "strip above": strip_at("above"),
    "strip below, on light": strip_at("below", 225),
    "slide": slide(1.0),
    "slide, small": slide(0.5),
    "slide, JPEG": jpeg_of(slide(0.8), 75),
    "dark screen, JPEG": jpeg_of(on_screen(30, extra="toolbars"), 70),
    "light screen, JPEG": jpeg_of(on_screen(235, extra="view"), 70),
    "window on a photograph": window_on_photo,
    "ground of a gradient": gradient_ground,
    "thin border": framed,
    "two side by side": side_by_side,
    "three in a row": row_of_three,
    "two monitors": two_monitors,
    "arrows over it": marked,
    "a third of its size on dark": on_screen(30, times=0.35),
    "exchanged colours on dark": of_frame(swapped, on_screen(30)),
    "exchanged colours on light": of_frame(swapped, on_screen(235, extra="view")),
    "negative on light": of_frame(inverted, on_screen(235)),
    "negative on dark": of_frame(inverted, on_screen(30, extra="text")),
    "gamma 0.6 on grey": of_frame(lambda frame: with_gamma(frame, 0.6), on_screen(60)),
    "gamma 1.6 on light": of_frame(lambda frame: with_gamma(frame, 1.6), on_screen(200)),
    "JPEG of quality 40 on dark": of_frame(lambda frame: through_jpeg(frame, 40), on_screen(20)),
    "edges cut by 4 %": edge_cut(0.04),
    "edges cut by 15 %": edge_cut(0.15),
    "photograph, little askew": photo(0.01),
    "photograph, askew": photo(0.08),
    "photograph, askew and turned": photo(0.06, 7.0),
    "ground of 60": lifted(60),
    "ground of 60, JPEG": lifted(60, 80),
    "ground of 25, JPEG": lifted(25, 60),
    "ground of 60 on a light screen": lifted(60, None, 225),
    "ground of 60 on a dark screen": lifted(60, None, 20),
    "ground of 60 on a black screen, JPEG": lifted(60, 80, 0),
}
