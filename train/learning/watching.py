"""A training seen while it runs: its averaged network on a few frames that it is not trained on.

The frames go through the same Segmenter as a user's, with thresholds of 0.5. Each look is a line of log.jsonl and a
picture in pictures/; the averaged weights of the best so far lie in best.safetensors. Nothing of the training is
touched: no generator is drawn from, no weight is changed.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as save_safetensors
from torch import nn

from octseg.checkpoint import Checkpoint, CheckpointConfig
from octseg.comparison.figures import rounded
from octseg.comparison.limiting import LIPID, Planes
from octseg.comparison.overlap import Overlap, pooled
from octseg.dataset.publishing import mark_of
from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.pictures import SMALL, png_bytes
from octseg.export.provenance import made_here
from octseg.model import DeepLabV3Plus
from octseg.result import ModelIdentity
from octseg.segmenter import Segmenter
from train.dataset import Case, Data, open_data
from train.judging.judge import refuse_seen
from train.judging.lipid_score import judged_planes, lipid_arcs
from train.judging.panels import compared, sheet, told
from train.judging.scores import DIGITS
from train.learning.loop import LOG_FILE
from train.learning.recipe import Recipe
from train.preparing.preview import spread

BEST_FILE, PICTURES = "best.safetensors", "pictures"
SPLIT = "validation"
PICTURED = 6  # frames of each picture
SCORE = "mean of the lipid core's pooled Dice and pooled arc-Dice; without that class, mean of the classes' pooled Dice"


@dataclass(frozen=True)
class Look:
    """What one look found.

    run_step: steps of the whole run, `step` of them in `stage`. dice: of each class, pooled over the frames' pixels;
    None where it is neither found nor true. lipid_arc_dice: pooled over their rays; None without lipid core. Lipid
    counts to the depth of `train.evaluate`.
    """

    stage: int
    step: int
    run_step: int
    dice: Mapping[str, float | None]
    lipid_arc_dice: float | None
    n_frames: int
    seconds: float

    @property
    def score(self) -> float | None:
        """`SCORE`, by which the best look is told; None where there was nothing to find and nothing was found."""
        return _mean([self.dice[LIPID], self.lipid_arc_dice] if LIPID in self.dice else list(self.dice.values()))

    @property
    def mean_dice(self) -> float | None:
        """Mean of the classes' pooled Dice."""
        return _mean(list(self.dice.values()))

    def to_line(self) -> dict[str, Any]:
        """Its line of log.jsonl."""
        figures = {"run_step": self.run_step, "dice": dict(self.dice), "lipid_arc_dice": self.lipid_arc_dice}
        figures |= {"score": self.score, "n_frames": self.n_frames, "seconds": self.seconds}
        return {"stage": self.stage, "step": self.step, "validation": rounded(figures, DIGITS)}


def _mean(figures: Sequence[float | None]) -> float | None:
    """Of those that are defined, to four digits."""
    defined = [figure for figure in figures if figure is not None]
    return round(float(np.mean(defined)), 4) if defined else None


@dataclass(frozen=True)
class Best:
    """The look with the greatest score so far, the first of equals."""

    run_step: int
    score: float


