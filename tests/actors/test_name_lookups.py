"""actors/name_lookups.py: names that are looked up beside whoever asks, by a name server that the test plays."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from peerage.actors.name_lookups import NameLookups, resolve_host, resolved_within
from peerage.wire.net_address import AddressLookupError, NetAddress

PATIENCE_S = 10.0


class NameServer:
    """Knows every name that begins with "known"; is silent about those that begin with "silent" until the test ends."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.speaks = threading.Event()
        self.silent_about = threading.Semaphore(0)  # released for each silent name that has been asked for

    def __call__(self, host: str) -> Sequence[str]:
        self.asked[host] += 1
        if host.startswith("silent"):
            self.silent_about.release()
            assert self.speaks.wait(PATIENCE_S)
        if host.startswith("broken"):
            raise OSError("server failure")
        if host.startswith("bug"):
            raise RuntimeError("what a mess")
        return [] if host.startswith("unknown") else ["10.0.0.7"]

    def wait_for(self, silent: int) -> None:
        """Wait until it has been asked for so many names about which it is silent."""
        for _ in range(silent):
            assert self.silent_about.acquire(timeout=PATIENCE_S)


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.speaks.set()


def outcome(answer: Future[Sequence[str]]) -> Sequence[str]:
    return answer.result(PATIENCE_S)


def test_a_name_has_the_addresses_that_the_resolver_finds(server: NameServer) -> None:
    """Or none, or an OSError, whatever the resolver raised."""
    lookups = NameLookups(server)
    assert outcome(lookups.begin("known")) == ["10.0.0.7"]
    assert outcome(lookups.begin("unknown")) == []
    for name, cause in (("broken", "server failure"), ("bug", "what a mess")):
        with pytest.raises(OSError, match=cause):
            outcome(lookups.begin(name))


def test_names_that_get_no_answer_hold_up_none_that_do(server: NameServer) -> None:
    """As long as there is a thread left."""
    lookups = NameLookups(server, threads=3)
    silent = [lookups.begin(f"silent-{number}") for number in range(2)]
    assert [outcome(lookups.begin(f"known-{number}")) for number in range(20)] == [["10.0.0.7"]] * 20
    assert not any(answer.done() for answer in silent)


def test_the_threads_are_bounded_and_the_names_wait(server: NameServer) -> None:
    """In their order, each for a thread that is free."""
    lookups = NameLookups(server, threads=2)
    silent = [lookups.begin(f"silent-{number}") for number in range(2)]
    server.wait_for(2)
    waiting = [lookups.begin(f"known-{number}") for number in range(5)]
    assert set(server.asked) == {"silent-0", "silent-1"}
    server.speaks.set()
    assert [outcome(answer) for answer in silent + waiting] == [["10.0.0.7"]] * 7


def test_a_name_is_looked_up_once_for_all_who_ask_meanwhile(server: NameServer) -> None:
    """So a name that gets no answer, however often it is asked for, holds one thread."""
    lookups = NameLookups(server, threads=2)
    answers = [lookups.begin("silent")]
    server.wait_for(1)
    answers += [lookups.begin("silent") for _ in range(100)]
    answers[5].cancel()
    assert outcome(lookups.begin("known")) == ["10.0.0.7"]
    server.speaks.set()
    assert [outcome(answer) for answer in answers if not answer.cancelled()] == [["10.0.0.7"]] * 100
    assert server.asked["silent"] == 1
    assert outcome(lookups.begin("silent")) == ["10.0.0.7"]
    assert server.asked["silent"] == 2


def test_a_name_that_nobody_waits_for_any_more_is_not_looked_up(server: NameServer) -> None:
    """And makes room for others."""
    lookups = NameLookups(server, threads=1, waiting=2)
    lookups.begin("silent")
    server.wait_for(1)
    for _ in range(10):
        for number in range(2):
            lookups.begin(f"known-{number}").cancel()
    wanted = lookups.begin("known")
    server.speaks.set()
    assert outcome(wanted) == ["10.0.0.7"]
    assert set(server.asked) == {"silent", "known"}


def test_the_names_that_wait_are_bounded(server: NameServer) -> None:
    """One more fails at once."""
    lookups = NameLookups(server, threads=1, waiting=2)
    lookups.begin("silent")
    server.wait_for(1)
    waiting = [lookups.begin(f"known-{number}") for number in range(3)]
    with pytest.raises(OSError, match="2 other names are being looked up"):
        waiting[2].result(timeout=0)
    server.speaks.set()
    assert [outcome(answer) for answer in waiting[:2]] == [["10.0.0.7"]] * 2


def test_at_the_end_every_answer_is_cancelled(server: NameServer) -> None:
    """Those under way, those that wait, and those asked for later."""
    lookups = NameLookups(server, threads=1)
    answers = [lookups.begin("silent")]
    server.wait_for(1)
    answers += [lookups.begin("known"), lookups.begin("silent")]
    lookups.close()
    answers.append(lookups.begin("known"))
    assert all(answer.cancelled() for answer in answers)
    server.speaks.set()
    assert set(server.asked) == {"silent"}


def test_a_name_fails_when_there_can_be_no_thread(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of the operating system is no reason to end whoever asks."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lookups = NameLookups(server)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OSError, match="can't start new thread"):
            lookups.begin("known").result(timeout=0)
    assert outcome(lookups.begin("known")) == ["10.0.0.7"]


def test_a_lookup_that_hangs_does_not_hold_up_the_end_of_its_process() -> None:
    """`getaddrinfo` cannot be interrupted, and may take a minute."""
    program = """
import threading
from peerage.actors.name_lookups import NameLookups
asked = threading.Event()
def hang(host):
    asked.set()
    threading.Event().wait()
NameLookups(hang).begin("name")
asked.wait()
print("the end")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("the end\n", "")


def test_many_names_take_as_long_as_the_slowest(server: NameServer) -> None:
    """They are looked up at the same time; one without an answer in time raises OSError."""
    node_id = "a" * 40
    resolve = resolved_within(0.2, ["known", "unknown", "silent-1", "silent-2", "broken"], server)
    assert str(NetAddress.parse(f"{node_id}@known:1", resolve).host) == "10.0.0.7"
    causes = {}
    for name in ("unknown", "silent-1", "silent-2", "broken"):
        with pytest.raises(AddressLookupError) as caught:
            NetAddress.parse(f"{node_id}@{name}:1", resolve)
        causes[name] = caught.value.reason
    silent = "no answer of a name server within 0.2 s"
    assert causes == {
        "unknown": "the name has no address",
        "silent-1": silent,
        "silent-2": silent,
        "broken": "server failure",
    }


def entry(address: str) -> tuple[Any, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


def test_addresses_come_in_the_systems_order_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone is dropped: it means nothing to anybody else (reference 1)."""
    found = [entry(each) for each in ("10.0.0.2", "fe80::1%eth0", "10.0.0.2", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    assert resolve_host("host.example") == ["10.0.0.2", "fe80::1", "10.0.0.1"]


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")]
)
def test_a_name_that_does_not_resolve_has_no_addresses(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whether the system says so or the name cannot even be asked for."""

    def fail(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert resolve_host("host.example") == []


def test_literal_addresses_need_no_name_server() -> None:
    """Both families."""
    assert resolve_host("127.0.0.1") == ["127.0.0.1"]
    assert resolve_host("::1") == ["::1"]
