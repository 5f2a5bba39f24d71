"""What recipes of the diffusion family share: weights in half precision, which are scored as they are kept."""

from neuromm.observers.ann.diffusion.store import half_tensors, halve
from neuromm.observers.ann.training import Recipe


class DiffusionRecipe(Recipe):
    """A recipe whose network is built by its own `config`."""

    def read_out(self, network, data, run):
        """Round the weights as they are kept, before they are scored."""
        halve(self.learner(network))
        return {}, {}

    def config(self, network, run):
        """What builds the network."""
        return network.config

    def tensors(self, network):
        """The network's state, in half precision."""
        return half_tensors(network)


def seed_of_step(seed: int, step: int) -> int:
    """Seed of a torch generator for what one step draws."""
    return seed * 1_000_003 + step
