"""What the measures, studies and sweeps ask of an observer: public methods, tested with `isinstance`."""

from typing import Any, Protocol, runtime_checkable

Table = Any  # pandas.DataFrame, which this floor does not import


@runtime_checkable
class Perceives(Protocol):
    """Whoever answers trials: every observer."""

    name: str

    def perceive(self, trials: Table, *, rng: Any, layers: Any = (),
                 parameters: Table | None = None) -> Any:  # fmt: skip
        """The answers to each trial, and the layers asked for."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """An observer whose mean answer is known without sampling."""

    def predict(self, trials: Table) -> Table:
        """Expected answer of each trial and its SD: columns `expected`, `sd` and what else it knows."""
        ...


@runtime_checkable
class HasLikelihood(Protocol):
    """An observer that can be fitted: the probability of each answer is known."""

    def likelihood(self, trials: Table, free: dict, *, by: str = "observer", device: str = "cpu",
                   max_memory: float = 2.0) -> Any:  # fmt: skip
        """The log likelihood of the answers as a function of the free parameters."""
        ...

    def check_answers(self, trials: Table) -> None:
        """Refuse an answer that its row does not offer."""
        ...


@runtime_checkable
class Seeded(Protocol):
    """A network that was trained from several seeds."""

    seed: int

    def other_seeds(self) -> list[int]:
        """Further seeds that are shipped."""
        ...
