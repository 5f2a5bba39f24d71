"""Executor on Dask distributed: workers on this machine, a scheduler that runs, or jobs of SLURM or PBS.

A bounded number of chunks is in flight; a result leaves the cluster as soon as the driver has it, so a worker that
dies takes at most the chunk it was in, which runs again elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import time
import uuid

from neuromm.sweeps.points import check_keys
from neuromm.sweeps.processes import MAX_TRIES, THREADS, Chunks, failed
from neuromm.sweeps.task import Task
from neuromm.sweeps.work import run_chunk

SYSTEMS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}
CHUNKS_PER_WORKER = 2  # in flight: one that runs, one that waits beside it
LOST_AFTER = 20.0  # s without a scheduler
GATHER_SECONDS = 60.0  # s for a result that was announced to arrive
ASK_EVERY = 2.0  # s between questions how many workers there are


def run_on_dask(tasks, tables, where, *, chunk_seconds, max_chunk):
    """Outcomes of the tasks, from a Dask cluster.

    Parameters
    ----------
    tasks, tables, chunk_seconds, max_chunk
        As for local processes.
    where : dict
        `{"local": n}`: n processes of one thread on this machine; `{"address": "tcp://…"}`: a scheduler that runs;
        `{"jobs": n, "system": "slurm", …}`: n jobs of a batch system, other keys go to dask-jobqueue.

    Raises
    ------
    ImportError
        If the `cluster` extra is not installed, or workers cannot import neuromm.
    ConnectionError
        If the scheduler is lost; what was stored stands.
    """
    with _client(dict(where)) as (client, refill):
        yield from _stream(client, Chunks(tasks, chunk_seconds, max_chunk), tables, refill)


def _stream(client, chunks, tables, refill):
    done, in_flight, crew = queue.SimpleQueue(), {}, _Size(client, refill)
    while True:
        while len(in_flight) < CHUNKS_PER_WORKER * max(1, crew.n_workers()) and (chunk := chunks.take()):
            future = client.submit(work, *_message(chunk, tables), pure=False, key=f"neuromm-{uuid.uuid4().hex}")
            in_flight[future.key] = (future, chunk)
            future.add_done_callback(lambda f: done.put(f.key))
        if not in_flight:
            return
        try:
            key = done.get(timeout=1.0)
        except queue.Empty:
            crew.check()
            continue
        future, chunk = in_flight.pop(key)
        yield from _outcomes_of(future, chunk, chunks, crew)


def work(messages, tables):
    """What a Dask worker runs: the outcomes of a chunk, and how long it took (s)."""
    started = time.monotonic()
    return run_chunk([Task(*m) for m in messages], tables), time.monotonic() - started


def _message(chunk, tables):
    """Tasks as plain tuples, and the tables they need."""
    needed = {t.content.get("stimuli") for t in chunk} & set(tables)
    return [(t.content, t.recipe, t.point) for t in chunk], {k: tables[k] for k in needed}


def _outcomes_of(future, chunk, chunks, crew):
    """Outcomes of a chunk that came back; a chunk whose worker died again and again is taken apart."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    try:  # a result may be lost with its worker after it was announced: it is then computed again, or not
        outcomes, seconds = future.result(timeout=GATHER_SECONDS)
    except KilledWorker:
        if len(chunk) > 1:
            chunks.give_back(chunk)  # one by one: which of them is it?
        else:
            yield failed(chunk[0], MAX_TRIES, f"WorkerDied: {MAX_TRIES} workers died in it")
    except (CancelledError, TimeoutError, OSError):
        crew.check()  # lost with the scheduler? otherwise it is done again
        chunks.give_back(chunk)
    except Exception as error:  # tasks' own errors are outcomes; this is the worker's
        text = f"{type(error).__name__}: {error}"
        raise ImportError(f"the workers cannot run neuromm: {text}; install the same version there") from error
    else:
        chunks.learn(seconds / len(chunk))
        yield from outcomes
    finally:
        future.release()


