"""Read-outs: what turns activations into places and judgements; fitted on unisensory trials.

Fitted on congruent audiovisual trials a read-out of place learns to use either code and then shows
capture where no interaction is; so places are fitted on trials of one modality.
"""

from dataclasses import dataclass

import numpy as np


def fit_ridge(activations, targets, penalty=1e-4):
    """Linear map of least squares with a penalty on standardised units.

    Parameters
    ----------
    activations : array, shape (n_trials, n_units)
    targets : array, shape (n_trials,) or (n_trials, n_targets)
    penalty : float
        Per trial, on the weights of units of unit variance.

    Returns
    -------
    weights : array, shape (n_units,) or (n_units, n_targets)
    bias : float or array, shape (n_targets,)
    """
    x, centre, spread = _standardise(activations)
    y = np.asarray(targets, float)
    gram = x.T @ x / len(x) + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (y - y.mean(0)) / len(x))
    weights = weights / (spread if y.ndim == 1 else spread[:, None])
    return weights, y.mean(0) - centre @ weights


def fit_log_variance(activations, squared_errors, penalty=1e-3, n_steps=30):
    """Log variance that is linear in the activations, of greatest Gaussian likelihood given squared errors.

    A gamma regression with a log link (McCullagh & Nelder 1989, ch. 8), by Newton steps.

    Returns
    -------
    weights : array, shape (n_units,)
    bias : float
    """
    x, centre, spread = _standardise(activations)
    x = np.column_stack([x, np.ones(len(x))])
    r = np.asarray(squared_errors, float)
    penalties = np.append(np.full(x.shape[1] - 1, penalty), 0.0)

    def loss(b):
        eta = np.clip(x @ b, -50, 50)
        return 0.5 * np.mean(eta + r * np.exp(-eta)) + 0.5 * (penalties * b * b).sum()

    beta = np.append(np.zeros(x.shape[1] - 1), np.log(r.mean()))
    for _ in range(n_steps):
        ratio = r * np.exp(-np.clip(x @ beta, -50, 50))
        slope = -0.5 * x.T @ (1 - ratio) / len(x) - penalties * beta
        # The expected curvature, ½ per trial: always positive, unlike the observed one.
        step = np.linalg.solve(0.5 * x.T @ x / len(x) + np.diag(penalties + 1e-12), slope)
        beta = _descend(loss, beta, step)
        if np.abs(step).max() < 1e-8:
            break
    weights = beta[:-1] / spread
    return weights, float(beta[-1] - centre @ weights)


def fit_logistic(activations, yes, penalty=1e-4, n_steps=50):
    """Logistic regression by Newton steps; the log odds are activations @ weights + bias.

    Parameters
    ----------
    activations : array, shape (n_trials, n_units)
        May have no units: the bias alone is fitted then.
    yes : array of bool, shape (n_trials,)
    penalty : float
        On the weights of units of unit variance.

    Returns
    -------
    weights : array, shape (n_units,)
    bias : float
    """
    x, centre, spread = _standardise(activations)
    x, y = np.column_stack([x, np.ones(len(x))]), np.asarray(yes, float)
    penalties = np.append(np.full(x.shape[1] - 1, penalty), 0.0)

    def loss(b):
        eta = x @ b
        return np.mean(np.logaddexp(0, eta) - y * eta) + 0.5 * (penalties * b * b).sum()

    beta = np.zeros(x.shape[1])
    for _ in range(n_steps):
        p = _sigmoid(x @ beta)
        slope = x.T @ (y - p) / len(x) - penalties * beta
        curvature = (x * (p * (1 - p))[:, None]).T @ x / len(x) + np.diag(penalties + 1e-9)
        step = np.linalg.solve(curvature, slope)
        beta = _descend(loss, beta, step)
        if np.abs(step).max() < 1e-8:
            break
    weights = beta[:-1] / spread
    return weights, float(beta[-1] - centre @ weights)


def fit_offset(logits, yes, n_steps=50):
    """The one constant which, added to the logits, makes them the likeliest log odds of `yes`."""
    logits, y, offset = np.asarray(logits, float), np.asarray(yes, float), 0.0
    for _ in range(n_steps):
        p = _sigmoid(logits + offset)
        step = np.clip((y - p).mean() / max((p * (1 - p)).mean(), 1e-9), -2.0, 2.0)
        offset += step
        if abs(step) < 1e-10:
            break
    return float(offset)


@dataclass(frozen=True)
class LocationReadout:
    """Mean and variance of a place given activations; arrays of shape (n_units,) and biases.

    A result of a fit, not an observer's field. The variance is kept between `least` and the prior's.
    """

    mean_weights: np.ndarray
    mean_bias: float
    variance_weights: np.ndarray
    variance_bias: float
    prior_variance: float  # deg²
    least: float = 0.01  # deg²

    @classmethod
    def fit(cls, activations, places, *, prior_variance, penalty=1e-4):
        """Fit on trials of one modality; `places` are the true places, deg, shape (n_trials,)."""
        mean = fit_ridge(activations, places, penalty)
        errors = np.asarray(places, float) - (activations @ mean[0] + mean[1])
        return cls(*mean, *fit_log_variance(activations, errors**2), float(prior_variance))

    def __call__(self, activations):
        """Posterior mean (deg) and variance (deg²) of the place; each (n_trials,)."""
        activations = np.asarray(activations, float)
        log_variance = activations @ self.variance_weights + self.variance_bias
        variance = np.exp(np.clip(log_variance, np.log(self.least), np.log(0.999 * self.prior_variance)))
        return activations @ self.mean_weights + self.mean_bias, variance

    def tensors(self, prefix):
        """As named arrays, for a weights file."""
        return {
            f"{prefix}.mean.weight": self.mean_weights,
            f"{prefix}.mean.bias": np.array([self.mean_bias]),
            f"{prefix}.variance.weight": self.variance_weights,
            f"{prefix}.variance.bias": np.array([self.variance_bias]),
        }

    @classmethod
    def from_tensors(cls, tensors, prefix, prior_variance):
        """From the arrays of a weights file."""
        mean, variance = f"{prefix}.mean", f"{prefix}.variance"
        return cls(
            tensors[f"{mean}.weight"], float(tensors[f"{mean}.bias"][0]),
            tensors[f"{variance}.weight"], float(tensors[f"{variance}.bias"][0]), float(prior_variance),
        )  # fmt: skip


def fuse_posteriors(means, variances, mu_prior, prior_variance):
    """Combine unimodal posteriors that share one Gaussian prior, counting it once.

    Parameters
    ----------
    means, variances : arrays, shape (n_cues, n_trials)
        deg, deg².
    mu_prior, prior_variance : float

    Returns
    -------
    mean, variance : arrays, shape (n_trials,)
    """
    precision = 1.0 / np.asarray(variances)
    extra = len(precision) - 1  # the prior is inside every posterior; once is right
    total = precision.sum(0) - extra / prior_variance
    return ((np.asarray(means) * precision).sum(0) - extra * mu_prior / prior_variance) / total, 1.0 / total


def _standardise(activations):
    x = np.asarray(activations, float)
    centre, spread = x.mean(0), x.std(0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    return (x - centre) / spread, centre, spread


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.clip(x, -700, 700)))


def _descend(loss, beta, step):
    """A Newton step, halved until the loss does not grow."""
    now, size = loss(beta), 1.0
    while size > 1e-4 and not loss(beta + size * step) <= now:
        size /= 2
    return beta + size * step
