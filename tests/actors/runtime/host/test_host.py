"""A host in a system without anybody else: how actors come into it, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peerage.actors.runtime import ActorStartError, ProcessActor
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.host.start_request import Endowment, StartRequest
from peerage.actors.runtime.host.stopping import Leave, Standing, Stop
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.request import Request
from tests.actors.runtime.host.fakes import Post

SERIAL = 4
ASKER = 7 << 20
OWNER = ActorRef("owner", "elsewhere", 9, system="lonely")


class Plain(ProcessActor):
    """Fails in its constructor if it is told to, and notes how it was made."""

    def __init__(self, failure: BaseException | None = None) -> None:
        super().__init__()
        self.made_with = (self.runtime.extra, self.runtime.fds, self.actor_urn)
        if failure is not None:
            raise failure


class Patient(Plain):
    stops_others = True


class Told(Post):
    """What a host sends to others, beside what it sends to itself."""

    def __init__(self, send: Callable[..., None], own: int) -> None:
        super().__init__()
        self._send, self._own = send, own

    def send(self, address: int, kind: int, corr: int = 0, **rest: Any) -> None:
        if address == self._own:
            self._send(address, kind, corr, **rest)
        else:
            super().send(address, kind, corr, **rest)

    def of(self, kind: Kind) -> list[Any]:
        return [
            value for address, found, _number, value in self.sent if found == kind and address == ROOT_ADDRESS
        ]


@pytest.fixture
def host(lonely: Process) -> Iterator[Host]:
    host = Host(lonely, "host", SERIAL, keep=False)
    yield host
    if not host.port.closed:
        host.loop.finished = True
        host.run()


@pytest.fixture
def told(host: Host, monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told(host.port.send, host.port.address)
    monkeypatch.setattr(host.port, "send", told.send)
    return told


def start(host: Host, name: str = "actor", cls: type[Plain] = Plain, **endowment: Any) -> ActorRef[Any]:
    return host.start_here(cls, name, (), {}, Endowment(**endowment))


def actor(host: Host, name: str = "actor") -> Any:
    return host.cells[name.encode()].actor


def test_an_actor_knows_its_place_in_its_constructor_already(host: Host) -> None:
    """Its name, what it was passed, and its context."""
    ref = start(host, extra="extra", fds={"life": 99})
    assert actor(host).made_with == ("extra", {"life": 99}, "actor")
    assert (ref.host, ref.serial) == ("host", SERIAL)


def test_a_name_is_taken_until_its_bearer_has_ended(host: Host) -> None:
    """And free at once then."""
    start(host)
    with pytest.raises(ActorStartError, match="the name is taken in host 'host'"):
        start(host)
    host.cells[b"actor"].end(DownReason("normal"))
    start(host)


def hear(host: Host, kind: Kind, corr: int = 0) -> None:
    """Somebody sends to the actor that the host was made for."""
    host.port.handlers[kind](0, ASKER, corr, b"actor", b"", codec.dumps("early"), (), 0)


def test_what_comes_before_the_actor_waits_for_it(host: Host, told: Told) -> None:
    """Somebody may have heard of the host, and be faster than its start message."""
    hear(host, Kind.TELL)
    hear(host, Kind.ASK, 5)
    assert told.sent == []
    start(host)
    assert host.cells[b"actor"].mailbox.depth == 2


@pytest.mark.parametrize("fault", [b"not a start message", None], ids=["unreadable start", "end of the host"])
def test_what_comes_before_an_actor_that_never_is_is_refused(
    host: Host, told: Told, fault: bytes | None
) -> None:
    """As if it had come later."""
    hear(host, Kind.ASK, 5)
    if fault is not None:
        answers(host, fault)
    else:
        host.shutdown()
        host.run()
    assert (ASKER, Kind.DEAD, 5) in [sent[:3] for sent in told.sent]


def test_an_actor_that_cannot_be_made_leaves_nothing(host: Host) -> None:
    """The host ends, if it was made for that one."""
    with pytest.raises(ValueError, match="no"):
        host.start_here(Plain, "actor", (ValueError("no"),), {}, Endowment())
    assert (host.cells, host.finished) == ({}, True)


def answers(host: Host, body: bytes) -> list[Any]:
    post = Post()
    host.start_from(Request(post, ASKER, 3), body)
    return post.sent


def start_request(*args: Any, cls: Any = Plain, owner: Any = None) -> bytes:
    return StartRequest("actor", codec.dumps((cls, args, {})), "extra", owner).packed()


def test_a_start_that_was_asked_for_is_answered_with_the_hosts_serial(host: Host) -> None:
    """Its asker then knows which life of the host it is in."""
    host.passed_fds = {"life": 99}
    assert answers(host, start_request()) == [(ASKER, Kind.REPLY, 3, SERIAL)]
    assert actor(host).made_with == ("extra", {"life": 99}, "actor")
    assert host.passed_fds == {}


@pytest.mark.parametrize(
    ("failure", "told"),
    [(ValueError("no"), "ValueError"), (SystemExit(3), "ActorStartError")],
    ids=["an error", "an exit"],
)
def test_a_start_that_fails_is_answered_with_why(host: Host, failure: BaseException, told: str) -> None:
    """SystemExit ends the actor, and not those who asked for it."""
    [(_address, kind, _number, error)] = answers(host, start_request(failure))
    assert (kind, type(error).__name__) == (Kind.FAIL, told)
    assert host.finished


def test_a_start_that_cannot_be_read_is_answered_too(host: Host) -> None:
    """And the host that was made for it ends."""
    assert answers(host, b"nonsense")[0][1] == Kind.FAIL
    assert host.finished


def test_an_actor_is_linked_to_the_owner_that_its_request_names(host: Host, lonely: Process) -> None:
    """It belongs to that one from its first moment."""
    answers(host, start_request(owner=OWNER))
    assert host.cells[b"actor"].owner is not None or lonely.table.is_dead(OWNER.serial)


def test_a_host_ends_with_its_last_actor(host: Host) -> None:
    """Unless it is to be kept."""
    start(host)
    start(host, "other")
    host.cells[b"actor"].end(DownReason("normal"))
    assert not host.finished
    host.cells[b"other"].end(DownReason("killed", "last"))
    assert (host.finished, host.reason.text) == (True, "last")


def test_a_host_that_is_kept_stays(host: Host) -> None:
    """Until it is told to stop."""
    host.keep = True
    start(host)
    host.cells[b"actor"].end(DownReason("normal"))
    assert not host.finished
    host.shutdown()
    assert host.finished


def test_told_to_stop_it_stops_its_actors_the_last_started_first(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And starts no more."""
    ended: list[str] = []
    monkeypatch.setattr(Plain, "on_stop", lambda self: ended.append(self.actor_urn))
    for name in ("first", "second"):
        start(host, name)
    host.shutdown()
    with pytest.raises(ActorStartError, match="host 'host' is stopping"):
        start(host, "third")
    host.loop.turn(0.0)
    assert (ended, host.finished) == (["second", "first"], True)


