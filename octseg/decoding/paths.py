"""The best border around a circle: for each ray a place along it, as likely as can be and near those of its neighbours.

Dynamic programming over a ring of rays with a cost that grows with the step from ray to ray up to a limit, so that a
side branch may open at once. Messages run around both ways until what they began with is forgotten; what they say
together of a ray is the greatest gain of any closed path through each of its places (for the distance transforms:
Felzenszwalb and Huttenlocher 2012, doi:10.4086/toc.2012.v008a019).
"""

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
    never = np.full(gain.shape[:2], -np.inf, np.float32)
    through, _ = _marginals(gain, never, step_cost, greatest_cost, 0.0)
    return np.asarray(through.argmax(axis=2))


def best_stretches(
    gain: Gain, step_cost: float, greatest_cost: float, end_cost: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Places (rays, N) of a path that may be absent on some rays, and where it is there, (rays, N).

    Args:
        gain: as for `best_places`; an absent path gains 0.
        end_cost: of each end of a stretch on which the path is there.
    """
    absent = np.zeros(gain.shape[:2], np.float32)
    through, without = _marginals(gain, absent, step_cost, greatest_cost, end_cost)
    return through.argmax(axis=2), through.max(axis=2) > without


def _marginals(gain: Gain, absent: Gain, step_cost: float, greatest_cost: float, end_cost: float) -> tuple[Gain, Gain]:
    """Greatest gain of any closed path through each place (rays, N, places), and through none on a ray (rays, N)."""
    rays, count, places = gain.shape
    start = int(rays * FORGETTING)
    steps = np.arange(-start, rays)
    ahead, back = steps % rays, (-1 - steps) % rays
    gains = np.stack([gain[ahead], gain[back]], axis=1)  # of each step: clockwise, counterclockwise
    absents = np.stack([absent[ahead], absent[back]], axis=1)
    ramp = np.float32(step_cost) * np.arange(places, dtype=np.float32)
    ramps = np.stack([ramp, -ramp[::-1]])[:, None, None]  # for what comes from nearer, and from farther places
    there = np.zeros((2, count, places), np.float32)  # messages
    nowhere = np.zeros((2, count), np.float32)
    arrived = np.empty((rays, 2, count, places), np.float32)
    arrived_nowhere = np.empty((rays, 2, count), np.float32)
    raised, moved = np.empty((2, 2, count, places), np.float32), np.empty((2, 2, count, places), np.float32)
    for number in range(len(steps)):
        if number >= start:
            arrived[number - start], arrived_nowhere[number - start] = there, nowhere
        there += gains[number]
        nowhere += absents[number]
        best = there.max(axis=2)
        raised[0], raised[1] = there, there[..., ::-1]
        raised += ramps
        np.maximum.accumulate(raised, axis=-1, out=moved)
        moved -= ramps
        np.maximum(moved[0], moved[1, ..., ::-1], out=there)
        floor = np.maximum(best - np.float32(greatest_cost), nowhere - np.float32(end_cost))
        np.maximum(there, floor[..., None], out=there)
        nowhere = np.maximum(nowhere, best - np.float32(end_cost))
        least = np.maximum(nowhere, best)  # gains are compared, so a constant may be taken off
        there -= least[..., None]
        nowhere -= least
    return arrived[:, 0] + arrived[::-1, 1] + gain, arrived_nowhere[:, 0] + arrived_nowhere[::-1, 1] + absent
