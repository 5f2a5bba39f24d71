"""Dask: the same bytes from two local workers, a scheduler by its address, jobs of a (stand-in) batch system."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from neuromm.sweeps import open_sweep, sweep
from neuromm.sweeps.store import Store

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SBATCH = """\
#!/bin/bash
# stands in for sbatch: runs the job's script at once, in the background, and says its number
number=$((RANDOM + 1))
setsid bash "${@: -1}" > "{log}/$number.log" 2>&1 &
echo $! > "{log}/$number.pid"
echo "{said}"
"""
SCANCEL = """\
#!/bin/bash
kill -9 -- -$(cat "{log}/$1.pid") 2> /dev/null
exit 0
"""


def calls(function, n=24, **arguments):
    return {"calls": {"function": f"sweep_jobs:{function}", "grid": {"i": list(range(n))}, "arguments": arguments}}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return sweep(calls("draw"), out=tmp_path_factory.mktemp("dask") / "serial", progress=False).table().to_csv()


def run(tmp_path, keys, cluster, **options):
    return sweep(keys, out=tmp_path / "s", workers="dask", cluster=cluster, progress=False, **options)


def test_two_local_workers_give_the_same_bytes(tmp_path, serial):
    assert run(tmp_path, calls("draw"), {"local": 2}, max_chunk=3).table().to_csv() == serial


def test_ctrl_c_at_a_terminal_stops_cleanly(tmp_path, interruptible):
    """A terminal sends it to the workers too; they leave it to the driver."""
    plan = 'seed = 1\n[calls]\nfunction = "sweep_jobs:slow"\ngrid.i = { low = 0, high = 499, n = 500 }\n'
    (tmp_path / "slow.toml").write_text(f"{plan}[cluster]\nlocal = 2\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "neuromm", "sweep", "slow.toml", "--workers", "dask", "--out", "s"]
    driver = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    store = None
    while driver.poll() is None and not (store and store.status()["ok"] > 3):
        time.sleep(0.5)
        store = open_sweep(tmp_path / "s") if (tmp_path / "s" / "index.sqlite").exists() else None
    os.killpg(driver.pid, signal.SIGINT)
    said = driver.communicate(timeout=120)[0]
    assert driver.returncode == 130 and "Traceback" not in said and "Go on with: neuromm sweep resume s" in said, said
    assert 3 < store.status()["ok"] < 500 and store.status()["failed"] == 0


@pytest.mark.deep
def test_a_killed_worker_loses_nothing(tmp_path):
    keys = calls("die_once", bad=7, mark=str(tmp_path / "mark"))
    found = run(tmp_path, keys, {"local": 2}, max_chunk=4)
    assert found.status()["ok"] == 24 and found.table()["i"].tolist() == list(range(24))


@pytest.mark.deep
def test_a_task_that_kills_every_worker_fails_alone(tmp_path):
    found = run(tmp_path, calls("die_at", bad=7, n=12), {"local": 2}, max_chunk=4)
    assert found.failed()["i"].tolist() == [7] and "WorkerDied" in found.failed()["error"].iloc[0]
    assert found.status()["ok"] == 11


def start_scheduler(tmp_path, n_workers):
    """A scheduler and workers as a user would start them; (processes, address)."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    file = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    if subprocess.run([sys.executable, "-c", "import distributed.cli.dask_scheduler"], check=False).returncode:
        pytest.skip("no dask scheduler command")
    commands = [[*base, "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(file), "--no-dashboard"]]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1",
              "--no-dashboard", "--local-directory", str(tmp_path)]  # fmt: skip
    started = [
        subprocess.Popen(c, env=environment, stderr=subprocess.DEVNULL) for c in [*commands, *[worker] * n_workers]
    ]
    import json

    for _ in range(600):
        if file.exists() and file.stat().st_size:
            return started, json.loads(file.read_text())["address"]
        time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


@pytest.mark.deep
def test_a_scheduler_by_its_address_and_its_loss(tmp_path, serial):
    processes, address = start_scheduler(tmp_path, 1)
    try:
        assert run(tmp_path, calls("draw"), {"address": address}, max_chunk=3).table().to_csv() == serial
        keys = calls("slow", n=2000)
        threading.Timer(6.0, processes[0].kill).start()
        started = time.monotonic()
        with pytest.raises(ConnectionError, match="scheduler was lost"):
            sweep(keys, out=tmp_path / "lost", workers="dask", cluster={"address": address}, progress=False)
        assert time.monotonic() - started < 90
        with Store(tmp_path / "lost") as store:
            assert 0 < len(store.statuses()) < 2000
    finally:
        for process in processes:
            process.kill()
    small = sweep(calls("slow", n=40), out=tmp_path / "lost", progress=False)
    assert small.status()["ok"] == 40


def test_no_scheduler_at_the_address_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("neuromm.sweeps.dask_cluster.LOST_AFTER", 1.0)
    with pytest.raises(ConnectionError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        run(tmp_path, calls("draw"), {"address": "tcp://127.0.0.1:9"})


@pytest.mark.parametrize(
    ("cluster", "words"),
    [({"locl": 2}, "exactly one of 'address', 'local' and 'jobs'"), ({"local": 1, "address": "x"}, "exactly one"),
     ({"local": 1, "memry": "1GB"}, "did you mean 'memory'")],
)  # fmt: skip
def test_a_wrong_cluster_is_named(tmp_path, cluster, words):
    with pytest.raises(ValueError, match=words):
        run(tmp_path, calls("draw"), cluster)


SYSTEMS = {"slurm": ("sbatch", "scancel", "Submitted batch job $number"), "pbs": ("qsub", "qdel", "$number.server")}


@pytest.mark.deep
@pytest.mark.parametrize("system", SYSTEMS)
def test_jobs_of_a_batch_system_give_the_same_bytes_though_one_dies(tmp_path, monkeypatch, system):
    pytest.importorskip("dask_jobqueue")
    submit, cancel, said = SYSTEMS[system]
    log, killed = tmp_path / "jobs", []
    (tmp_path / "bin").mkdir()
    log.mkdir()
    for name, text in ((submit, SBATCH), (cancel, SCANCEL)):
        path = tmp_path / "bin" / name
        path.write_text(text.replace("{log}", str(log)).replace("{said}", said))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def kill_a_worker():
        while not killed:
            time.sleep(0.1)
            if (tmp_path / "s" / "index.sqlite").exists() and (there := workers_in(tmp_path / "s")):
                killed.append(there[0])
                os.kill(there[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_a_worker, daemon=True)
    killer.start()
    cluster = {"jobs": 2, "system": system, "walltime": "00:10:00", "interface": "lo"}
    found = run(tmp_path, calls("draw_slowly", n=60), cluster, max_chunk=1)
    serial = sweep(calls("draw_slowly", n=60), out=tmp_path / "serial", progress=False)
    assert found.table().to_csv() == serial.table().to_csv()
    assert killed and len(list(log.glob("*.pid"))) >= 3  # a third job took the place of the one that died


def workers_in(folder):
    """Process ids of the workers that gave results so far."""
    try:
        with Store(folder) as store:
            return [int(row["worker"].rpartition(":")[2]) for row in store.rows()]
    except ValueError:
        return []
