"""Likelihood plans of the heuristic rivals: what differs from `location_likelihood` is the rule."""

import torch

from neuromm.maths import report_probability as exact
from neuromm.maths.rival_probability import below_criterion, density_criterion, unity_criterion
from neuromm.observers.bayes.location_likelihood import Group, plan

__all__ = ["GROUPS", "plan"]


class CriterionGroup(Group):
    """One cause within a fixed distance."""

    def prepare(self, read_out, prior, device):
        """As `Group.prepare`; with two events the estimate is not linear in the cues."""
        super().prepare("selection", None if self.both else 0.0, device)

    def _cues(self, parameters):
        return super()._cues(parameters | {"p_common": torch.full_like(parameters["lapse"], 0.5)})

    def _unity(self, parameters, rule):
        own, other = self._sigmas(parameters)
        return unity_criterion(own, other, parameters["criterion"], self.pair_own - self.pair_other)

    def _below(self, parameters, rule):
        def below(c, bounds, own, other, paired=False):
            return below_criterion(c, parameters["criterion"], bounds, own, other, paired, rule)

        return below

    def estimate_density(self, parameters, fine, rule):
        """Function (values (n_sets, n), pairs (n,)) → density of the estimate, 1/deg."""
        cues = self._cues(parameters)

        def of_pairs(at, pair):
            places = self.pair_own[pair], self.pair_other[pair]
            return density_criterion(cues, parameters["criterion"], at, *places, rule)

        return of_pairs


class StochasticGroup(Group):
    """A mixture of fusion and segregation: both are normal."""

    def _parts(self, parameters):
        """(weight (n_sets, 1), mean (n_sets, n_pairs), sd (n_sets, 1)) of each component."""
        parts = []
        for prior, weight in ((1.0, parameters["p_fusion"][:, None]), (0.0, 1 - parameters["p_fusion"][:, None])):
            share = weight if self.both else 0.5 * torch.ones_like(weight)
            parts.append((share, *self._normal(parameters, prior)))
        return parts

    def _unity(self, parameters, rule):
        return parameters["p_fusion"][:, None].expand(-1, self.n_pairs)

    def _below_keys(self, parameters, rule):
        bounds = self._unbiased(self.bounds, parameters)[..., None]
        return sum(
            weight[:, None] * exact.normal_cdf((bounds - mean[:, None]) / sd[:, None])
            for weight, mean, sd in self._parts(parameters)
        )

    def _density(self, parameters, rule):
        answer = self._unbiased(self.answer, parameters)
        return sum(
            weight * exact.normal_density(answer - mean[:, self.pair], sd)
            for weight, mean, sd in self._parts(parameters)
        )


class LinearGroup(Group):
    """A fixed weighted sum: normal."""

    def prepare(self, read_out, prior, device):
        """As `Group.prepare`; unity is always reported."""
        super().prepare(read_out, 1.0, device)

    def _normal(self, parameters):
        own, other = self._sigmas(parameters)
        motor = parameters["sigma_motor"] ** 2
        if not self.both:
            return self.pair_own.expand(len(own), -1), torch.sqrt(own**2 + motor)[:, None]
        weight = parameters["weight_visual"] if self.own.modality == "visual" else 1 - parameters["weight_visual"]
        mean = weight[:, None] * self.pair_own + (1 - weight)[:, None] * self.pair_other
        return mean, torch.sqrt((weight * own) ** 2 + ((1 - weight) * other) ** 2 + motor)[:, None]


GROUPS = {"criterion": CriterionGroup, "mixture": StochasticGroup, "linear": LinearGroup}
