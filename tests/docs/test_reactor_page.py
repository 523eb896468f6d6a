"""The reactors of docs/howto/reactor.md, each run alone: the first one of the page runs in a node (test_howtos.py)."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from peerage import Reactor
from peerage.testing import HookTrace, ReactorHarness
from tests.docs.pages import Block, claim

PAGE = "docs/howto/reactor.md"
SLOW_ECHO = claim(PAGE, "class SlowEcho(Reactor)")
ACCOUNTANT = claim(PAGE, "class Accountant(Reactor)")
PROVER = claim(PAGE, "class Prover(Reactor)")
SEEN = claim(PAGE, "class Seen(Reactor)")
LIMIT_S = 20.0


def reactor_of(block: Block, name: str) -> type[Reactor]:
    """The class that a block defines."""
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(compile(block.text, block.page, "exec", dont_inherit=True), namespace)
    found: type[Reactor] = namespace[name]
    return found


def test_the_slow_echo_serves_its_peers_side_by_side() -> None:
    """Each gets its own back."""
    with HookTrace(reactor_of(SLOW_ECHO, "SlowEcho")) as trace, ReactorHarness(trace.reactor) as harness:
        peers = [harness.connect() for _ in range(5)]
        for number, peer in enumerate(peers):
            peer.send(0x62, b"%d" % number)
        for number, peer in enumerate(peers):
            assert peer.expect(0x62, timeout=LIMIT_S) == b"%d" % number


def test_the_accountant_says_what_each_peer_has_sent() -> None:
    """When it leaves."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), ReactorHarness(reactor_of(ACCOUNTANT, "Accountant")) as harness:
        peer = harness.connect()
        peer.send(0x63, b"1", b"2")
        peer.disconnect()
    assert printed.getvalue() == f"{peer.id} sent 2\n"


def test_the_prover_has_others_compute() -> None:
    """And answers whoever asked."""
    with ReactorHarness(reactor_of(PROVER, "Prover")) as harness:
        peer = harness.connect()
        peer.send(0x65, b"data")
        assert len(peer.expect(0x65, timeout=LIMIT_S)) == 32


def test_what_was_seen_is_known_after_a_restart() -> None:
    """By another reactor of the same name, in the same home."""
    seen: Any = reactor_of(SEEN, "Seen")

    class Restarted(seen):  # type: ignore[misc]  # a class of the page
        def handle(self, message: Any) -> Any:
            if message == "save":
                self.save()
                self.seen: set[bytes] = set()
                self.on_restore(self.runtime.restored())
            return self.seen

    with ReactorHarness(Restarted) as harness:
        peer = harness.connect()
        peer.send(0x64, b"1", b"2")
        peer.wait_until_handled()
        assert harness.ask("save") == {b"1", b"2"}
