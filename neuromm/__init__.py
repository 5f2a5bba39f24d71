"""neuromm: one bench for ideal observers, neural models, artificial networks and people.

    import neuromm as nm

    trials = nm.paradigms.ventriloquism(n_repeats=50, seed=1)
    session = nm.present(trials, [nm.observers.CausalInference(), nm.load("av_encoder")], seed=1)
    nm.plots.bias_by_disparity(nm.measures.crossmodal_bias(session.trials))

Everything is imported when it is first used: `import neuromm` loads nothing third-party.
"""

from neuromm._version import __version__
from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=[
        "catalogue",
        "datasets",
        "maths",
        "measures",
        "observers",
        "paradigms",
        "plots",
        "stimuli",
        "studies",
        "sweeps",
        "testing",
    ],
    names={
        "present": "session",
        "save": "session",
        "load_session": "session",
        "Session": "session",
        "read_trials": "stimuli.table",
        "load": "catalogue",
        "train": "observers.ann.training",
        "sweep": "sweeps.running",
        "open_sweep": "sweeps.result",
        "record": "observers.ann.recording",
        "record_at_noise": "observers.ann.diffusion",
        "diffusion": "observers.ann",
        "contrastive": "observers.ann",
        "load_clip": "observers.ann.contrastive",
        "load_clap": "observers.ann.contrastive",
        "Record": "observers.protocol",
        "Percept": "observers.protocol",
    },
)
__all__ = [*__all__, "__version__"]
