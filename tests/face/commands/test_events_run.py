"""peerage events: what a running node tells over its socket, played by a server of the test."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from peerage.config.home import Home
from peerage.config.node_socket import listen_for_commands
from tests.face.command_line import run

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: events\n\n"
LOST = b'id: e-1\ndata: {"id":"e-1","time":"then","kind":"lost","reason":"no pong"}\n\n'
END = b'event: end\ndata: {"reason":"stopped"}\n\n'
COMPLETE = b'event: end\ndata: {"reason":"complete"}\n\n'
PATIENCE_S = 30.0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.data_dir.mkdir()
    return home


@contextlib.contextmanager
def node(home: Home, *answers: bytes, hold: threading.Event | None = None) -> Iterator[list[str]]:
    """Answers one request with these bytes. Gives its target. Args: hold, how long the connection stays open."""
    heard: list[str] = []

    def serve(listener: socket.socket) -> None:
        client, _address = listener.accept()
        with client, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += client.recv(65536)
            heard.append(data.split(b" ")[1].decode())
            client.sendall(b"".join(answers))
            if hold is not None:
                hold.wait(PATIENCE_S)

    with listen_for_commands(home.node_socket) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield heard
        finally:
            if hold is not None:
                hold.set()
            thread.join()


def test_what_is_kept_is_told_and_that_is_it(home: Home) -> None:
    with node(home, HEAD, LOST, COMPLETE) as heard:
        result = run("events", "--home", home)
    assert (result.exit_code, result.stdout) == (0, "then lost        (no pong)\n")
    assert heard == ["/events?follow=false"]


def test_a_node_that_stops_ends_it_well(home: Home) -> None:
    with node(home, HEAD, LOST, END) as heard:
        result = run("events", "-f", "--home", home)
    assert (result.exit_code, result.stderr) == (0, "the node has stopped\n")
    assert heard == ["/events?follow=true&last=10"]


@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["all", "follow"])
def test_a_connection_that_is_lost_is_an_error(home: Home, follow: tuple[str, ...]) -> None:
    """Also where only what was is asked for: what was printed may not be all."""
    with node(home, HEAD, LOST):
        result = run("events", *follow, "--home", home)
    assert (result.exit_code, result.stderr) == (1, "Error: the connection to the node was lost\n")


@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["all", "follow"])
def test_a_hub_that_does_not_answer_is_an_error(home: Home, follow: tuple[str, ...]) -> None:
    """Also where only what was is asked for: what was printed is not all."""
    with node(home, HEAD, LOST, b'event: end\ndata: {"reason":"hub lost"}\n\n'):
        result = run("events", *follow, "--home", home)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the part of the node that tells events does not answer")


def test_what_was_missed_is_said_beside_the_events(home: Home) -> None:
    with node(home, HEAD, b'event: missed\ndata: {"missed":4}\n\n', LOST, COMPLETE):
        result = run("events", "--home", home, "--json")
    assert result.stdout == '{"id": "e-1", "time": "then", "kind": "lost", "reason": "no pong"}\n'
    assert result.stderr.startswith("4 events were missed")


def test_the_node_is_told_what_is_wanted(home: Home) -> None:
    options = (
        "--kind",
        "lost",
        "--kind",
        "refused",
        "--peer",
        "192.0.2.9/24",
        "--since",
        "2026-01-31T12:00:00Z",
    )
    with node(home, HEAD) as heard:
        run("events", *options, "--home", home)
    (target,) = heard
    expected = (
        "kind=lost&kind=refused&follow=false&peer=192.0.2.0%2F24&since=2026-01-31T12%3A00%3A00%2B00%3A00"
    )
    assert target == f"/events?{expected}"


def test_since_may_be_a_duration(home: Home) -> None:
    with node(home, HEAD, COMPLETE) as heard:
        assert run("events", "--since", "10m", "--home", home).exit_code == 0
    assert "since=20" in heard[0]


@pytest.mark.parametrize(
    "options",
    [
        ("--kind", "nothing"),
        ("--peer", "nobody"),
        ("--since", "yesterday"),
        ("--since", "99999999h"),
        ("more",),
    ],
    ids=lambda options: options[-1],
)
def test_mistakes_are_told_in_one_line(home: Home, options: tuple[str, ...]) -> None:
    result = run("events", "--home", home, *options)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_without_a_node_there_are_no_events(home: Home) -> None:
    result = run("events", "--home", home)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: no node runs in {home}")


@pytest.mark.parametrize(("status", "code"), [(400, 2), (503, 1), (404, 1)])
def test_a_node_that_refuses_says_why(home: Home, status: int, code: int) -> None:
    with node(home, b"HTTP/1.1 %d No\r\nContent-Length: 8\r\n\r\nbecause\n" % status):
        result = run("events", "--home", home)
    assert (result.exit_code, result.stderr) == (code, "Error: the node refused: because\n")


def test_something_that_is_no_event_is_an_error(home: Home) -> None:
    with node(home, HEAD, b"data: [\n\n"):
        assert run("events", "--home", home).exit_code == 1


@contextlib.contextmanager
def followed(home: Home) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], threading.Event]]:
    """A command in a process of its own that has printed an event and waits."""
    hold = threading.Event()
    with node(home, HEAD, LOST, hold=hold):
        command = subprocess.Popen(
            [sys.executable, "-m", "peerage", "events", "-f", "--home", str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert command.stdout is not None
            assert command.stdout.readline() == b"then lost        (no pong)\n"
            yield command, command.stdout, hold
        finally:
            command.kill()
            command.communicate()


def test_ctrl_c_ends_it_without_a_word(home: Home) -> None:
    with followed(home) as (command, _stdout, _hold):
        os.kill(command.pid, signal.SIGINT)
        _, errors = command.communicate(timeout=PATIENCE_S)
        assert (command.returncode, errors) == (130, b"")
