"""Rings against loops, scipy and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from neuromm.maths import ring


@given(st.integers(2, 40), st.floats(-100, 100))
def test_ring_distance_is_the_shorter_way_round(n, position):
    steps = np.arange(-5, 6) * n
    brute = [min(abs(j - position % n + s) for s in steps) for j in range(n)]
    np.testing.assert_allclose(ring.ring_distance(n, position), brute, atol=1e-9)


def test_ring_distance_is_batched_and_keeps_nan():
    distance = ring.ring_distance(6, np.array([[0.0, 5.5], [np.nan, 3.0]]))
    assert distance.shape == (2, 2, 6)
    np.testing.assert_allclose(distance[0, 1], [0.5, 1.5, 2.5, 2.5, 1.5, 0.5])
    assert np.isnan(distance[1, 0]).all()


def test_mexican_hat_matches_a_loop_over_cells():
    n = 12
    brute = np.zeros((n, n))
    for j in range(n):
        for k in range(n):
            d = min(abs(j - k), n - abs(j - k))
            if d:
                brute[j, k] = 5 * np.exp(-(d**2) / (2 * 3**2)) - 4 * np.exp(-(d**2) / (2 * 120**2))
    np.testing.assert_allclose(ring.circulant(ring.mexican_hat(n, 5, 3, 4, 120)), brute, atol=1e-12)


def test_gaussian_projection_has_its_peak_on_the_diagonal():
    matrix = ring.circulant(ring.gaussian_projection(8, 18, 0.5))
    assert np.allclose(np.diag(matrix), 18) and np.allclose(matrix, matrix.T)
    assert matrix[0, 7] == pytest.approx(18 * np.exp(-2))


def test_bumps_shift_with_their_position_and_are_silent_where_absent():
    bumps = ring.bump(20, np.array([3.25, 8.25, np.nan]), np.array([2.0, 2.0, 2.0]), 5.0)
    np.testing.assert_allclose(np.roll(bumps[0], 5), bumps[1], atol=1e-12)
    assert bumps.shape == (3, 20) and not bumps[2].any()
    assert bumps[0, 3] == pytest.approx(5 * np.exp(-(0.25**2) / 8))


@pytest.mark.parametrize("position", [0.0, 3.5, 19.0, 19.5])
def test_peak_and_population_vector_find_a_bump_anywhere_on_the_ring(position):
    profile = ring.bump(20, position, 2.0)
    assert ring.peak_cell(profile)[0] == pytest.approx(position)
    cell, length = ring.population_vector(profile)
    assert cell[0] == pytest.approx(position, abs=1e-9) and 0 < length[0] < 1


def test_peak_of_a_plateau_is_its_middle_even_across_the_seam():
    profile = np.zeros((3, 10))
    profile[0, 2:5] = profile[1, [9, 0]] = 1
    np.testing.assert_array_equal(ring.peak_cell(profile), [3, 9.5, np.nan])


def test_barycentre_is_the_centre_of_mass():
    profile = np.array([[0, 1, 0, 3.0], [0, 0, 0, 0]])
    np.testing.assert_allclose(ring.barycentre(profile), [(1 + 9) / 4, np.nan])


def test_peaks_equal_scipy_on_every_row():
    rng = np.random.default_rng(1)
    profiles = np.clip(rng.random((40, 60)).cumsum(1) % 1.0 * rng.random((40, 1)), 0, 1)
    count, cells, heights = ring.find_peaks(profiles, 0.15)
    for row, n, where, height in zip(profiles, count, cells, heights, strict=True):
        expected, found = signal.find_peaks(row, height=0.15, prominence=0.15)
        np.testing.assert_array_equal(where, expected)
        np.testing.assert_array_equal(height, found["peak_heights"])
        assert n == len(expected)


def test_wrapped_peaks_count_the_same_wherever_the_ring_is_cut():
    profile = ring.bump(30, 4, 1.5) + 0.6 * ring.bump(30, 17, 1.5)
    turned = np.concatenate([np.roll(profile, k, 1) for k in range(30)])
    count, cells, heights = ring.find_peaks(turned, 0.15, wrap=True)
    assert (count == 2).all()
    for k, where in enumerate(cells):
        assert set(where) == {(4 + k) % 30, (17 + k) % 30}
    np.testing.assert_allclose([sorted(h) for h in heights], [[0.6, 1.0]] * 30, atol=1e-9)
    assert (ring.find_peaks(turned, 0.15)[0] < 2).any()  # cut open at cell 0 a peak at the seam is missed


def tops_of_the_definition(row, height):
    """Count by walking: a peak falls by `height` on either side before a higher sample, or an earlier equal one."""

    def falls(i, step):
        for j in range(i + step, len(row) if step > 0 else -1, step):
            if row[i] - row[j] >= height:
                return True
            if row[j] > row[i] or (step < 0 and row[j] == row[i]):
                return False
        return False

    return sum(row[i] >= height and falls(i, -1) and falls(i, 1) for i in range(len(row)))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 4))
def test_tops_parted_by_a_small_dip_are_one_peak(values, height):
    """Plateaus, ties and edges: whole numbers have many of each."""
    count, cells, heights = ring.find_peaks([values], height)
    assert count[0] == tops_of_the_definition(values, height)
    np.testing.assert_array_equal(np.array(values, float)[cells[0]], heights[0])


@given(st.lists(st.integers(0, 6), min_size=2, max_size=24), st.integers(1, 4))
def test_a_ring_has_the_peaks_of_its_profile_unrolled_at_the_lowest_cell(values, height):
    cut = int(np.argmin(values))
    opened = [*values[cut:], *values[:cut], values[cut]]
    turned = np.array([np.roll(values, k) for k in range(len(values))])
    assert (ring.find_peaks(turned, height, wrap=True)[0] == tops_of_the_definition(opened, height)).all()


def test_noise_on_saturated_tops_makes_no_peaks_and_single_precision_reads_the_same():
    rng = np.random.default_rng(2)
    time = np.arange(600.0)
    drive = [sum(30 * np.exp(-(((time - 60 - lag * k) / 15) ** 2)) for k in range(4)) for lag in (30, 45, 60, 90, 120)]
    noisy = np.array(drive) + rng.standard_normal((5, 600))
    saturated = 1 / (1 + np.exp(-2 * (noisy - 8)))
    counts = [ring.find_peaks(saturated.astype(d), 0.15)[0] for d in ("float64", "float32")]
    np.testing.assert_array_equal(counts[0], [tops_of_the_definition(row, 0.15) for row in saturated.tolist()])
    np.testing.assert_array_equal(counts[0], counts[1])
    by_scipy = [len(signal.find_peaks(row, prominence=0.15)[0]) for row in saturated.astype("float32")]
    assert (np.array(by_scipy) > counts[0]).any()  # ties of single precision, which are counted as several there


def test_a_peak_stands_in_the_middle_of_tops_that_tie():
    profile = np.array([[0, 1, 0.9, 1, 0.95, 1, 0.2, 0.7, 0.0]])
    count, cells, heights = ring.find_peaks(profile, 0.3)
    np.testing.assert_array_equal(cells[0], [3, 7])
    np.testing.assert_array_equal(heights[0], [1, 0.7])
    rounded = profile + np.array([[0, 0, 0, -1e-15, 0, 1e-15, 0, 0, 0]])
    np.testing.assert_array_equal(ring.find_peaks(rounded, 0.3)[1][0], [3, 7])


def test_only_peaks_that_stand_out_compete_for_distance():
    """A ripple on a higher top drops no other peak: tops parted by a small dip are one, wherever its parts are."""
    profile = np.array([[0, 0.8, 0, 0.95, 0.94, 1, 0.0]])
    np.testing.assert_array_equal(ring.find_peaks(profile, 0.15, distance=4)[1][0], [1, 5])
    np.testing.assert_array_equal(ring.find_peaks(profile, 0.15, distance=5)[1][0], [5])
    equal = np.array([[0, 1, 0, 1, 0, 1, 0, 0.5, 0]])
    np.testing.assert_array_equal(ring.find_peaks(equal, 0.15, distance=3)[1][0], [1, 5])
    for distance in (0, 0.4, 1, None):
        assert ring.find_peaks(equal, 0.15, distance=distance)[0] == 4
    across_the_seam = np.array([[0, 1, 0, 0, 0.5, 0, 0, 0.8]])
    np.testing.assert_array_equal(ring.find_peaks(across_the_seam, 0.15, distance=3, wrap=True)[1][0], [1, 4])


def test_peaks_are_as_far_apart_as_asked_and_as_in_scipy():
    """Smooth profiles without ripples, where the order of the two criteria cannot matter."""
    rng = np.random.default_rng(3)
    tops = rng.uniform(0.3, 1, (60, 25))
    profiles = np.zeros((60, 51))
    profiles[:, 1::2] = tops
    for distance in (2, 3, 5.5, 9):
        for row, cells in zip(profiles, ring.find_peaks(profiles, 0.2, distance=distance)[1], strict=True):
            expected = signal.find_peaks(row, height=0.2, prominence=0.2, distance=distance)[0]
            np.testing.assert_array_equal(cells, expected)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_probability_of_several_is_the_mean_product_over_subsets(heights):
    from itertools import combinations

    products = [np.prod(c) for k in range(2, len(heights) + 1) for c in combinations(heights, k)]
    assert ring.several_probability(heights) == pytest.approx(np.mean(products), abs=1e-9)
    assert ring.single_probability(heights) == pytest.approx(1 - np.mean(products), abs=1e-9)


def test_lone_and_absent_peaks_are_read_as_one_and_none():
    assert ring.several_probability([0.7]) == 0 and ring.single_probability([0.7]) == 0.7
    assert ring.single_probability([]) == 0
