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

    clock = FakeClock()                                           # the time of an actor's timers is the test's
    with ReactorHarness(clock.drives(Echo)) as harness:
        clock.pass_by(60.0)

    with EvilPeer(node) as evil:                                  # a peer of a whole node that breaks the rules
        evil.send_plaintext(b"no packet")
        evil.expect_ended()

    net = SimNet(nodes=100, seeds=2, seed=7)                      # a whole network's peer exchange on virtual time
    net.run(600)
    net.kill(net.seeds[0])

No test framework is needed. Whatever is expected and does not arrive raises an AssertionError that says what came instead.
"""

from peerage.testing.evil_peer import EvilPeer, misbehave, misbehaviours
from peerage.testing.fake_clock import FakeClock
from peerage.testing.fake_peer import FakePeer
from peerage.testing.harness import ReactorHarness
from peerage.testing.hook_grammar import GrammarError, HookCall, check_grammar
from peerage.testing.hook_trace import HookTrace
from peerage.testing.killing import kill
from peerage.testing.nodes import connected_nodes, loopback_config
from peerage.testing.probe import Probe
from peerage.testing.sim_net import SimEvent, SimNet, SimNode
from peerage.testing.waiting import run_actor, wait_until

__all__ = [
    "EvilPeer",
    "FakeClock",
    "FakePeer",
    "GrammarError",
    "HookCall",
    "HookTrace",
    "Probe",
    "ReactorHarness",
    "SimEvent",
    "SimNet",
    "SimNode",
    "check_grammar",
    "connected_nodes",
    "kill",
    "loopback_config",
    "misbehave",
    "misbehaviours",
    "run_actor",
    "wait_until",
]
