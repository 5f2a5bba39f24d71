"""The process of one local worker: receives chunks of tasks over a pipe, answers each task as it is done.

Started with its thread counts and GPU already in the environment, before numpy or torch exist in it. It ends
when the pipe closes, so a killed driver leaves no worker behind.
"""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection

from neuromm.sweeps.task import Task
from neuromm.sweeps.work import run_task


def main(descriptor) -> int:
    """Serve until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    pipe = Connection(int(descriptor))

    tables = {}
    try:
        pipe.send("ready")
        while True:
            chunk, new_tables = pipe.recv()
            tables |= new_tables
            for task in chunk:
                pipe.send(run_task(Task(*task), tables))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
