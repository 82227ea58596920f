"""What is measured along a vessel while its frames are corrected, by the code that measures every pullback.

Of the model's outlines each frame is measured once, in a thread that rests while strokes come; of corrected ones after
each stroke, by who corrects. From then on the numbers of the vessel follow from what is kept of its frames.
"""

import threading
import time
from collections.abc import Callable, Mapping

from octseg.correction.measuring import Measuring
from octseg.correction.saved import SavedCase
from octseg.errors import CorrectionError
from octseg.measurement.pullback import FrameAlong, PullbackMeasures, measure_pullback

QUIET_S = 0.7  # after a stroke, in which no other frame is measured
LOOK_S = 0.2


class Following:
    """The vessels of a case; asked from several threads."""

    def __init__(
        self, case: SavedCase, measuring: Callable[[], Measuring], known: Mapping[str, FrameAlong] | None = None
    ) -> None:
        """measuring: a new one, for the thread alone. known: frames that were measured already, by stem."""
        self._case, self._measuring = case, measuring
        self._known: dict[str, FrameAlong] = {
            stem: FrameAlong(frame=record["frame"])
            for stem, record in case.records.items()
            if record["withdrawn"] is not None
        }
        self._known.update(known or {})
        self._failed: dict[str, str] = {}  # vessel -> why
        self._wanted: list[str] = []
        self._thread: threading.Thread | None = None
        self._changing, self._stopped, self._stroke_at = threading.Lock(), threading.Event(), 0.0

    def rest(self) -> None:
        """A stroke came: other frames wait for a while."""
        self._stroke_at = time.monotonic()

    def left(self, vessel: str) -> int:
        """How many frames of a vessel are still to be measured; those are on their way then.

        Raises CorrectionError where one of them is not there.
        """
        if vessel in self._failed:
            raise CorrectionError(self._failed[vessel])
        left = [stem for stem in self._case.vessels[vessel] if stem not in self._known]
        with self._changing:
            if left and vessel not in self._wanted and not self._stopped.is_set():
                self._wanted.append(vessel)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="octseg-following", daemon=True)
                    self._thread.start()
        return len(left)

    def measures(self, vessel: str, drawn: Mapping[str, FrameAlong]) -> PullbackMeasures:
        """Along a vessel of which nothing is left; drawn: its frames whose outlines are not the model's."""
        along = [drawn.get(stem) or self._known[stem] for stem in self._case.vessels[vessel]]
        return measure_pullback(along, self._case.pullbacks[vessel].get("frame_spacing_mm"))

    def stop(self) -> None:
        """Measure no further frame, and wait for the one under way."""
        self._stopped.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        measuring = self._measuring()
        while (vessel := self._next()) is not None:
            self._measure(vessel, measuring)

    def _next(self) -> str | None:
        with self._changing:
            if self._wanted and not self._stopped.is_set():
                return self._wanted.pop(0)
            self._thread = None
        return None

    def _measure(self, vessel: str, measuring: Measuring) -> None:
        try:
            for stem in self._case.vessels[vessel]:
                if self._stopped_or_rested():
                    return
                if stem not in self._known:
                    self._known[stem] = FrameAlong.of(measuring.original(stem))
        except CorrectionError as error:
            self._failed[vessel] = str(error)

    def _stopped_or_rested(self) -> bool:
        """Whether it is to stop, once no stroke has come for a while."""
        while time.monotonic() - self._stroke_at < QUIET_S and not self._stopped.is_set():
            self._stopped.wait(LOOK_S)
        return self._stopped.is_set()
