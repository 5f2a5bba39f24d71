"""Spiking observers, simulated with brian2: an audiovisual STS network, a decision circuit and plasticity.

brian2 stays in here: what leaves is numpy, pandas or xarray. `circuit.py` says what a network is and what drives
it, `stacked.py` runs many trials as blocks of one network, `compiled.py` as one binary that is built once.
"""
