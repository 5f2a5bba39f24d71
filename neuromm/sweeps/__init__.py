"""Sweeps: many tasks from one small plan, on a laptop or a cluster, resumable, the same bytes however they ran."""

from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={
        "sweep": "running",
        "resume": "running",
        "Sweep": "result",
        "open_sweep": "result",
        "Plan": "plan",
        "make_plan": "reading",
        "read_plan": "reading",
        "Task": "task",
        "Store": "store",
    },
)
