"""Tools for testing reactors and other actors: connected nodes, a reactor alone with fake peers, and probes.

    with connected_nodes(2, {"ECHO": Echo}) as (anna, bert):      # whole nodes: processes, TCP, encryption
        ...
    with ReactorHarness(Echo) as harness:                         # the reactor alone, in a thread: milliseconds
        peer = harness.connect()
        peer.send(0x50, b"hello")
        assert peer.expect(0x50) == b"hello"

    with HookTrace(Echo) as trace:                                # records the calls of hooks, and checks their order
        with ReactorHarness(trace.reactor) as harness:
            ...

No test framework is needed. Whatever is expected and does not arrive raises an AssertionError that says what came instead.
"""

from peerage.testing.fake_peer import FakePeer
from peerage.testing.harness import ReactorHarness
from peerage.testing.hook_grammar import GrammarError, HookCall, check_grammar
from peerage.testing.hook_trace import HookTrace
from peerage.testing.nodes import connected_nodes, loopback_config
from peerage.testing.probe import Probe
from peerage.testing.waiting import run_actor, wait_until

__all__ = [
    "FakePeer",
    "GrammarError",
    "HookCall",
    "HookTrace",
    "Probe",
    "ReactorHarness",
    "check_grammar",
    "connected_nodes",
    "loopback_config",
    "run_actor",
    "wait_until",
]
