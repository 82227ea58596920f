"""The best border around a circle: for each ray a place along it, as likely as can be and near those of its neighbours.

Dynamic programming over a ring of rays with a cost that grows with the step from ray to ray up to a limit, so that a
side branch may open at once. Messages run around both ways until what they began with is forgotten; what they say
together of a ray is the greatest gain of any closed path through each of its places (for the distance transforms:
Felzenszwalb and Huttenlocher 2012, doi:10.4086/toc.2012.v008a019).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Gain = NDArray[np.float32]
FORGETTING = 0.25  # part of a turn that messages run before they count


def best_places(gain: Gain, step_cost: float, greatest_cost: float) -> NDArray[np.intp]:
    """Places (rays, N) of the closed path of greatest gain, for N frames at once.

    Args:
        gain: (rays, N, places) of each place on each ray; -inf where a path may not go.
        step_cost: of one place's difference between neighbouring rays. greatest_cost: of any difference.
    """
    messages = _Messages(gain, step_cost)
    arrived, there = messages.arrived, messages.there
    for at, gains in messages.steps():
        if at >= 0:
            arrived[at] = there
        there += gains
        best = np.maximum.reduce(there, axis=2, keepdims=True)
        messages.move()
        np.maximum(there, best - np.float32(greatest_cost), out=there)
        there -= best  # gains are compared, so a constant may be taken off
    return np.asarray(messages.through().argmax(axis=2))


def best_stretches(
    gain: Gain, step_cost: float, greatest_cost: float, end_cost: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Places (rays, N) of a path that may be absent on some rays, and where it is there, (rays, N).

    Args:
        gain: as for `best_places`; an absent path gains 0.
        end_cost: of each end of a stretch on which the path is there.
    """
    messages = _Messages(gain, step_cost)
    arrived, there = messages.arrived, messages.there
    nowhere = np.zeros((*there.shape[:2], 1), np.float32)
    arrived_nowhere = np.empty((len(gain), *nowhere.shape), np.float32)
    for at, gains in messages.steps():
        if at >= 0:
            arrived[at], arrived_nowhere[at] = there, nowhere
        there += gains
        best = np.maximum.reduce(there, axis=2, keepdims=True)
        messages.move()
        np.maximum(there, np.maximum(best - np.float32(greatest_cost), nowhere - np.float32(end_cost)), out=there)
        nowhere = np.maximum(nowhere, best - np.float32(end_cost))
        least = np.maximum(nowhere, best)
        there -= least
        nowhere -= least
    through, without = messages.through(), (arrived_nowhere[:, 0] + arrived_nowhere[::-1, 1])[..., 0]
    return through.argmax(axis=2), through.max(axis=2) > without


class _Messages:
    """What each place hears of the best path up to its ray, run around the circle both ways.

    there: (2, N, places), clockwise and counterclockwise, where a run has come to. arrived: (rays, 2, N, places), kept
    by whoever runs: what came to each ray, whose own gain is not in it; counterclockwise from the last ray on.
    """

    def __init__(self, gain: Gain, step_cost: float) -> None:
        rays, count, places = gain.shape
        self._gain = gain
        ramp = np.float32(step_cost) * np.arange(places, dtype=np.float32)
        self._ramps = np.stack([ramp, -ramp[::-1]])[:, None, None]  # for what comes from nearer, from farther places
        self.there = np.zeros((2, count, places), np.float32)
        self.arrived = np.empty((rays, 2, count, places), np.float32)
        self._raised, self._moved = np.empty((2, 2, 2, count, places), np.float32)

    def steps(self) -> Iterator[tuple[int, Gain]]:
        """Each step's place in `arrived`, below 0 while the beginning still counts, and its gains (2, N, places)."""
        rays = len(self._gain)
        start = int(rays * FORGETTING)
        steps = np.arange(-start, rays)
        gains = np.stack([self._gain[steps % rays], self._gain[(-1 - steps) % rays]], axis=1)
        return zip(range(-start, rays), gains, strict=True)

    def move(self) -> None:
        """Have each place hear the best of all others, less what the step from there costs."""
        there, raised, moved = self.there, self._raised, self._moved
        raised[0], raised[1] = there, there[..., ::-1]
        raised += self._ramps
        np.maximum.accumulate(raised, axis=-1, out=moved)
        moved -= self._ramps
        np.maximum(moved[0], moved[1, ..., ::-1], out=there)

    def through(self) -> Gain:
        """Greatest gain of any closed path through each place (rays, N, places)."""
        return np.asarray(self.arrived[:, 0] + self.arrived[::-1, 1] + self._gain, np.float32)
