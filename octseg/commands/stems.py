"""Names for the files of each input, so that no two inputs and no input itself are overwritten."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from octseg.pullback import Pullback

MAX_STEM_BYTES = 200  # of a result's name, before "_0001", "-2", "_overlay.png" and what a file is called half written
ANY = "*"  # stands for whatever an export has behind its stem
EXPORTED = ("_overlay.mp4", "_seg.dcm")  # that may be an input as well
ENDINGS = ("_mask.png", "_overlay.png", "_doubt.png", "_pullback.json")


class Stems:
    """Which names are taken: by results, and by the inputs that lie in the folder of the results."""

    def __init__(self, out: Path, inputs: Iterable[Path], *, exporting: bool = False) -> None:
        """exporting: whether names of exports are needed too, which have no number of a frame."""
        self._exporting = exporting
        self._taken: set[str] = set()  # case-folded: some disks take Frame and frame for the same
        here = os.path.realpath(out)
        for path in inputs:
            folder, name = os.path.split(os.path.realpath(path))  # a link may lead into `out`
            if folder == here:
                name = name.casefold()
                self._taken |= {name, *(name.removesuffix(ending) for ending in ENDINGS)}
                self._taken |= {f"{name.removesuffix(ending)}{ANY}" for ending in EXPORTED if name.endswith(ending)}

    def of_frame(self, name: str) -> str:
        """Of a picture that is a frame by itself: its name, with -2, -3 ... behind it where that is taken."""
        return self._claim(name, lambda base: [base])

    def of_pullback(self, pullback: Pullback) -> str:
        """What stands before the numbers in the names of a pullback's files, and before `_pullback.json`."""
        numbers = range(pullback.first_number, pullback.first_number + len(pullback))
        return self._claim(
            pullback.name,
            lambda base: [
                f"{base}_pullback",
                *(numbered(base, number) for number in numbers),
                *self._of_exports(base),
            ],
        )

    def of_run(self, name: str) -> str:
        """What stands before `_pullback.json` for the pictures of a folder."""
        return self._claim(name, lambda base: [f"{base}_pullback", *self._of_exports(base)])

    def of_exports(self, name: str) -> str:
        """What the names of exports begin with, of frames that are no pullback."""
        return self._claim(name, self._of_exports)

    def of_zip(self, name: str) -> str:
        """Of the ZIP of a run."""
        ending = Path(name).suffix
        return self._claim(Path(name).stem, lambda base: [f"{base}{ending}"]) + ending

    def _of_exports(self, base: str) -> list[str]:
        return [f"{base}{ANY}"] if self._exporting else []

    def _claim(self, name: str, needed: Callable[[str], Sequence[str]]) -> str:
        name, number = _clipped(name), 1
        while True:
            base = name if number == 1 else f"{name}-{number}"
            stems = {stem.casefold() for stem in needed(base)}
            if self._taken.isdisjoint(stems):
                self._taken |= stems
                return base
            number += 1


def numbered(base: str, number: int) -> str:
    """Of one frame of a pullback."""
    return f"{base}_{number:04d}"


def _clipped(name: str) -> str:
    """As much of a name as leaves room for what is put after it: a disk takes 255 bytes, and a letter needs 1 to 4."""
    return name.encode(errors="replace")[:MAX_STEM_BYTES].decode(errors="ignore")
