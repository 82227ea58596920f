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
    ramp = np.float32(step_cost) * np.arange(places, dtype=np.float32)
    there = np.zeros((2, count, places), np.float32)  # messages: clockwise, counterclockwise
    nowhere = np.zeros((2, count), np.float32)
    arrived = np.empty((2, rays, count, places), np.float32)
    arrived_nowhere = np.empty((2, rays, count), np.float32)
    for step in range(-start, rays):
        ahead, back = step % rays, (-1 - step) % rays
        if step >= 0:
            arrived[0, ahead], arrived[1, back] = there
            arrived_nowhere[0, ahead], arrived_nowhere[1, back] = nowhere
        there[0] += gain[ahead]
        there[1] += gain[back]
        nowhere[0] += absent[ahead]
        nowhere[1] += absent[back]
        best = there.max(axis=2)
        up = np.maximum.accumulate(there + ramp, axis=2) - ramp
        down = np.maximum.accumulate((there - ramp)[..., ::-1], axis=2)[..., ::-1] + ramp
        floor = np.maximum(best - np.float32(greatest_cost), nowhere - np.float32(end_cost))
        nowhere = np.maximum(nowhere, best - np.float32(end_cost))
        there = np.maximum(np.maximum(up, down), floor[..., None])
        least = np.maximum(nowhere, best)[..., None]  # gains are compared, so a constant may be taken off
        there -= least
        nowhere -= least[..., 0]
    return arrived.sum(axis=0) + gain, arrived_nowhere.sum(axis=0) + absent