def test_owned_actors_are_left_to_their_owners(host: Host, told: Told, lonely: Process) -> None:
    """The root is told that the host waits for that; a second stop takes all of them."""
    lonely.kept[9] = set()
    start(host, "free")
    start(host, "owned")
    host.cells[b"owned"].owner = OWNER
    host.shutdown(leave=Leave.OWNED)
    host.loop.turn(0.0)
    assert (set(host.cells), host.finished) == ({b"owned"}, False)
    assert told.of(Kind.HOST_STANDING)[-1] == tuple(Standing(waits_for_owners=True))
    host.shutdown()
    host.loop.turn(0.0)
    assert host.finished


def test_an_owner_in_another_process_does_not_keep_what_ends_with_its_process(host: Host) -> None:
    """Where only those are left whose owner lives in this one."""
    start(host, "owned")
    host.cells[b"owned"].owner = OWNER
    host.shutdown(*Stop(leave=Leave.OWNED_HERE))
    host.loop.turn(0.0)
    assert host.finished


def test_the_root_hears_that_the_host_leaves_before_anybody_hears_of_the_end(host: Host, told: Told) -> None:
    """Whoever hears of it may want the name at once."""
    start(host)
    host.cells[b"actor"].watchers.add((ASKER, 5))
    host.cells[b"actor"].end(DownReason("normal"))
    leaving = (ROOT_ADDRESS, Kind.HOST_STANDING, SERIAL, tuple(Standing(leaves=True)))
    assert next(sent for sent in told.sent if sent == leaving or sent[1] == Kind.DOWN) == leaving
    assert (ASKER, Kind.DOWN) in [sent[:2] for sent in told.sent]


def test_a_host_that_is_kept_does_not_leave_with_its_last_actor(host: Host, told: Told) -> None:
    host.keep = True
    start(host)
    host.cells[b"actor"].end(DownReason("normal"))
    assert told.of(Kind.HOST_STANDING) == []


def test_the_root_hears_of_an_actor_that_stops_others(host: Host, told: Told) -> None:
    """Nobody may hurry its host."""
    start(host, cls=Patient)
    host.cells[b"actor"].end(DownReason("normal"))
    standings = [Standing(is_patient=True), Standing(is_patient=True, leaves=True), Standing(leaves=True)]
    assert told.of(Kind.HOST_STANDING) == list(map(tuple, standings))


def test_its_last_message_says_why_it_ends_and_how_its_actors_did(host: Host, told: Told) -> None:
    """Somebody may just be asking to watch them."""
    start(host)
    host.cells[b"actor"].end(DownReason("killed", "so"))
    host.run()
    reason = DownReason("killed", "so")
    assert told.of(Kind.HOST_BYE) == [(reason, {"actor": reason})]
    assert host.port.closed


def test_the_root_hears_of_a_sigterm(host: Host, told: Told) -> None:
    """It knows whether it alone had one."""
    host.report_sigterm()
    assert [(sent[1], sent[2]) for sent in told.sent] == [(Kind.HOST_SIGTERM, SERIAL)]


def test_the_systems_end_is_known_before_the_hosts_own_turn(host: Host) -> None:
    """Its actors need restart nothing any more."""
    assert not host.is_system_ending
    host.port.handlers[Kind.SYSTEM_ENDS](0, ROOT_ADDRESS, 0, b"", b"", b"", (), 0)
    assert (host.is_system_ending, host.closing) == (True, False)


def test_a_host_whose_loop_fails_does_not_say_that_it_ended_normally(
    host: Host, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a fault of ours, and a supervisor has to hear of it."""

    def turn(*_: Any) -> None:
        raise LookupError("a fault")

    monkeypatch.setattr(host.loop, "turn", turn)
    with pytest.raises(LookupError):
        host.run()
    [(reason, _ends)] = told.of(Kind.HOST_BYE)
    assert (reason.kind, reason.text, reason.is_orderly) == ("exception", "LookupError: a fault", False)
