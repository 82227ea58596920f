import numpy as np

from octseg.decoding.paths import best_places, best_stretches

RAYS, PLACES, BEFORE, BEHIND = 200, 40, 7, 13
GAIN = np.random.default_rng(0).standard_normal((RAYS, 1, PLACES)).astype(np.float32)
PADDED = np.pad(GAIN, ((0, 0), (0, 0), (BEFORE, BEHIND)), constant_values=-np.inf)


def test_places_where_no_path_may_go_on_any_ray_move_a_path_by_their_number() -> None:
    np.testing.assert_array_equal(best_places(PADDED, 0.3, 2.0), BEFORE + best_places(GAIN, 0.3, 2.0))


def test_places_where_no_path_may_go_on_any_ray_move_stretches_by_their_number() -> None:
    places, there = best_stretches(GAIN - 1, 0.3, 2.0, 1.0)
    of_padded, there_of_padded = best_stretches(PADDED - 1, 0.3, 2.0, 1.0)
    assert 0 < there.sum() < RAYS
    np.testing.assert_array_equal(there_of_padded, there)
    np.testing.assert_array_equal(of_padded[there], BEFORE + places[there])


def test_a_path_that_may_go_nowhere_is_nowhere() -> None:
    _, there = best_stretches(np.full_like(GAIN, -np.inf), 0.3, 2.0, 1.0)
    assert not there.any()
