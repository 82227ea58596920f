"""A training's figures and pictures in trackio: a local project, shown by `trackio show`.

Nothing leaves the machine, unless TRACKIO_SPACE_ID or TRACKIO_SERVER_URL say where to; for private data that is
refused, and their pictures are not handed to trackio at all.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from octseg.errors import ConfigError
from octseg.export.files import write_file
from train.learning.loop import Report
from train.learning.recipe import Recipe
from train.learning.state import states_in
from train.learning.watching import Look

TRACKED_FILE = "trackio.json"  # the name of the run in trackio, so that it is gone on with
ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")


@dataclass
class Tracker:
    """What is told to trackio. Its run begins with the first report, when no other process trains in the folder.

    config: what trackio shows of the run. private: only figures are told.
    """

    trackio: ModuleType
    project: str
    name: str
    out: Path
    recipe: Recipe
    config: Mapping[str, Any]
    private: bool
    _run: Any = field(default=None, init=False)
    _first_step: int = field(default=0, init=False)

    def report(self, report: Report) -> None:
        """Loss, rate and learning rate of a report of the loop."""
        step = self.recipe.run_step(int(report["stage"]), int(report["step"]))
        self._log({name: figure for name, figure in report.items() if name not in ("stage", "step")}, step)

    def look(self, look: Look, picture: Path) -> None:
        """Figures of a look at validation frames, and its picture where that is not private."""
        figures: dict[str, Any] = {f"validation/dice_{name}": dice for name, dice in look.dice.items()}
        figures |= {"validation/lipid_arc_dice": look.lipid_arc_dice, "validation/score": look.score}
        told = {name: figure for name, figure in figures.items() if figure is not None}
        if not self.private:
            told["validation/frames"] = self.trackio.Image(str(picture), caption=picture.stem)
        self._log(told, look.run_step)

    def close(self) -> None:
        """Bring all that was told to the disk."""
        if self._run is not None:
            self.trackio.finish()

    def _log(self, told: Mapping[str, Any], step: int) -> None:
        if self._run is None:
            self._begin()
        if step >= self._first_step:  # steps that are run again after a stop stand there already
            self._run.log(dict(told), step=step)

    def _begin(self) -> None:
        write_file(self.out / TRACKED_FILE, json.dumps({"project": self.project, "name": self.name}).encode())
        self._run = self.trackio.init(
            self.project,
            self.name,
            config=dict(self.config),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        # One more than the last it knows, 0 for a new run; it tells in no public way, wherever its runs lie.
        self._first_step = self._run._next_step


def open_tracker(project: str, out: Path, recipe: Recipe, config: Mapping[str, Any], *, private: bool) -> Tracker:
    """A tracker; ConfigError where trackio is not installed, or where it would send what is private."""
    try:
        import trackio
        import trackio.run
        import trackio.sqlite_storage
    except ImportError as error:
        raise ConfigError(
            "--track needs the package trackio: pip install trackio; without --track, log.jsonl holds the same figures"
        ) from error
    elsewhere = [name for name in ELSEWHERE if os.environ.get(name)]
    if elsewhere and private:
        raise ConfigError(f"the data are private and {elsewhere[0]} would have trackio send what it is told; unset it")
    if not elsewhere:
        # It asks the Hub who is signed in, to note the name, and has no switch for that: so it has no name to note.
        trackio.run._get_default_namespace = _nobody  # type: ignore[attr-defined]
    try:
        trackio.sqlite_storage.SQLiteStorage.validate_project_name(project)
    except ValueError as error:
        raise ConfigError(f"trackio does not take the project's name: {error}") from error
    return Tracker(trackio, project, _run_name(out, project), out, recipe, config, private)


def _run_name(out: Path, project: str) -> str:
    """The name that the run goes by in trackio, a new one where the training begins."""
    if states_in(out) and (out / TRACKED_FILE).exists():
        known = json.loads((out / TRACKED_FILE).read_text())
        if known["project"] == project:
            return str(known["name"])
    return f"{out.resolve().name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _nobody() -> str:
    raise LookupError("a local run has no user")
