"""One actor in a loop of fakes: how its messages are handled, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import ProcessActor, StopIncompleteError
from peerage.actors.runtime.host.cell import TURN_MESSAGES, ActorCell
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.mailbox import Item
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.batch import Batch
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.handled_counts import SETTLED
from peerage.actors.runtime.mail.ref import ActorRef
from tests.actors.runtime.host.fakes import CellPort, Keeper, ask, tell
from tests.actors.runtime.host.fakes import cell as make_cell
from tests.actors.runtime.host.fakes import loop as fake_loop

SENDER = 7 << 20
FD = 2000


class Scribe(ProcessActor):
    """Notes what is called; a message that can be called is."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.on_last: Callable[[], object] = lambda: None
        self.on_message: Callable[[Any], object] = lambda _message: None

    def on_receive(self, message: Any) -> Any:
        self.log.append(message)
        self.on_message(message)
        if isinstance(message, Exception):
            raise message
        return message

    def on_stop(self) -> None:
        self.log.append("on_stop")
        self.on_last()

    def on_failure(self, *args: Any) -> None:
        self.log.append(("on_failure", args[0].__name__))
        self.on_last()

    def on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        self.log.append(("on_down", ref.name, reason.kind))


@pytest.fixture
def loop() -> Iterator[Loop[ActorCell]]:
    loop, _poller = fake_loop()
    yield loop
    loop.close()


@pytest.fixture
def port() -> CellPort:
    return CellPort()


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def actor() -> Scribe:
    return Scribe()


@pytest.fixture
def cell(loop: Loop[ActorCell], port: CellPort, keeper: Keeper, actor: Scribe) -> ActorCell:
    return make_cell(loop, port, keeper, actor)


def batch(*values: Any, joined: bool = True) -> Item:
    parcel = Batch(
        joined, list(values) if joined else [codec.dumps(value) for value in values], [1] * len(values)
    )
    flags, body = parcel.pack()
    return int(Kind.TELL), flags, SENDER, len(values), b"", body, (), len(values), 0.0


def stop(number: int = 0) -> Item:
    return int(Kind.STOP), 0, SENDER, number, b"", codec.dumps(None), (), 0, 0.0


def acknowledged(port: CellPort) -> list[tuple[int, ...]]:
    return [value[1] for _address, kind, _number, value in port.sent if kind == Kind.ACK]


def test_messages_are_handled_in_the_loops_turn(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell]
) -> None:
    """In their order, and acknowledged a moment later."""
    for value in ("a", "b"):
        cell.put(tell(value))
    assert actor.log == []
    loop.turn(0.0)
    assert (actor.log, cell.mailbox.handled, cell.mailbox.depth, cell.mailbox.size) == (["a", "b"], 2, 0, 0)


def test_an_ask_is_answered(cell: ActorCell, port: CellPort, loop: Loop[ActorCell]) -> None:
    """With what `on_receive` returns, or raises: the actor lives on."""
    cell.put(ask("a", 1))
    cell.put(ask(ValueError("no"), 2))
    loop.turn(0.0)
    assert [(sent[1], sent[2], str(sent[3])) for sent in port.sent] == [
        (Kind.REPLY, 1, "a"),
        (Kind.FAIL, 2, "no"),
    ]
    assert not cell.ended


def test_no_more_than_its_share_is_handled_in_a_turn(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell]
) -> None:
    """So that its neighbours are served, too; what is left comes next."""
    for number in range(TURN_MESSAGES + 1):
        cell.put(tell(number))
    loop.turn(0.0)
    assert len(actor.log) == TURN_MESSAGES
    loop.turn(0.0)
    assert len(actor.log) == TURN_MESSAGES + 1


@pytest.mark.parametrize("joined", [True, False], ids=["joined", "pickled one by one"])
def test_a_batch_is_handled_as_if_each_message_had_come_alone(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell], joined: bool
) -> None:
    """What is over the actor's share waits."""
    values = list(range(TURN_MESSAGES + 2))
    cell.put(batch(*values, joined=joined))
    loop.turn(0.0)
    assert (actor.log, cell.mailbox.depth) == (values[:TURN_MESSAGES], 2)
    loop.turn(0.0)
    assert (actor.log, cell.mailbox.depth, cell.mailbox.handled) == (values, 0, len(values))


def test_a_message_that_cannot_be_read_is_a_dead_letter(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell]
) -> None:
    """The actor goes on."""
    item = tell("a")
    cell.put((*item[:5], b"nonsense", *item[6:]))
    cell.put(tell("b"))
    loop.turn(0.0)
    cell.end(DownReason("normal"))
    assert actor.log == ["b"]
    assert [counts[3] for counts in acknowledged(port)] == [1]


