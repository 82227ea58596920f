"""One case of a cohort in a worker: what `octseg predict` does for its input, and the manifest of what came of it."""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octseg.cohort.cases import Case, Look
from octseg.cohort.coordinator import Outcome
from octseg.cohort.folder import CohortFolder
from octseg.commands.cohort_cases import Looking, found_of
from octseg.commands.frame_range import FrameRange
from octseg.commands.models import loaded
from octseg.commands.picture_runs import in_range, runs_in
from octseg.commands.predict import MeasuringOptions, PredictOptions, Ran, segment_found
from octseg.errors import HeldError, OctsegError, ReadError


@dataclass(frozen=True, kw_only=True)
class WorkOptions(MeasuringOptions):
    """What all cases are done with; spacings and frames are a case's own."""

    root: Path

    @property
    def flags(self) -> dict[str, Any]:
        """Those that results depend on; what the model is, a result says."""
        names = ("preset", "overlays", "uncertainty", "smooth")
        return {**{name: getattr(self, name) for name in names}, "exports": list(self.exports)}

    def of(self, case: Case, out: Path) -> PredictOptions:
        """As `octseg predict` is asked for a case."""
        return PredictOptions(
            inputs=(case.path,),
            out=out,
            frames=FrameRange.said(case.frames),
            pixel_spacing_mm=case.pixel_spacing_mm,
            frame_spacing_mm=case.frame_spacing_mm,
            **self.shared(),
        )


class CaseWorker:
    """A model, and what it does with cases."""

    def __init__(self, options: WorkOptions) -> None:
        from octseg.export.provenance import run_record

        self._options = options
        self._segmenter = loaded(options.model, options.device, options.backend, options.precision)
        of = self._segmenter
        self.run = run_record(of.identity, of.device, of.backend, of.precision)
        self._folder = CohortFolder(options.root, is_there=True)
        self._looking = Looking(options.root)

    def __call__(self, case: Case, out: Path) -> Outcome:
        """Make the results of a case in `out`."""
        self._folder.run = self._folder.run or self._folder.agreed()
        look = self._looking(case)
        if look.problem:
            return Outcome("missing", look.problem)
        try:
            return self._made(case, out, look)
        except HeldError as error:
            return Outcome("held", str(error))
        except ReadError as error:
            return self._failed(case, look, str(error))
        except OctsegError as error:
            return Outcome("stopped" if isinstance(error.__cause__, OSError) else "failed", str(error))
        except MemoryError:
            raise
        except Exception as error:  # a bug of ours is one case's, and its traceback is the report
            traceback.print_exc()
            return Outcome("died", f"{type(error).__name__} while it was made")

    def _made(self, case: Case, out: Path, look: Look) -> Outcome:
        found = found_of(case, self._options.root)
        options = self._options.of(case, out)
        runs = runs_in(found.items, options.frame_spacing_mm)
        items = in_range(found, options.frames, runs.numbers)
        ran = Ran()
        self._folder.begin_partial(case)
        if items:
            segment_found(options, found, items, runs, self._segmenter, ran, _silent, lambda _: None)
        if ran.failures and self._looking(case) != look:
            return Outcome("missing", "its files went away or changed while they were read; the same command goes on")
        if not ran.frame_count:
            reason = "; ".join(ran.failures or found.failures) or "no frame of it can be read"
            return Outcome("failed", reason)
        self._folder.write_manifest(case, look, ran.failures)
        return Outcome("made", failures=tuple(ran.failures))

    def _failed(self, case: Case, look: Look, said: str) -> Outcome:
        if self._looking(case) != look:
            return Outcome("missing", "its files went away or changed while they were read; the same command goes on")
        return Outcome("failed", said)


class _Silent:
    """Stands where a bar would be watched."""

    total = 0

    def update(self) -> None:
        """Nobody watches."""

    def write(self, line: str, file: Any = None) -> None:
        """Nobody reads."""


@contextmanager
def _silent(_total: int, _done: int) -> Iterator[_Silent]:
    yield _Silent()


def make_worker(options: WorkOptions) -> CaseWorker:
    """In a process of its own."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    return CaseWorker(options)
