"""Supervisor and workers: sharing sockets, stopping without losing a request, reloading, crashing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ncp.server import Listener, ServerOptions, serve
from tests.support.server import Running, read_answer, running, until


def pids(server: Running, count: int, seconds: float = 10.0) -> set[int]:
    """The workers that answer, once there are at least ``count``."""
    found: set[int] = set()

    def enough() -> bool:
        held = [server.connect_plain() for _ in range(8)]
        for connection in held:
            connection.sendall(b"GET /slow?0.1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for connection in held:
            with connection:
                found.add(json.loads(read_answer(connection)[2])["pid"])
        return len(found) >= count

    until(enough, seconds)
    return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_workers_share_one_listening_socket(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as server:
        found = pids(server, 2)
        assert len(found) == 2 and server.process.pid not in found


def test_an_idle_server_stops_at_once_whatever_its_peers_leave_open(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, stop_timeout=30.0) as server, contextlib.ExitStack() as held:

        def kept_alive() -> ssl.SSLSocket:
            connection = held.enter_context(server.connect())
            connection.sendall(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(connection)[0] == 200
            return connection

        kept_alive()  # never reads again, so it never confirms the end of TLS
        kept_alive().sendall(b"\r\n")  # old clients send a line too many
        held.enter_context(server.connect()).sendall(b"GET /who HTTP/1.1\r\n")
        held.enter_context(server.connect())
        held.enter_context(socket.create_connection(server.peers))
        time.sleep(0.7)
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert time.monotonic() - begin < 1.9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_requests_in_flight_end(tmp_path: Path, number: int) -> None:
    with running(tmp_path, workers=2) as server, server.connect() as connection, server.connect() as idle:
        connection.sendall(b"GET /slow?1 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        server.signal(number)
        status, headers, _ = read_answer(connection)
        assert (status, headers["connection"]) == (200, "close")
        assert server.process.wait(5) == 0
        assert idle.recv(100) == b""
        with pytest.raises(OSError):
            server.connect_plain()
        started = {path.name.split("-")[1] for path in tmp_path.glob("started-*")}
        assert started == {path.name.split("-")[1] for path in tmp_path.glob("stopped-*")} and len(started) == 2


def test_a_stop_does_not_wait_longer_than_told(tmp_path: Path) -> None:
    with running(tmp_path, stop_timeout=1.0) as server, server.connect_plain() as connection:
        connection.sendall(b"GET /slow?60 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert time.monotonic() - begin < 5


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with running(tmp_path, stop_timeout=60.0) as server, server.connect_plain() as connection:
        connection.sendall(b"GET /slow?60 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert time.monotonic() - begin < 3


def test_a_reload_brings_the_new_configuration_and_loses_no_request(tmp_path: Path) -> None:
    with running(tmp_path, workers=2, label="old") as server:
        old = pids(server, 2)
        outcomes: list[Any] = []
        done = threading.Event()

        def keep_asking(connect: Callable[[], socket.socket]) -> None:
            while not done.is_set():
                try:
                    with connect() as connection:
                        connection.sendall(b"GET /slow?0.05 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                        outcomes.append(json.loads(read_answer(connection)[2])["label"])
                except Exception as failure:
                    outcomes.append(failure)

        ways = [server.connect_plain, server.connect_plain, server.connect, server.connect]
        askers = [threading.Thread(target=keep_asking, args=(way,)) for way in ways]
        for asker in askers:
            asker.start()
        with server.connect() as connection:
            connection.sendall(b"GET /slow?2 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.3)
            server.configure(label="new")
            server.signal(signal.SIGHUP)
            assert until(lambda: server.get("/who")["label"] == "new")
            status, _, body = read_answer(connection)
            assert status == 200 and b'"label": "old"' in body
        assert until(lambda: not any(map(is_alive, old)))
        done.set()
        for asker in askers:
            asker.join()
        assert set(outcomes) == {"old", "new"}
        assert server.peers and len(pids(server, 2) - old) == 2


@pytest.mark.parametrize("how", ["unreadable", "refuses to start"])
def test_a_reload_with_a_broken_configuration_keeps_what_runs(tmp_path: Path, how: str) -> None:
    with running(tmp_path, workers=2, label="old") as server:
        old = pids(server, 2)
        if how == "unreadable":
            (tmp_path / "config.json").write_text("{")
        else:
            server.configure(start_fails=True, label="new")
        server.signal(signal.SIGHUP)
        assert until(lambda: "server.reload_refused" in server.log())
        assert pids(server, 2) == old
        server.configure(start_fails=False, label="newer")
        server.signal(signal.SIGHUP)
        assert until(lambda: server.get("/who")["label"] == "newer")


def test_a_reload_may_change_the_number_of_workers(tmp_path: Path) -> None:
    with running(tmp_path, workers=1) as server:
        server.configure(workers=3)
        server.signal(signal.SIGHUP)
        assert until(lambda: "server.reloaded" in server.log())
        assert len(pids(server, 3)) >= 3


def test_a_reload_may_change_an_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as free:
        port = free.getsockname()[1]
    with running(tmp_path, workers=1) as server:
        server.configure(health_port=port)
        server.signal(signal.SIGHUP)
        assert until(lambda: "server.reloaded" in server.log())

        def refused() -> bool:
            try:
                server.connect_plain().close()
            except ConnectionRefusedError:
                return True
            return False

        assert until(refused)
        server.health = ("127.0.0.2", port)
        assert server.get("/who")["pid"]


def test_a_reload_to_an_address_in_use_keeps_what_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken, running(tmp_path, workers=1) as server:
        pid = server.get("/who")["pid"]
        server.configure(health_port=taken.getsockname()[1])
        server.signal(signal.SIGHUP)
        assert until(lambda: "server.reload_refused" in server.log())
        assert server.get("/who")["pid"] == pid


def test_a_crashed_worker_is_replaced_while_the_others_serve(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as server:
        old = pids(server, 2)
        with server.connect_plain() as connection, pytest.raises(ConnectionError):
            connection.sendall(b"GET /crash HTTP/1.1\r\nHost: x\r\n\r\n")
            read_answer(connection)
        assert server.get("/who")["pid"] in old
        assert until(lambda: bool(pids(server, 2) - old))
        assert "server.worker_ended" in server.log()


def test_workers_that_crash_again_and_again_are_restarted_ever_later(tmp_path: Path) -> None:
    with running(tmp_path, workers=1) as server:
        times = []
        for _ in range(3):
            pid = server.get("/who")["pid"]
            os.kill(pid, signal.SIGKILL)
            begin = time.monotonic()
            assert until(lambda before=pid: server.get("/who")["pid"] != before)
            times.append(time.monotonic() - begin)
        assert times[0] < times[1] < times[2]
        assert times[2] > 1.8


def test_workers_end_when_their_supervisor_is_gone(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as server:
        workers = pids(server, 2)
        server.process.kill()
        server.process.wait()
        assert until(lambda: not any(map(is_alive, workers)))


def test_a_server_that_cannot_start_says_so_by_its_exit_status(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="told to fail"), running(tmp_path, start_fails=True):
        pass


def test_an_address_in_use_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listener = Listener(name="peers", host="127.0.0.1", port=taken.getsockname()[1], tls=False)
        with pytest.raises(OSError):
            serve(ServerOptions(listeners=(listener,)), lambda: pytest.fail("no worker may start"))


def test_at_least_one_worker_is_needed() -> None:
    with pytest.raises(ValueError, match="worker"):
        serve(ServerOptions(listeners=(), workers=0), lambda: pytest.fail("no worker may start"))
