"""The frames on which a model does worst, with what was found and what is true: for the report and for the card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from octseg.comparison.limiting import LIPID
from octseg.dataset.publishing import mark_of
from octseg.export.pictures import SMALL, png_bytes
from octseg.export.provenance import made_here
from octseg.pullback import Frame
from octseg.result import FrameResult
from train.dataset import Case
from train.judging.lipid_score import judged_planes
from train.judging.panels import compared, sheet, told
from train.judging.scores import FrameScore


@dataclass(frozen=True, eq=False)
class Worst:
    """A frame on which the model did badly: Dice of each class, and its outlines, found and true."""

    name: str
    dice: Mapping[str, float | None]
    picture: Frame


@dataclass
class WorstFrames:
    """The `size` worst of the frames that it is shown, from the worst on."""

    size: int
    _held: list[tuple[tuple[bool, float], Worst]] = field(default_factory=list)

    def show(self, result: FrameResult, case: Case, score: FrameScore) -> None:
        """Keep a frame where it is one of the worst so far."""
        badness = _badness(score)
        if len(self._held) < self.size or badness < self._held[-1][0]:
            worst = Worst(case.name, _dices(score), compared(case.frame, *judged_planes(result, case)))
            self._held = sorted([*self._held, (badness, worst)], key=lambda each: each[0])[: self.size]

    @property
    def frames(self) -> list[Worst]:
        """From the worst on."""
        return [worst for _, worst in self._held]


def failures_png(worst: Sequence[Worst], *, private: bool) -> bytes:
    """One picture of the worst frames with their Dice; marked where they must not be published."""
    panels = [(each.picture, each.name, told(each.dice)) for each in worst]
    picture = sheet(panels, list(worst[0].dice), "Frames with the lowest Dice, the worst first")
    return png_bytes(picture, made_here() | mark_of(private=private), SMALL)


def _badness(frame: FrameScore) -> tuple[bool, float]:
    """What frames are ordered by, the worst first: lipid Dice, then those without lipid by the mean of their Dice."""
    dices = _dices(frame)
    defined = [dice for dice in dices.values() if dice is not None]
    mean = float(np.mean(defined)) if defined else 1.0
    lipid = dices.get(LIPID, mean)
    return (lipid is None, mean if lipid is None else lipid)


def _dices(frame: FrameScore) -> dict[str, float | None]:
    return {name: overlap.dice for name, overlap in frame.overlaps.items()}