def test_a_failure_ends_the_actor_and_the_rest_are_dead_letters(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell], keeper: Keeper
) -> None:
    """Asks are told so."""
    for item in (tell(ValueError("boom")), tell("never"), batch("never", "never"), ask("never", 5)):
        cell.put(item)
    loop.turn(0.0)
    assert actor.log[1:] == [("on_failure", "ValueError")]
    assert acknowledged(port) == [(4, port_size(port), 0, 3)]
    assert [sent[2] for sent in port.sent if sent[1] == Kind.DEAD] == [5]
    [(name, reason)] = keeper.ended
    assert (name, reason.kind, reason.text) == ("actor", "exception", "ValueError: boom")


def port_size(port: CellPort) -> int:
    """The bytes of all that is acknowledged: what a message has cost its sender's window, whatever became of it."""
    return sum(counts[1] for counts in acknowledged(port))


def test_a_failure_in_a_batch_makes_the_rest_of_it_dead_letters(
    cell: ActorCell, port: CellPort, loop: Loop[ActorCell]
) -> None:
    """They were in one frame, and are counted one by one."""
    cell.put(batch("a", ValueError("boom"), "never", "never", joined=False))
    loop.turn(0.0)
    [counts] = acknowledged(port)
    assert (counts[0], counts[3], cell.mailbox.handled) == (4, 2, 2)


@pytest.mark.parametrize("joined", [True, False], ids=["joined", "pickled one by one"])
def test_the_file_of_counts_may_be_written_again_in_the_middle_of_a_batch(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell], tmp_path: Path, joined: bool
) -> None:
    """A handler waits, and meanwhile the loop finds that somebody has removed the directory."""
    receipts = cell._receipts
    receipts._path = str(tmp_path / "handled")

    def remove(message: Any) -> None:
        if message == "b":
            (tmp_path / "handled").unlink()
            receipts.write_again()

    actor.on_message = remove
    cell.put(batch("a", "b", "c", joined=joined))
    loop.turn(0.0)
    receipts.acknowledge_all()
    assert (actor.log, cell.ended, acknowledged(port)) == (["a", "b", "c"], False, [(3, 3, 0, 0)])
    assert receipts.words[cell.unacknowledged[SENDER].entry + SETTLED] == 3
    receipts.close()


def _fork(cell: ActorCell) -> None:
    """What the runtime does in a child right after a fork."""
    cell._receipts.disown()
    cell.mailbox.clear()


def test_a_child_that_was_forked_in_a_batch_ends_with_its_own_code(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was forked while a single message was handled: what it raises reaches the cell."""
    cell._receipts._path = str(tmp_path / "handled")
    failures: list[BaseException] = []
    monkeypatch.setattr(cell, "fail", failures.append)
    exit_code = SystemExit(3)

    def leave(_message: Any) -> None:
        _fork(cell)
        raise exit_code

    actor.on_message = leave
    cell.put(batch("a", "b"))
    loop.turn(0.0)
    assert (actor.log, failures) == (["a"], [exit_code])


@pytest.mark.parametrize("joined", [True, False], ids=["joined", "pickled one by one"])
def test_a_child_that_was_forked_in_a_batch_handles_nothing_of_the_rest(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell], tmp_path: Path, joined: bool
) -> None:
    """Its parent does."""
    cell._receipts._path = str(tmp_path / "handled")
    actor.on_message = lambda _message: _fork(cell)
    cell.put(batch("a", "b", "c", joined=joined))
    loop.turn(0.0)
    assert actor.log == ["a"]


def test_a_handled_batch_is_let_go_of(cell: ActorCell, loop: Loop[ActorCell]) -> None:
    """An actor that waits for its next message holds none of the last ones."""
    cell.put(batch("a", "b"))
    loop.turn(0.0)
    assert cell.mailbox.batch == []


def test_a_stop_comes_after_what_was_there_before(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell], keeper: Keeper
) -> None:
    """And is answered when all is over; what comes behind it is refused."""
    for item in (tell("a"), stop(3), tell("never")):
        cell.put(item)
    cell.watchers.add((8, 9))
    loop.turn(0.0)
    assert actor.log == ["a", "on_stop"]
    assert [(kind, number) for _address, kind, number, _value in port.sent if kind != Kind.ACK] == [
        (Kind.DOWN, 9),
        (Kind.REPLY, 3),
    ]
    assert keeper.ended == [("actor", DownReason("normal", "stopped"))]


def test_an_actor_with_an_empty_mailbox_may_end_without_a_message(
    cell: ActorCell, actor: Scribe, port: CellPort, keeper: Keeper, loop: Loop[ActorCell]
) -> None:
    """When it has handled what it is handling, and once."""

    def stop_twice(_message: Any) -> None:
        cell.stop_soon()
        cell.stop_soon()

    actor.on_message = stop_twice
    cell.put(tell("a"))
    loop.turn(0.0)
    assert (actor.log, cell.ended) == (["a"], False)
    loop.turn(0.0)
    assert (actor.log, cell.ended) == (["a", "on_stop"], True)
    assert keeper.ended == [("actor", DownReason("normal", "stopped"))]


def test_what_is_in_the_mailbox_is_handled_before_such_an_end(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a request to stop, behind it."""
    monkeypatch.setattr(actor, "stop", lambda: cell.put(stop()))

    def stop_at_first(message: Any) -> None:
        if message == "a":
            cell.stop_soon()

    actor.on_message = stop_at_first
    for value in ("a", "b"):
        cell.put(tell(value))
    loop.turn(0.0)
    loop.turn(0.0)
    assert (actor.log, cell.ended) == (["a", "b", "on_stop"], True)


@pytest.mark.parametrize(
    ("error", "is_orderly"), [(StopIncompleteError("two left"), True), (ValueError("boom"), False)]
)
def test_an_on_stop_that_raises_is_the_reason_of_the_end(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell], keeper: Keeper, error: Exception, is_orderly: bool
) -> None:
    """Work undone is said, and is no failure."""

    def fail() -> None:
        raise error

    actor.on_last = fail
    cell.put(stop())
    loop.turn(0.0)
    reason = keeper.ended[0][1]
    assert (reason.kind, reason.is_orderly) == ("exception", is_orderly)


