"""How the search for duplicates fares: frames changed, turned, mirrored, cropped or rescaled, and other patients'.

    python -m tests.benchmarks.report_duplicates [FOLDER]      FOLDER is a fold of the Zenodo record

Prints Markdown tables: how many changed frames are found among all, what is found that is not there, and how long the
search takes, beside the one that knows frames as they lie alone. The limits are `SAME` of
`train.preparing.duplicates` and `rings`.
"""

import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from octseg.phantom import make_phantom
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.view import sepia_to_grey
from tests.benchmarks.report_scale import REAL_FRAMES, through_jpeg
from train.preparing import duplicates, rings
from train.preparing.duplicates import LENGTH, Descriptor, across_studies, describe

PHANTOMS = 100
EACH = 8  # every eighth frame is changed
APART = 5  # frames of one pullback that are farther apart are taken for different ones


def resized(frame: Frame, scale: float) -> Frame:
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=kind), np.uint8)


def rotated(frame: Frame, degrees: float) -> Frame:
    height, width = frame.shape[:2]
    about = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(frame, about, (width, height)), np.uint8)


def cropped(frame: Frame, share: float, down: float = 0.0, right: float = 0.0) -> Frame:
    """A part of `share` of its side, beside the middle by `down` and `right` of the margin."""
    sides = [round(side * share) for side in frame.shape[:2]]
    top, left = (
        round((side - part) / 2 * (1 + off)) for side, part, off in zip(frame.shape, sides, (down, right), strict=False)
    )
    return np.ascontiguousarray(frame[top : top + sides[0], left : left + sides[1]])


def zoomed(frame: Frame, share: float) -> Frame:
    """The inner part of the disc, drawn as wide as all of it was, as a console does at another depth."""
    inner = resized(cropped(frame, share), 1 / share)
    row, col = np.mgrid[: len(inner), : len(inner)] - (len(inner) - 1) / 2
    return inner * (np.hypot(row, col) < len(inner) / 2 - 1)[..., None].astype(np.uint8)


CHANGED: dict[str, Callable[[Frame], Frame]] = {
    "JPEG, quality 60": lambda frame: through_jpeg(frame, 60),
    "512 px": lambda frame: np.asarray(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_AREA), np.uint8),
    "grey": lambda frame: np.repeat(sepia_to_grey(frame)[..., None], 3, axis=2),
    "70 % as bright": lambda frame: (frame * 0.7).astype(np.uint8),
    "shifted by 3 and 2 px": lambda frame: np.roll(frame, (3, 2), (0, 1)),
    "turned by 90 degrees": lambda frame: np.ascontiguousarray(np.rot90(frame)),
    "turned by 180 degrees": lambda frame: np.ascontiguousarray(np.rot90(frame, 2)),
    "turned by 7 degrees": lambda frame: rotated(frame, 7),
    "turned by 143 degrees": lambda frame: rotated(frame, 143),
    "mirrored": lambda frame: np.ascontiguousarray(frame[:, ::-1]),
    "mirrored and turned by 90 degrees": lambda frame: np.ascontiguousarray(np.rot90(frame[:, ::-1])),
    "mirrored, JPEG of quality 60": lambda frame: through_jpeg(np.ascontiguousarray(frame[::-1]), 60),
    "half as large": lambda frame: resized(frame, 0.5),
    "mirrored and a third as large": lambda frame: resized(np.ascontiguousarray(frame[:, ::-1]), 1 / 3),
    "one and a half times as large": lambda frame: resized(frame, 1.5),
    "on a ground twice as wide": lambda frame: cv2.copyMakeBorder(frame, 0, 300, 300, 450, cv2.BORDER_CONSTANT),
    "cropped to 95 %": lambda frame: cropped(frame, 0.95),
    "cropped to 90 %, beside the middle": lambda frame: cropped(frame, 0.9, 0.8, -0.8),
    "cropped to 80 %": lambda frame: cropped(frame, 0.8),
    "cropped to 80 %, beside the middle": lambda frame: cropped(frame, 0.8, 0.5, -0.7),
    "cropped to 70 %": lambda frame: cropped(frame, 0.7),
    "cropped to 60 %": lambda frame: cropped(frame, 0.6),
    "7 mm of a disc of 10 mm": lambda frame: zoomed(frame, 0.7),
    "turned by 25 degrees, cropped to 85 %, at 512 px": lambda frame: resized(
        cropped(rotated(frame, 25), 0.85), 512 / (0.85 * len(frame))
    ),
}


def as_it_lies(first: Descriptor, second: Descriptor) -> float:
    one, other = (each[:LENGTH].astype(np.float64) for each in (first, second))
    return float(one @ other / max(1e-9, np.linalg.norm(one) * np.linalg.norm(other)))


def on_rings(first: Descriptor, second: Descriptor) -> float:
    one, other = (each[LENGTH:].reshape(rings.RINGS, rings.COUNT) for each in (first, second))
    return rings.similarity(one, other)


