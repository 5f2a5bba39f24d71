"""Every observer of the catalogue passes the public suite."""

import pytest

from neuromm import catalogue, testing

FAST = {  # fields that make the same model cheaper to run 1000 rows of
    "cuppini2014": {"integrator": "exponential"},
    "cuppini2017": {"integrator": "exponential"},
    "paredes2025": {"integrator": "exponential"},
    "spiking_sts": {"n_cells": 36, "dt": 1.0, "duration": 50.0, "lead_in": 5.0, "block": 512, "n_readout": 8},
    "wang2002": {"n_cells": 100, "dt": 1.0, "duration": 120.0, "lead_in": 20.0, "block": 512},
}


@pytest.mark.parametrize("name", list(catalogue.OBSERVERS))
def test_every_observer_of_the_catalogue_conforms(name):
    passed = testing.check_observer(catalogue.load(name, **FAST.get(name, {})))
    assert len(passed) == len(testing.CHECKS) >= 20


def test_loading_hints_at_a_misspelt_field_and_name():
    with pytest.raises(ValueError, match="no field 'sigma_visua'; did you mean 'sigma_visual'"):
        catalogue.load("causal_inference", sigma_visua=3.0)
    with pytest.raises(ValueError, match="did you mean 'av_encoder'"):
        catalogue.load("av_encoder_")
    with pytest.raises(ValueError, match="has no untrained twin"):
        catalogue.load("segregation", trained=False)
