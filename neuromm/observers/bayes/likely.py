"""What makes an observer fit-able; torch is loaded when a likelihood is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromm.observers.bayes.possible_answers import check_answers

if TYPE_CHECKING:
    from neuromm.observers.bayes.likelihood import Likelihood  # torch


class Likely:
    """What makes an observer fit-able: `likelihood` and `log_likelihood`, from its `plan_likelihood`."""

    def likelihood(self, trials, free, *, by="observer", device="cpu", max_memory=2.0) -> Likelihood:
        """The exact log likelihood of the responses in `trials` as a function of `free` parameters."""
        from neuromm.observers.bayes.likelihood import Likelihood  # torch

        return Likelihood(self, trials, free, by=by, device=device, max_memory=max_memory)

    def check_answers(self, trials) -> None:
        """Refuse a response that its row does not offer: a `BadData` that names trial, value and choices."""
        check_answers(trials[trials["response"].notna()], self)

    def log_likelihood(self, trials) -> np.ndarray:
        """Log probability of each response at the observer's own values, nats (log density if continuous).

        NaN where the response is missing.

        Raises
        ------
        BadData
            If a response is none of the choices of its row.
        """
        from neuromm.observers.bayes import likelihood  # torch

        return likelihood.log_likelihood(self, trials)
