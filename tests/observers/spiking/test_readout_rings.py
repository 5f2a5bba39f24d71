"""Read-outs of spike counts on a ring, on counts made by hand."""

import numpy as np
import pytest

from neuromm.observers.spiking.readout_rings import LEAST_PEAK, CausesReadout, EventsReadout, PlaceReadout

N = 60


def bump(place, width=4.0, top=20.0):
    """A hill of spikes around a cell of the ring."""
    away = (np.arange(N) - place + N / 2) % N - N / 2
    return top * np.exp(-0.5 * (away / width) ** 2)


def test_a_hill_is_read_where_it_is_also_across_the_end_of_the_ring():
    readout = PlaceReadout.fit(np.array([bump(10), bump(50)]), np.array([10, 50]))
    places = np.array([0.0, 0.3, 17.0, 30.4, 44.75, 59.0, 59.8])
    read = readout(np.array([bump(p) for p in places]))
    assert ((read >= 0) & (read < N)).all()
    np.testing.assert_allclose((read - places + N / 2) % N - N / 2, 0, atol=0.02)
    assert np.isnan(readout(np.zeros((1, N)))).all()


def test_a_template_is_as_wide_to_the_left_as_to_the_right():
    lopsided = bump(20) + bump(23, top=10)
    template = PlaceReadout.fit(lopsided[None], np.array([20])).log_template
    np.testing.assert_allclose(template[1:], template[1:][::-1])
    even = (np.roll(lopsided, -20) + np.roll(np.roll(lopsided, -20)[::-1], 1)) / 2
    np.testing.assert_allclose(template, np.log(even + 0.02 * even.max()))
    with pytest.raises(ValueError, match="no cell fired"):
        PlaceReadout.fit(np.zeros((2, N)), [1, 2])


def test_causes_are_hills_higher_than_the_second_peaks_of_one_cause():
    alone = np.array([bump(10 + k) + bump(40, 2.0, top) for k, top in enumerate((3.0, 4.0, 5.0))])
    readout = CausesReadout.fit(alone, smoothing=0.5)
    # a Gaussian of sd 2 smoothed by one of .5 is 2/√4.25 as high
    assert readout.height == pytest.approx(np.quantile([3, 4, 5], 0.95) * 2 / np.sqrt(4.25), rel=0.01)
    assert readout.smoothing == 0.5
    two = np.array([bump(10) + bump(40), bump(10) + bump(40, 2.0, 3.0), bump(10) + bump(40, 2.0, 12.0), 0 * bump(1)])
    np.testing.assert_array_equal(readout(two), [2, 1, 2, 0])


def test_without_a_second_peak_the_least_height_is_a_tenth_of_a_lone_events():
    readout = CausesReadout.fit(np.array([bump(10), bump(30), bump(50)]), smoothing=0.5)
    assert readout.height == pytest.approx(LEAST_PEAK * 20 * 4 / np.sqrt(16.25), rel=0.01)


def pulses(*times, top=10.0):
    at = np.arange(200)
    return sum(top * np.exp(-0.5 * ((at - t) / 5.0) ** 2) for t in times)


def test_events_are_counted_by_the_height_that_counts_best_on_one_and_two():
    """A ripple of a third of an event is in each trial: least heights above it and below 1 all count right."""
    one = [pulses(60) + pulses(150, top=10 / 3) for _ in range(3)]
    two = [pulses(60, 110, top=20.0) + pulses(150, top=10 / 3) for _ in range(3)]  # a lone event sets the scale
    readout = EventsReadout.fit(np.array(one + two), np.array([1, 1, 1, 2, 2, 2]), smoothing=2.0)
    top = 10 * 5 / np.sqrt(29)  # a Gaussian of sd 5 smoothed by one of 2
    shares = np.linspace(LEAST_PEAK, 0.9, 33)
    assert readout.height == pytest.approx(shares[shares > 1 / 3].mean() * top, rel=0.01)
    counted = readout(np.array([pulses(60), pulses(60, 110), pulses(30, 90, 150), 0 * pulses(60)]))
    np.testing.assert_array_equal(counted, [1, 2, 3, 0])
