"""The best border around a circle: for each ray a place along it, as likely as can be and near those of its neighbours.

Dynamic programming over a ring of rays with a cost that grows with the step from ray to ray up to a limit, so that a
side branch may open at once. Messages run around both ways until what they began with is forgotten; what they say
together of a ray is the greatest gain of any closed path through each of its places (for the distance transforms:
Felzenszwalb and Huttenlocher 2012, doi:10.4086/toc.2012.v008a019). Where a beginning is forgotten within a quarter of a
turn, so is that of a sector: all sectors are run at once, each from a quarter of a turn before it. Whether a path is
there at all is remembered longer, where little speaks for or against it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Gain = NDArray[np.float32]
FORGETTING = 0.25  # part of a turn that messages run before they count
REMEMBERING = 1.0  # the same, where a path may be absent
SECTORS = 4  # of a turn, run at once
LIFT = 2.0**12  # added to gains: floats above 0 are ordered as the whole numbers that have their bits, whose running
# maxima NumPy finds in a third of the time. What is less by so much than the best is taken for its limit anyway.


def best_places(gain: Gain, step_cost: float, greatest_cost: float) -> NDArray[np.intp]:
    """Places (rays, N) of the closed path of greatest gain, for N frames at once.

    Args:
        gain: (rays, N, places) of each place on each ray; -inf where a path may not go.
        step_cost: of one place's difference between neighbouring rays. greatest_cost: of any difference.
    """
    messages = _Messages(gain, step_cost, SECTORS, FORGETTING)
    arrived, there = messages.arrived, messages.there
    for at, gains in messages.steps():
        if at >= 0:
            arrived[at] = there
        there += gains
        best = np.maximum.reduce(there, axis=-1, keepdims=True)
        messages.move()
        np.maximum(there, best - np.float32(greatest_cost), out=there)
        there -= best  # gains are compared, so a constant may be taken off
    return np.asarray(messages.first + messages.through().argmax(axis=2))


def best_stretches(
    gain: Gain, step_cost: float, greatest_cost: float, end_cost: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Places (rays, N) of a path that may be absent on some rays, and where it is there, (rays, N).

    Args:
        gain: as for `best_places`; an absent path gains 0.
        end_cost: of each end of a stretch on which the path is there.
    """
    messages = _Messages(gain, step_cost, 2, REMEMBERING)
    arrived, there = messages.arrived, messages.there
    nowhere = np.zeros((*there.shape[:-1], 1), np.float32)
    arrived_nowhere = np.empty((len(arrived), *nowhere.shape), np.float32)
    for at, gains in messages.steps():
        if at >= 0:
            arrived[at], arrived_nowhere[at] = there, nowhere
        there += gains
        best = np.maximum.reduce(there, axis=-1, keepdims=True)
        messages.move()
        np.maximum(there, np.maximum(best - np.float32(greatest_cost), nowhere - np.float32(end_cost)), out=there)
        nowhere = np.maximum(nowhere, best - np.float32(end_cost))
        least = np.maximum(nowhere, best)
        there -= least
        nowhere -= least
    through, without = messages.through(), messages.met(arrived_nowhere)[..., 0]
    return messages.first + through.argmax(axis=2), through.max(axis=2) > without


def _where_any_may_go(gain: Gain) -> slice:
    """The places, of those of a gain (rays, N, places), outside of which it is -inf on every ray; all if it is that."""
    places = np.flatnonzero(gain.max(axis=(0, 1)) > -np.inf)
    return slice(places[0], places[-1] + 1) if places.size else slice(0, gain.shape[2])


class _Messages:
    """What each place hears of the best path up to its ray, run around the circle both ways, in all sectors at once.

    first: the place of the gain that is the first of those here.
    there: (2, sectors, N, places), clockwise and counterclockwise, where the runs have come to. arrived: (steps, 2,
    sectors, N, places), kept by whoever runs: what came to each ray of a sector, whose own gain is not in it;
    counterclockwise from the last ray on.
    """

    def __init__(self, gain: Gain, step_cost: float, sectors: int, before: float) -> None:
        """before: part of a turn that messages run before they count."""
        where = _where_any_may_go(gain)
        ramp = (step_cost * np.arange(gain.shape[2]))[where]
        gain = gain[..., where]
        rays, count, places = gain.shape
        self._gain, self.first = gain, where.start
        self._sectors, self._before = sectors, int(rays * before)
        self._steps = -(-rays // sectors)  # in the last sector some rays may be those of the first again
        # For what comes from nearer, from farther places.
        self._ramps = np.stack([ramp, -ramp[::-1]])[:, None, None, None] + LIFT
        self.there = np.zeros((2, sectors, count, places), np.float32)
        self.arrived = np.empty((self._steps, *self.there.shape), np.float32)
        self._raised, self._moved = np.empty((2, 2, *self.there.shape), np.float64)
        self._raised_bits, self._moved_bits = self._raised.view(np.int64), self._moved.view(np.int64)

    def steps(self) -> Iterator[tuple[int, Gain]]:
        """Each step: its place in `arrived`, below 0 while the beginning counts; its gains (2, sectors, N, places)."""
        rays = len(self._gain)
        steps = np.arange(-self._before, self._steps)
        along = steps[:, None] + self._steps * np.arange(self._sectors)
        gains = self._gain[np.stack([along, -1 - along], axis=1) % rays]
        return zip(map(int, steps), gains, strict=True)

    def move(self) -> None:
        """Have each place hear the best of all others, less what the step from there costs."""
        there, raised, moved, ramps = self.there, self._raised, self._moved, self._ramps
        np.add(there, ramps[0], out=raised[0])
        np.add(there[..., ::-1], ramps[1], out=raised[1])
        np.fmax.accumulate(self._raised_bits, axis=-1, out=self._moved_bits)
        moved -= ramps
        np.maximum(moved[0], moved[1, ..., ::-1], out=there, casting="same_kind")

    def met(self, arrived: Gain) -> Gain:
        """What came to each ray both ways (rays, N, ...), from (steps, 2, sectors, N, ...)."""
        rays = len(self._gain)
        clockwise, back = (arrived[:, way].swapaxes(0, 1).reshape(-1, *arrived.shape[3:])[:rays] for way in (0, 1))
        return np.asarray(clockwise + back[::-1])

    def through(self) -> Gain:
        """Greatest gain of any closed path through each place (rays, N, places)."""
        return np.asarray(self.met(self.arrived) + self._gain, np.float32)
