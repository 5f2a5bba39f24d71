"""Shared fixtures: a generator, small trials, the folder of human tables where there is one, closed figures.

The network is shut: only this machine can be reached, from the tests and from what they start.
"""

import os
import socket
from pathlib import Path

# Before numpy and torch are imported, and for the worker processes and commands that tests start: processes of
# several threads each would get in each other's way. A number that is set outside stands.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture
def trials():
    from neuromm.testing import example_trials

    return example_trials()


@pytest.fixture(scope="session")
def shared():
    """The folder with human single-trial tables and reference numbers; tests that need it skip without it."""
    places = [os.environ.get("NEUROMM_SHARED", ""), Path(__file__).resolve().parents[2] / "shared"]
    for place in places:
        if place and (Path(place) / "data").is_dir():
            return Path(place)
    pytest.skip("no folder of human tables beside the checkout (NEUROMM_SHARED)")


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def interruptible():
    """Ctrl-C is heard here and in what is started here, also where the tests run in the background."""
    import signal

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


LOCAL = ("127.", "::1", "::ffff:127.", "localhost", "0.0.0.0", "::")


def _is_local(host):
    return not host or str(host).startswith(LOCAL[:1] + LOCAL[2:3]) or host in (*LOCAL, socket.gethostname())


@pytest.fixture(scope="session")
def _network_is_shut():
    """Connections to other machines, datagrams to them, and questions for their names raise an OSError."""
    attempts, kept = [], {}

    def guarded(name, place):
        original = kept[name] = getattr(socket.socket, name)

        def call(self, *arguments):
            address = arguments[place]
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                refuse(f"{address[0]}:{address[1]}")
            return original(self, *arguments)

        setattr(socket.socket, name, call)

    def refuse(where):
        attempts.append(where)
        raise OSError(f"the network is shut in tests: {where}")

    def getaddrinfo(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if not _is_local(name) and any(letter.isalpha() for letter in str(name)) and ":" not in str(name):
            refuse(name)
        return original(host, *arguments, **options)

    original, socket.getaddrinfo = socket.getaddrinfo, getaddrinfo
    for name, place in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
        guarded(name, place)
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    before = dict(os.environ)
    os.environ.update(nowhere, HF_HUB_OFFLINE="1", no_proxy="127.0.0.1,localhost")  # for what tests start
    yield attempts
    os.environ.clear()
    os.environ.update(before)
    socket.getaddrinfo = original
    for name, function in kept.items():
        setattr(socket.socket, name, function)


@pytest.fixture
def outside_attempts(_network_is_shut):
    """Where the running test tried to go."""
    return _network_is_shut


@pytest.fixture(autouse=True)
def network_is_shut(_network_is_shut):
    """A test that tries to reach another machine fails, even if it takes the refusal well."""
    yield
    tried, _network_is_shut[:] = list(_network_is_shut), []
    assert not tried, f"it tried to reach {tried}"
