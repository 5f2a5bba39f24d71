"""Folded rings and the integrators against dense matrices and closed forms."""

import numpy as np
import pytest
import torch

from neuromm.maths.ring import circulant, gaussian_projection, mexican_hat
from neuromm.observers.rate.integrate import Problem, euler, exponential, exponential_weights, gate_times
from neuromm.observers.rate.rings import Rings


def network_of(n):
    hat, cross, forward = mexican_hat(n, 5, 3, 4, 20), gaussian_projection(n, 1.4, 5), gaussian_projection(n, 18, 0.5)
    return {(0, 0): hat, (1, 1): hat, (0, 1): cross, (1, 0): cross, (2, 0): forward, (2, 1): forward, (2, 2): cross}


def coupled(rings, y, scales=()):
    state = rings.fold(y)
    modes, z, out, zero = (torch.zeros_like(state) for _ in range(4))
    rings.to_modes(state, modes)()
    rings.couple(zero, modes, z, scales)()
    rings.from_modes(z, out)()
    return np.stack([rings.unfold(ring) for ring in out])


@pytest.mark.parametrize("n", [7, 10, 12, 180])
@pytest.mark.parametrize("lopsided", [False, True])
def test_folded_products_equal_dense_matrices(n, lopsided):
    kernels = network_of(n)
    if lopsided:  # rings 0 and 1 are no twins: no sum and difference
        kernels[0, 1] = 0.3 * kernels[0, 1]
        kernels[0, 2] = kernels[2, 2]
    y = np.random.default_rng(n).random((3, 5, n))
    dense = np.zeros_like(y)
    for (to, source), kernel in kernels.items():
        dense[to] += y[source] @ circulant(kernel).T
    np.testing.assert_allclose(coupled(Rings(kernels, 3, n), y), dense, rtol=1e-12, atol=1e-10)


def test_scaled_weights_differ_between_the_trials_of_a_batch():
    kernels = network_of(12)
    crossed = {pair: kernels.pop(pair) for pair in ((0, 1), (1, 0))}
    y = np.random.default_rng(0).random((3, 2, 12))
    both = coupled(Rings(kernels, 3, 12, scaled=[crossed]), y, [torch.tensor([0.5, 2.0], dtype=torch.float64)])
    for trial, weight in enumerate((0.5, 2.0)):
        alone = Rings(kernels | {pair: weight * k for pair, k in crossed.items()}, 3, 12)
        np.testing.assert_allclose(both[:, trial], coupled(alone, y)[:, trial], atol=1e-12)


def test_one_sided_weights_are_refused():
    with pytest.raises(ValueError, match="from ring 1 to ring 0 differ between left and right"):
        Rings({(0, 1): np.arange(8.0)}, 2, 8)


def test_gates_in_steps_and_as_centred_fractions():
    gate = [(np.array([1.0, 0.0]), np.array([2.0, 9.0])), None]
    starts, value = gate_times(gate, 0.5, 10, 2)
    assert starts.tolist() == [0, 2, 6]
    np.testing.assert_array_equal(value[:, 0], [[0, 1], [1, 1], [0, 1]])
    assert (value[:, 1] == 1).all()
    starts, value = gate_times([(np.array([1.1]), np.array([1.0]))], 0.5, 10, 1, centred=True)
    area = np.zeros(11)
    for k, start in enumerate(starts):
        area[start:] = value[k, 0, 0]
    assert area.sum() * 0.5 == pytest.approx(1.0)  # the whole pulse, its centre where it is
    assert (area * np.arange(11)).sum() / area.sum() * 0.5 == pytest.approx(1.6, abs=0.05)


def test_exponential_weights_match_their_closed_forms():
    tau = np.array([0.2, 1.0, 50.0])
    whole, slope, bend = (w.numpy() for w in exponential_weights(0.1, torch.tensor(tau)))
    x = 0.1 / tau
    np.testing.assert_allclose(whole, 1 - np.exp(-x), rtol=1e-12)
    np.testing.assert_allclose(slope, (np.exp(-x) - 1 + x) / x, rtol=1e-9)
    np.testing.assert_allclose(bend, (slope + 1 - 2 * slope / x) / 2, rtol=1e-6)
    assert exponential_weights(0.1, 1.0)[1] == pytest.approx(slope[1], rel=1e-14)


@pytest.mark.parametrize(("integrate", "orders"), [(euler, (0.9, 1.1)), (exponential, (2.7, 3.4))])
def test_integrators_converge_at_their_order_to_scipys_solution(integrate, orders):
    from scipy.integrate import solve_ivp

    n, drive, tau = 6, np.array([3.0, 0, 1, 0, 2, 0]), 2.0
    kernel = mexican_hat(n, 3, 1.0, 1, 4)
    matrix = circulant(kernel)
    exact = solve_ivp(
        lambda t, y: (1 / (1 + np.exp(-(matrix @ y + drive - 1))) - y) / tau,
        (0, 8),
        np.zeros(n),
        rtol=1e-12,
        atol=1e-13,
    ).y[:, -1]
    rings = Rings({(0, 0): kernel}, 1, n)
    problem = Problem(rings, rings.fold(drive[None, None]), torch.tensor(-1.0), [tau], [None])
    error = [np.abs(rings.unfold(integrate(problem, 8 / k, k)[0])[0] - exact).max() for k in (40, 80)]
    assert orders[0] < np.log2(error[0] / error[1]) < orders[1]