class _Size:
    """How many workers there are, and whether the scheduler still answers."""

    def __init__(self, client, refill):
        self._client, self._refill = client, refill
        self._asked, self._n, self._well = -1e9, 1, time.monotonic()

    def n_workers(self) -> int:
        """Workers now; asked for every two seconds."""
        if time.monotonic() - self._asked > ASK_EVERY:
            self.check()
        return self._n

    def check(self):
        """Ask the scheduler; one that has not answered for 20 s is lost."""
        self._asked = time.monotonic()
        try:
            self._n = len(self._client.sync(self._client.scheduler.ncores, workers=None, callback_timeout=5))
            self._well = time.monotonic()
        except Exception as error:  # whatever a broken connection raises
            if self._client.status not in ("running", "connecting") or time.monotonic() - self._well > LOST_AFTER:
                self.lost(error)
        self._refill()

    def lost(self, error=None):
        """Say so."""
        raise ConnectionError("the Dask scheduler was lost; start it again, and resume the sweep") from error


@contextlib.contextmanager
def _client(where):
    """A client of the cluster that `where` names, closed at the end, and what keeps its number of jobs."""
    try:
        import distributed
    except ImportError:
        raise ImportError("a cluster needs Dask: pip install 'neuromm[cluster]'") from None
    import dask

    chosen = [k for k in ("address", "local", "jobs") if k in where]
    if len(chosen) != 1:
        raise ValueError(f"cluster is {where}; exactly one of 'address', 'local' and 'jobs' is wanted")
    threads = dict.fromkeys(THREADS, "1")
    settings = {
        "distributed.scheduler.allowed-failures": MAX_TRIES - 1,
        "distributed.nanny.pre-spawn-environ": threads,
        "distributed.scheduler.worker-saturation": 1.0,
    }
    refill = _nothing
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if chosen == ["address"]:
            check_keys(where, ("address",), "cluster")
            try:
                client = distributed.Client(where["address"], timeout=LOST_AFTER, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise ConnectionError(f"no Dask scheduler answers at {where['address']}: {error}") from None
        else:
            make = _local if chosen == ["local"] else _jobs
            n_jobs = where.get("jobs")
            cluster = stack.enter_context(make(where, threads))
            refill = refill if n_jobs is None else _Refill(cluster, int(n_jobs))
            client = distributed.Client(cluster, set_as_default=False)
        stack.enter_context(client)
        if chosen == ["local"]:  # they share the terminal
            client.register_worker_callbacks(_leave_ctrl_c_to_the_driver)
        yield client, refill


def _leave_ctrl_c_to_the_driver():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _nothing():
    """Nannies and other people's clusters replace their workers themselves."""


def _local(where, threads):
    """Processes of one thread on this machine; nannies start dead ones again."""
    from distributed import LocalCluster

    check_keys(where, ("local", "memory"), "cluster")
    return LocalCluster(n_workers=int(where["local"]), threads_per_worker=1, processes=True, dashboard_address=":0",
                        memory_limit=where.get("memory", "auto"), silence_logs=40)  # fmt: skip


def _jobs(where, threads):
    """Jobs of a batch system, one worker of one thread each; dead ones are submitted again."""
    try:
        import dask_jobqueue
    except ImportError:
        raise ImportError("jobs of a batch system need dask-jobqueue: pip install 'neuromm[cluster]'") from None
    system, n_jobs = where.pop("system", "slurm"), int(where.pop("jobs"))
    check_keys({system: None}, SYSTEMS, "cluster system")
    paths = os.pathsep.join(p for p in sys.path if p)
    prologue = [f"export {k}={v}" for k, v in threads.items()] + [f"export PYTHONPATH='{paths}'"]
    options = {"cores": 1, "processes": 1, "memory": "2GB", "python": sys.executable, **where}
    options["job_script_prologue"] = [*prologue, *options.get("job_script_prologue", ())]
    try:
        cluster = getattr(dask_jobqueue, SYSTEMS[system])(**options)
    except TypeError as error:
        raise ValueError(f"cluster: {error}; keys go to dask_jobqueue.{SYSTEMS[system]}") from None
    cluster.scale(jobs=n_jobs)
    return cluster


class _Refill:
    """Submits a new job for each one that had a worker and has none any more: died, or out of its time."""

    def __init__(self, cluster, n_jobs):
        self._cluster, self._n_jobs, self._seen, self._gone = cluster, n_jobs, set(), 0

    def __call__(self):
        there = set(self._cluster.observed)
        self._seen |= there
        if (gone := len(self._seen - there)) > self._gone:
            self._gone = gone
            self._cluster.scale(jobs=self._n_jobs + gone)
