import numpy as np
from scipy import stats

from neuromm.maths.noise import BLOCK, block_generators, normal_from_seeds, stable_seed, uniform_from_seeds


def test_a_row_depends_on_its_own_seed_only():
    seeds = np.arange(1000, 1100)
    whole = normal_from_seeds(seeds, 5)
    assert (normal_from_seeds(seeds[40:41], 5) == whole[40:41]).all()
    assert (normal_from_seeds(seeds[::-1], 5) == whole[::-1]).all()


def test_normal_numbers_from_neighbouring_seeds_are_normal_and_uncorrelated():
    z = normal_from_seeds(np.arange(20_000), 4)
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.001
    assert np.abs(np.corrcoef(z.T) - np.eye(4)).max() < 0.03
    assert abs(np.corrcoef(z[:-1, 0], z[1:, 0])[0, 1]) < 0.03


def test_streams_of_one_seed_are_independent():
    seeds = np.arange(20_000)
    assert abs(np.corrcoef(normal_from_seeds(seeds, 1, 1)[:, 0], normal_from_seeds(seeds, 1, 2)[:, 0])[0, 1]) < 0.03


def test_uniform_numbers_are_never_zero_or_one():
    u = uniform_from_seeds(np.arange(100_000), 2)
    assert u.min() > 0 and u.max() < 1


def test_a_stable_seed_is_the_same_everywhere():
    assert stable_seed("observer", "cuppini2017") == 2408933840436621535
    assert stable_seed("a", "b") != stable_seed("ab")


def test_blocks_begin_alike_whatever_the_length_of_the_table():
    short = block_generators(np.random.default_rng(3), 10)
    long = block_generators(np.random.default_rng(3), 10 * BLOCK + 1)
    assert len(short) == 1 and len(long) == 11
    assert (short[0][1].standard_normal(7) == long[0][1].standard_normal(7)).all()
    assert [s.stop - s.start for s, _ in long] == [BLOCK] * 10 + [1]
