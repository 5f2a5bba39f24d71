"""Executors on this machine: one after the other, or worker processes of one thread each.

An executor takes an iterator of tasks and gives outcomes in whatever order they come. A worker that dies takes
nothing with it: the driver knows which task it was in, gives that one to another worker, and the rest too.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from multiprocessing import Pipe
from multiprocessing.connection import wait

from neuromm.sweeps.task import Task, canonical
from neuromm.sweeps.work import Outcome, run_task

MAX_TRIES = 3  # a task in which this many workers died is recorded as failed
CHUNK_SECONDS = 1.0  # tasks are sent in chunks of about this long
MAX_CHUNK = 500
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
MAX_FAILED_STARTS = 3


def run_serially(tasks, tables):
    """Outcomes of the tasks, one after the other, in this process."""
    for task in tasks:
        yield run_task(task, tables)


class Chunks:
    """Takes tasks from an iterator in chunks of about a second, and takes back what must be done again."""

    def __init__(self, tasks, seconds=CHUNK_SECONDS, largest=MAX_CHUNK):
        self._tasks, self._again = iter(tasks), []
        self._seconds, self._largest, self._mean = seconds, largest, None

    def learn(self, seconds):
        """How long one more task took."""
        self._mean = seconds if self._mean is None else 0.9 * self._mean + 0.1 * seconds

    def size(self) -> int:
        """Tasks in the next chunk: one until the first time is known."""
        if self._mean is None:
            return 1
        return int(min(max(1, self._seconds / max(self._mean, 1e-6)), self._largest))

    def take(self) -> list[Task]:
        """The next tasks; empty when there are none."""
        if self._again:
            return [self._again.pop()]
        return list(itertools.islice(self._tasks, self.size()))

    def give_back(self, tasks) -> None:
        """Tasks to be taken again."""
        self._again += tasks


def run_in_processes(tasks, tables, n_workers, *, devices=(), chunk_seconds=CHUNK_SECONDS, max_chunk=MAX_CHUNK,
                     max_seconds=None, log_file=None):  # fmt: skip
    """Outcomes of the tasks, from worker processes.

    Parameters
    ----------
    tasks : iterable of Task
    tables : dict of checksum → text of a table
    n_workers : int
    devices : sequence of str
        GPUs, such as "0", "1": worker i sees device i modulo their number as its only one.
    chunk_seconds, max_chunk : float, int
        How much a worker is given at a time.
    max_seconds : float, optional
        A task that takes longer is killed with its worker, and counts as a try.
    log_file : path, optional
        Where workers' error output goes.

    Raises
    ------
    OSError
        If workers cannot be started.
    """
    crew = _Crew(tables, n_workers, devices, log_file)
    chunks = Chunks(tasks, chunk_seconds, max_chunk)
    tries, exhausted = {}, False
    try:
        while True:
            for worker in crew.idle():
                chunk = chunks.take()
                if not chunk:
                    exhausted = True
                    break
                worker.give(chunk, tables)
            if exhausted and not crew.busy() and not chunks._again:
                return
            exhausted = False
            for worker, message in crew.messages(max_seconds):
                if isinstance(message, Outcome):
                    chunks.learn(time.monotonic() - worker.since)
                    worker.finished()
                    yield Outcome(**{**vars(message), "tries": 1 + tries.get(message.id, 0)})
                elif worker.chunk:  # it died inside its first unanswered task
                    guilty, *innocent = worker.chunk
                    chunks.give_back(innocent)
                    tries[guilty.id] = tries.get(guilty.id, 0) + 1
                    if tries[guilty.id] < MAX_TRIES:
                        chunks.give_back([guilty])
                    else:
                        yield failed(
                            guilty, tries[guilty.id], f"WorkerDied: {tries[guilty.id]} workers died in it ({message})"
                        )
    finally:
        crew.dismiss()


def failed(task, tries, error) -> Outcome:
    """The outcome of a task that never came back."""
    return Outcome(task.id, canonical(task.content), status="failed", tries=tries, error=error)


class _Worker:
    """A process, its pipe, and the tasks that it has not answered yet."""

    def __init__(self, device, log_file):
        self.pipe, theirs = Pipe()
        environment = {
            **os.environ,
            **dict.fromkeys(THREADS, "1"),
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        }
        if device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = str(device)
        with open(log_file or os.devnull, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "neuromm.sweeps.worker", str(theirs.fileno())],
                env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        theirs.close()
        self.device, self.ready, self.chunk, self.since, self.sent = device, False, [], time.monotonic(), set()

    def give(self, chunk, tables):
        """Send tasks, with the tables that this worker has not seen."""
        self.chunk, self.since = list(chunk), time.monotonic()
        needed = {t.content.get("stimuli") for t in chunk} & (set(tables) - self.sent)
        self.sent |= needed
        try:
            self.pipe.send(([(t.content, t.recipe, t.point) for t in chunk], {k: tables[k] for k in needed}))
        except (BrokenPipeError, ConnectionResetError):
            return  # it is dead; the next look at its pipe says so, and the tasks are given to another

    def finished(self):
        """The first of its tasks was answered."""
        self.chunk.pop(0)
        self.since = time.monotonic()

    def end(self):
        """Kill it, and take the exit status."""
        self.pipe.close()
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()


class _Crew:
    """A fixed number of workers; one that dies is replaced."""

    def __init__(self, tables, n_workers, devices, log_file):
        self._log_file, self._failed_starts = log_file, 0
        devices = list(devices) or [None]
        self.workers = [_Worker(devices[i % len(devices)], log_file) for i in range(n_workers)]

    def idle(self):
        """Workers that wait for tasks."""
        return [w for w in self.workers if w.ready and not w.chunk]

    def busy(self):
        """Workers with unanswered tasks."""
        return [w for w in self.workers if w.chunk]

    def messages(self, max_seconds):
        """(worker, outcome) for every answer that is there, (worker, how it ended) for every worker that died."""
        by_pipe = {w.pipe: w for w in self.workers}
        timeout = None
        if max_seconds is not None and self.busy():
            timeout = max(0.0, min(w.since for w in self.busy()) + max_seconds - time.monotonic())
        for pipe in wait(list(by_pipe), timeout=timeout):
            worker = by_pipe[pipe]
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                yield worker, self._replace(worker)
                continue
            if message == "ready":
                worker.ready, self._failed_starts = True, 0
            else:
                yield worker, message
        for worker in list(self.busy()) if max_seconds is not None else []:
            if time.monotonic() - worker.since > max_seconds:
                self._replace(worker)
                yield worker, f"stopped after {max_seconds:g} s"

    def _replace(self, worker):
        """Put a new worker in the place of a dead one; how the dead one ended."""
        status = worker.end()
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                raise OSError(
                    f"worker processes do not start (exit status {status}); see {self._log_file or 'the log file'}"
                )
        self.workers[self.workers.index(worker)] = _Worker(worker.device, self._log_file)
        return f"signal {-status}" if status < 0 else f"exit status {status}"

    def dismiss(self):
        """End every worker."""
        for worker in self.workers:
            worker.end()
