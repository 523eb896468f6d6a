"""actors/addrbook.py: one writer whose word holds over kills, and who tells the doors whom to keep out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.addrbook import improvements_of, own_address, own_addresses
from peerage.actors.book_client import BookClient
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
from peerage.actors.discovery.book.replica import Replica
from peerage.actors.discovery.sharing.crawl_share import WHOLE
from peerage.actors.messages.book import BansChanged, Charge, CountAddresses, Trust
from peerage.actors.names import NodeNames
from peerage.actors.runtime import PROCESS, THREAD, ProcessActor, System
from peerage.testing import loopback_config, wait_until
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.book_kills import kill_while_adding
from tests.actors.book_stage import Stage
from tests.actors.discovery.nodes import address, node_id

PATIENCE_S = 10.0
_SWITCHES = tuple(Improvements.__dataclass_fields__)


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


@pytest.mark.parametrize(
    ("told", "own"),
    [
        (("tcp://192.0.2.1:1",), ["192.0.2.1:1"]),
        (("tcp://192.0.2.1:1", "tcp://[2600::1]:2"), ["192.0.2.1:1", "[2600::1]:2"]),
        (("tcp://node.example:1", "tcp://[2600::1]:2"), ["[2600::1]:2"]),
    ],
)
def test_all_that_we_tell_is_our_own(tmp_path: Path, told: tuple[str, ...], own: list[str]) -> None:
    """But for names, which the book has none of. The first is where addresses of ours are told from."""
    key = NodeKey.generate()
    first, *others = (
        NodeInfo(id=key.node_id, listen_addr=each, network="test", moniker="m") for each in told
    )
    names = NodeNames("", ("PEX",), 1)
    config = loopback_config(tmp_path)
    context = NodeContext(names, config, key.public_key, first, (), {}, other_infos=tuple(others))
    assert [each.dial_string for each in own_addresses(context)] == own
    assert own_address(context) == (None if "example" in told[0] else own_addresses(context)[0])


def test_the_switch_is_told_whom_to_keep_out(tmp_path: Path) -> None:
    """Everything at the start, then each change; what the book knows of the banned stays with it."""
    with Stage(tmp_path) as stage:
        assert stage.switch.expect(BansChanged) == BansChanged((), whole=True)
        stage.book.call(AddrBook.add, address(1), address(1))
        stage.book.call(BadPeers.ban, node_id(1), 60.0, "forged")
        changed = stage.switch.expect(BansChanged)
        assert [(ban.subject, ban.reason, ban.entry) for ban in changed.bans] == [
            (node_id(1), "forged", None)
        ]
        assert not changed.whole
        stage.book.call(AddrBook.add, address(2), address(2))
        stage.book.call(BadPeers.give_up, node_id(2), 60.0, "nobody answers")
        (given_up,) = stage.switch.expect(BansChanged).bans
        assert given_up.shuts_out_until == 0
        stage.stop()
        stage.start()
        again = stage.switch.expect(BansChanged)
        assert again.whole
        assert [ban.subject for ban in again.bans] == [node_id(1)]


def test_offences_are_counted_and_lead_to_bans_that_the_doors_are_told(tmp_path: Path) -> None:
    """Also before they are on disk. Nothing counts against those whom the operator trusts, now or since a while."""
    sentry = f"{node_id(2)}@9.9.9.9:26656"
    with Stage(tmp_path, p2p={"persistent_peers": sentry}) as stage:
        assert stage.switch.expect(BansChanged).whole
        book = stage.names.addrbook
        book.tell(Trust((node_id(3),)))
        for number in (1, 2, 3):
            book.tell(Charge(Offence.UNASKED_ADDRESSES, node_id(number), "9.9.9.9"))
        (ban,) = stage.switch.expect(BansChanged).bans
        assert (ban.subject, ban.reason) == (node_id(1), "unasked addresses")
        assert [each.subject for each in stage.book.call(Misbehaviour.offenders)] == [node_id(1)]


def test_points_are_on_disk_soon_and_what_is_forgiven_is_gone_at_once(tmp_path: Path) -> None:
    """They wait for the next change, a second at most: strangers cause them."""
    with Stage(tmp_path, PROCESS) as stage:
        stage.names.addrbook.tell(Charge(Offence.PACKET_FLOOD, node_id(1), "9.9.9.9"))
        stage.book.call(BadPeers.ban, "9.9.0.0/16", 60.0, "x")
        stage.kill()
        stage.start()
        offenders = stage.book.call(Misbehaviour.offenders)
        assert [each.subject for each in offenders] == [node_id(1), "9.9.9.9", "9.9.9.0/24", "9.9.0.0/16"]
        assert stage.book.call(Misbehaviour.forgive, "9.9.0.0/16")
        assert stage.book.call(Misbehaviour.forgive, node_id(1))
        stage.kill()
        stage.start()
        offenders = stage.book.call(Misbehaviour.offenders)
        assert [each.subject for each in offenders] == ["9.9.9.9", "9.9.9.0/24"]
        assert stage.book.call(BanList.published) == ()


def test_whoever_has_none_of_its_code_may_ask_how_many_addresses_it_knows(tmp_path: Path) -> None:
    """As a node does at its start."""
    with Stage(tmp_path) as stage:
        assert stage.names.addrbook.ask(CountAddresses()) == 0
        stage.book.call(AddrBook.add, address(1), address(1))
        assert stage.names.addrbook.ask(CountAddresses()) == 1


def test_what_others_count_is_there_after_a_kill(tmp_path: Path) -> None:
    """Requests and failed dials, as soon as it is acknowledged; so are addresses and bans."""
    asked = Fact(FactKind.ASKED, node_id(1), (2, 3, 0, 0))
    with Stage(tmp_path, PROCESS) as stage:
        stage.book.call(FactList.keep, [asked])
        stage.book.call(AddrBook.add, address(2), address(2))
        stage.book.call(BadPeers.ban, "9.9.0.0/16", 60.0, "x")
        stage.kill()
        stage.start()
        assert stage.book.call(FactList.all) == (asked,)
        assert stage.book.call(AddrBook.has, node_id(2))
        assert [ban.subject for ban in stage.book.call(BanList.published)] == ["9.9.0.0/16"]


class Asker(ProcessActor):
    """Asks the book without waiting; ask it for the answers."""

    def __init__(self, book: BookClient) -> None:
        super().__init__()
        self._book = book
        self._answers: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "answers":
            return self._answers
        self._book.request(self._answers.append, *message)
        return None


def test_who_does_not_wait_for_the_book_is_answered_by_its_successor(tmp_path: Path) -> None:
    """A call that finds no book, or whose answer was lost, is made again."""
    with Stage(tmp_path) as stage:
        asker = Asker.options(place=THREAD).start(stage.book)
        stage.stop()
        asker.ask((AddrBook.has, node_id(1)), timeout=PATIENCE_S)
        assert asker.ask("answers", timeout=PATIENCE_S) == []
        stage.start()
        assert wait_until(lambda: asker.ask("answers", timeout=PATIENCE_S)) == [False]
        asker.stop()


def test_a_damaged_file_is_told_of_and_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The node starts all the same, with whatever was whole."""
    with Stage(tmp_path) as stage:
        for number in range(1, 200):
            stage.book.call(AddrBook.add, address(number), address(number))
        stage.stop()
        path = stage.config.home.addrbook_store
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\xff" * 50)
        stage.config.addr_book_path.unlink()
        stage.start()
        size = stage.book.call(AddrBook.statistics).size
        assert 150 < size < 200
        assert list(path.parent.glob("addrbook.sqlite.damaged-*"))