def print_changes(frames: Sequence[Frame], described: Sequence[Descriptor]) -> None:
    print("| a frame and itself | found | by the earlier search | least | median |\n|---|---|---|---|---|")
    for name, change in CHANGED.items():
        changed = {i: describe(change(frames[i])) for i in range(0, len(frames), EACH)}
        lying = [as_it_lies(described[i], each) for i, each in changed.items()]
        on_ring = [on_rings(described[i], each) for i, each in changed.items()]
        both = [max(pair) for pair in zip(lying, on_ring, strict=True)]
        before = sum(value >= duplicates.SAME for value in lying)
        found = sum(a >= duplicates.SAME or b >= rings.SAME for a, b in zip(lying, on_ring, strict=True))
        print(f"| {name} | {found} of {len(both)} | {before} | {min(both):.2f} | {np.median(both):.2f} |")


def print_pairs(what: str, described: Sequence[Descriptor], pairs: Sequence[tuple[int, int]]) -> None:
    lying = [as_it_lies(described[i], described[j]) for i, j in pairs]
    on_ring = [on_rings(described[i], described[j]) for i, j in pairs]
    alarms = sum(a >= duplicates.SAME or b >= rings.SAME for a, b in zip(lying, on_ring, strict=True))
    print(f"| {what} | {len(pairs)} | {alarms} | {max(lying):.2f} | {max(on_ring):.2f} |", flush=True)


def print_times(frames: Sequence[Frame], described: Sequence[Descriptor], studies: Sequence[str]) -> None:
    """CPU seconds of this search, and of the one that knows frames as they lie alone."""
    start = process_time()
    for frame in frames:
        duplicates._as_it_lies(sepia_to_grey(frame))
    earlier_describe = process_time() - start
    start = process_time()
    for frame in frames:
        describe(frame)
    now_describe = process_time() - start
    print("| | as they lie | now | times |\n|---|---|---|---|")
    each = 1000 / len(frames)
    print(
        f"| describe a frame | {each * earlier_describe:.1f} ms | {each * now_describe:.1f} ms | "
        f"{now_describe / earlier_describe:.1f} |"
    )
    for repeats in (1, 10):
        stacked = np.stack(list(described) * repeats)
        names = [f"{study} {place // len(described)}" for place, study in enumerate(list(studies) * repeats)]
        distinct = np.unique(names, return_inverse=True)[1]
        rng = np.random.default_rng(0)
        stacked = rng.permuted(stacked, axis=1)  # no two frames of the repeats are the same
        start = process_time()
        duplicates._lying_alike(stacked[:, :LENGTH], distinct)
        earlier = process_time() - start
        start = process_time()
        across_studies(stacked, names)
        now = process_time() - start
        print(f"| compare {len(stacked)} frames | {earlier:.3f} s | {now:.2f} s | {now / earlier:.0f} |")
        before, after = repeats * earlier_describe + earlier, repeats * now_describe + now
        print(f"| both, {len(stacked)} frames | {before:.2f} s | {after:.2f} s | {after / before:.1f} |")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL_FRAMES / "fold_1"
    paths = sorted(folder.glob("*/img/*.png"))
    frames = [next(iter(read_pullback(path))) for path in paths]
    studies = [path.name.split("_")[0] for path in paths]
    described = [describe(frame) for frame in frames]
    print(f"Similarity; from {duplicates.SAME} as they lie, or {rings.SAME} on rings, two frames count as one.\n")
    print_changes(frames, described)
    print("\n| different frames | pairs | taken for one | most, as they lie | most, on rings |\n|---|---|---|---|---|")
    pairs = list(combinations(range(len(frames)), 2))
    same = [(i, j) for i, j in pairs if studies[i] == studies[j]]
    print_pairs("neighbours in a pullback", described, [(i, j) for i, j in same if j == i + 1])
    print_pairs(f"one pullback, more than {APART} apart", described, [(i, j) for i, j in same if j > i + APART])
    print_pairs("different patients", described, [(i, j) for i, j in pairs if studies[i] != studies[j]])
    for name in ("cropped to 80 %", "cropped to 60 %", "7 mm of a disc of 10 mm"):
        few = range(0, len(frames), APART + 1)
        changed = [describe(CHANGED[name](frames[i])) for i in few]
        print_pairs(f"the same, all of them {name}", changed, list(combinations(range(len(changed)), 2)))
    strips = [describe(np.ascontiguousarray(frames[i][:, 200:420])) for i in few]
    print_pairs("the same, strips of 220 px", strips, list(combinations(range(len(strips)), 2)))
    phantoms = [describe(make_phantom(seed).frame) for seed in range(PHANTOMS)]
    print_pairs("phantoms", phantoms, list(combinations(range(PHANTOMS), 2)))
    print(f"\nFalse alarms among the {len(frames)} frames: {len(across_studies(np.stack(described), studies))}\n")
    print_times(frames, described, studies)


if __name__ == "__main__":
    main()
