"""The suite runs with the network shut: only this machine can be reached, and the guard itself is held here."""

import socket
import threading

import pytest


def test_no_other_machine_can_be_reached(outside_attempts):
    for reach in (
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),  # an address of no machine (RFC 5737)
        lambda: socket.create_connection(("example.invalid", 80), timeout=1),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
        lambda: socket.getaddrinfo("example.invalid", 443),
    ):
        with pytest.raises(OSError, match="the network is shut"):
            reach()
    assert len(outside_attempts) == 4
    outside_attempts.clear()


def test_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=lambda: server.accept()[0].close())
        answering.start()
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.recv(1) == b""
        answering.join()


def test_everything_imports_and_lists_with_the_network_shut():
    import neuromm as nm

    assert len(nm.catalogue.OBSERVERS) > 10
    trials = nm.paradigms.ventriloquism(1, seed=1)
    assert len(nm.present(trials, ["causal_inference"], seed=1).responses) == len(trials)