def test_a_callback_waits_while_the_actor_is_busy(
    cell: ActorCell, actor: Scribe, loop: Loop[ActorCell]
) -> None:
    """One thing at a time."""
    cell.enter()
    cell.call(actor.log.append, ("called",))
    assert actor.log == []
    cell.leave()
    loop.turn(0.0)
    assert actor.log == ["called"]


def test_an_exception_in_a_callback_ends_the_actor(cell: ActorCell, keeper: Keeper) -> None:
    """As one in `on_receive` does."""
    cell.call([].pop, ())
    assert keeper.ended[0][1].text.startswith("IndexError")


def test_a_busy_actor_is_not_entered_again(cell: ActorCell, actor: Scribe, loop: Loop[ActorCell]) -> None:
    """What comes meanwhile is handled when it is free."""
    cell.enter()
    cell.put(tell("a"))
    loop.turn(0.0)
    assert actor.log == []
    cell.leave()
    loop.turn(0.0)
    assert actor.log == ["a"]


def test_at_its_end_timers_descriptors_and_watches_are_dropped(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell], keeper: Keeper
) -> None:
    """Nothing calls an actor that has ended."""
    loop.call_later(cell, 1.0, actor.log.append, "timer")
    loop.call_soon(cell, actor.log.append, "call")
    loop.descriptors.set(FD, cell, reader=lambda: None)
    cell.watching.watch(ActorRef("other", system="test"))
    cell.end(DownReason("normal"))
    loop.turn(2.0)
    assert (actor.log, port.watches, cell.fds) == ([], {}, set())
    assert keeper.forgotten == [cell]


def test_it_ends_once(cell: ActorCell, keeper: Keeper) -> None:
    """Whoever says so second comes too late."""
    cell.end(DownReason("normal"))
    cell.fail(ValueError("boom"))
    cell.end(DownReason("shutdown"))
    assert [reason.kind for _name, reason in keeper.ended] == ["normal"]


def test_a_linked_actor_stops_when_its_owner_has_ended(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell], keeper: Keeper
) -> None:
    """In the loop's turn; from then on it belongs to nobody."""
    owner = ActorRef("owner", "elsewhere", 5, system="test")
    cell.link_to(owner)
    assert cell.owner == owner
    [(_ref, ended)] = port.watches.values()
    ended(owner, DownReason("killed"))
    loop.turn(0.0)
    assert actor.log == ["on_stop"]
    assert vars(cell)["owner"] is None
    assert keeper.ended[0][1].kind == "shutdown"


def test_an_actor_linked_to_one_that_has_ended_stops_at_once(
    cell: ActorCell, port: CellPort, loop: Loop[ActorCell], keeper: Keeper
) -> None:
    """It is not watched: a successor under its name is not meant."""
    port.table.dead.add(5)
    cell.link_to(ActorRef("owner", "elsewhere", 5, system="test"))
    loop.turn(0.0)
    assert (port.watches, keeper.ended[0][1].kind) == ({}, "shutdown")


def test_the_end_of_a_watched_actor_reaches_on_down(
    cell: ActorCell, actor: Scribe, port: CellPort, loop: Loop[ActorCell]
) -> None:
    """To `on_down`, in the loop's turn."""
    other = ActorRef("other", system="test")
    cell.watching.watch(other)
    [(_ref, ended)] = port.watches.values()
    ended(other, DownReason("killed"))
    assert actor.log == []
    loop.turn(0.0)
    assert actor.log == [("on_down", "other", "killed")]


def test_a_cell_shares_the_keys_of_its_attributes(
    cell: ActorCell, loop: Loop[ActorCell], port: CellPort, keeper: Keeper
) -> None:
    """With one attribute more, CPython keeps a dictionary for each instance, four times as large: hosts have many actors."""
    assert len(vars(make_cell(loop, port, keeper))) == len(vars(cell)) <= 29