@dataclass(frozen=True)
class Watch:
    """An observer for `train.learning.loop.train`.

    config: network and preprocessing of the finished model, with which each look is made whatever the stage's own size.
    every: steps between two looks; one more is made at the run's end. private: pictures are marked as not to be
    published. tell: given each look and its picture.
    """

    out: Path
    recipe: Recipe
    config: CheckpointConfig
    cases: Sequence[Case]
    every: int
    private: bool
    tell: Callable[[Look, Path], object]

    def __call__(self, stage: int, step: int, average: nn.Module) -> float | None:
        """Look where it is time; the mean of the classes' pooled Dice then."""
        run_step = self.recipe.run_step(stage, step)
        if run_step == 1:
            (self.out / BEST_FILE).unlink(missing_ok=True)  # of a run that was begun anew
        if run_step % self.every == 0 or run_step == self.recipe.steps:
            return self._look(stage, step, run_step, average).mean_dice
        return None

    def _look(self, stage: int, step: int, run_step: int, average: nn.Module) -> Look:
        began = time.monotonic()
        identity = ModelIdentity(name=self.out.name, source="folder", sha256="")
        # OpenVINO would take longer to convert the network than it saves on a few frames
        segmenter = Segmenter(Checkpoint(self.config, cast(DeepLabV3Plus, average)), identity, backend="torch")
        results = [segmenter.segment(case.frame, case.pixel_spacing_mm) for case in self.cases]
        judged = [judged_planes(result, case) for result, case in zip(results, self.cases, strict=True)]
        overlaps = [overlaps_of(*planes) for planes in judged]
        dice = {name: pooled([each[name] for each in overlaps]).dice for name in overlaps[0]}
        arcs = [Overlap.of(*lipid_arcs(*planes)) for planes in judged if LIPID in dice]
        seconds = time.monotonic() - began
        look = Look(stage, step, run_step, dice, pooled(arcs).dice, len(self.cases), seconds)
        picture = self.out / PICTURES / f"validation_{run_step:06d}.png"
        self._draw(picture, look, judged, overlaps)
        self._keep_if_best(look, average)
        with told_in_one_sentence(LOG_FILE), (self.out / LOG_FILE).open("a") as log:
            log.write(json.dumps(look.to_line()) + "\n")
        self.tell(look, picture)
        return look

    def _draw(
        self,
        path: Path,
        look: Look,
        judged: Sequence[tuple[Planes, Planes]],
        overlaps: Sequence[Mapping[str, Overlap]],
    ) -> None:
        shown = []
        for place in _spread(self.cases, PICTURED):
            case = self.cases[place]
            words = told({name: each.dice for name, each in overlaps[place].items()})
            shown.append((compared(case.frame, *judged[place]), case.name, words))
        mark = made_here() | mark_of(private=self.private)
        head = f"Step {look.run_step}: {told(look.dice)} (Dice over {look.n_frames} validation frames)"
        picture = sheet(shown, list(look.dice), ("PRIVATE, not to be published. " if self.private else "") + head)
        with told_in_one_sentence(PICTURES):
            path.parent.mkdir(exist_ok=True)
        write_file(path, png_bytes(picture, mark, SMALL))

    def _keep_if_best(self, look: Look, average: nn.Module) -> None:
        best = best_of(self.out)
        if look.score is not None and (best is None or look.score > best.score):
            weights = {name: value.detach().cpu().contiguous() for name, value in average.state_dict().items()}
            metadata = {"run_step": str(look.run_step), "score": str(look.score)}
            write_file(self.out / BEST_FILE, save_safetensors(weights, metadata))


def best_of(run: Path) -> Best | None:
    """The best look of a run so far; None where there was none, or its file is damaged."""
    if not (run / BEST_FILE).exists():
        return None
    try:
        with safe_open(run / BEST_FILE, "pt") as stored:
            told_of = stored.metadata()
    except SafetensorError:
        return None
    return Best(int(told_of["run_step"]), float(told_of["score"]))


def load_best(run: Path, network: nn.Module) -> Best:
    """Put the averaged weights of the best look into the network.

    Raises DatasetError where there was no look.
    """
    best = best_of(run)
    if best is None:
        raise DatasetError(f"no look at validation frames in {run.name} has a score; end with --keep last")
    network.load_state_dict(load_file(run / BEST_FILE), strict=True)
    return best


def overlaps_of(found: Planes, true: Planes) -> dict[str, Overlap]:
    """The overlap of each class that both speak of."""
    return {name: Overlap.of(mask, true[name]) for name, mask in found.items() if name in true}


def validation_data(data: Data, given: Path | None, *, streaming: bool = False) -> Data | None:
    """What a training on `data` is looked at with: what is `given`, else the data's own split.

    None where nothing is given and there is no such split, or where patients lie on both sides of it.

    Raises DatasetError where frames are of a study that is trained on, or bear none of the classes.
    """
    validation = data.other(SPLIT) if given is None else open_data(given, SPLIT, streaming=streaming)
    if validation is None or (given is None and validation.warnings):
        return None
    refuse_seen({"datasets": [data.told]}, validation)
    if not set(validation.classes) & set(data.classes):
        raise DatasetError(f"the validation frames show {', '.join(validation.classes)}, none of the model's classes")
    return validation


def chosen_cases(data: Data, count: int) -> list[Case]:
    """At most `count` frames, spread over studies, three quarters of them with lipid core where there are so many."""
    kinds = [(case.study, _has_lipid(case)) for case in data.cases()]
    places = set(spread([study for study, _ in kinds], [lipid for _, lipid in kinds], count))
    return [case for place, case in enumerate(data.cases()) if place in places]


def _spread(cases: Sequence[Case], count: int) -> list[int]:
    return sorted(spread([case.study for case in cases], [_has_lipid(case) for case in cases], count))


def _has_lipid(case: Case) -> bool:
    return bool(case.truth[LIPID].any()) if LIPID in case.truth else any(mask.any() for mask in case.truth.values())