def test_nothing_acknowledged_is_lost_when_the_process_is_killed_while_it_adds(tmp_path: Path) -> None:
    """SIGKILL at random moments. (200 of them: python -m tests.actors.book_kills.)"""
    done = kill_while_adding(tmp_path, kills=5, seed=5)
    assert done.acknowledged > 0
    assert done.lost == 0


@pytest.mark.parametrize("switch", _SWITCHES)
def test_every_improvement_can_be_switched_off(tmp_path: Path, switch: str) -> None:
    """Each has a key of its own in [peerage]; without any the rules are CometBFT's."""
    config = loopback_config(tmp_path, peerage={switch: False})
    off = {name for name in _SWITCHES if not getattr(improvements_of(config), name)}
    assert off == {switch}
    config = loopback_config(tmp_path, peerage=dict.fromkeys(_SWITCHES, False))
    assert improvements_of(config) == COMETBFT_RULES


def test_a_book_that_is_shared_keeps_what_was_forgiven_and_waits_with_visits(tmp_path: Path) -> None:
    """Until it has heard whom to visit; what was forgiven is told to the others, also after a restart. A book by itself does
    neither.
    """
    for place, cluster in (("one", ""), ("shared", "10.0.0.1:6379")):
        with Stage(tmp_path / place, peerage={"cluster": cluster}) as stage:
            stage.book.call(AddrBook.add, address(1), address(1))
            due = stage.book.call(DialChooser.due, 10)
            assert due == ([address(1)] if place == "one" else [])
            stage.book.call(Misbehaviour.forgive, node_id(2))
            stage.stop()
            stage.start()
            kept = [fact.name for fact in stage.book.call(FactList.all) if fact.kind is FactKind.PARDON]
            assert kept == ([] if place == "one" else [node_id(2)])
            stage.book.call(Replica.visit, WHOLE)
            assert stage.book.call(DialChooser.due, 10) == [address(1)]
