"""The methods of RPC, called without a server: what they ask of the node, and what they refuse."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.misbehaviour import Offender
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.overview import BookOverview
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.messages import PeerFigures
from peerage.actors.rpc.log_watch import NumberedLine
from peerage.actors.rpc.methods import SAFE, UNSAFE, methods
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.protocol import InternalError
from peerage.actors.rpc.rate_history import Point
from peerage.actors.runtime import Observation
from peerage.actors.snapshot import BansSnapshot, NetInfoSnapshot, StatusSnapshot
from peerage.config.log_tail import LogLine
from tests.actors.rpc.rpc_snapshots import NO_BOOK, RECORDED_NET_INFO, RECORDED_STATUS

BAN = Ban("9.9.9.9", "scans us", 10 * SECOND, 3610 * SECOND)
OFFENDER = Offender("9.9.9.9", 12.345, 3, Offence.PACKET_FLOOD, 10 * SECOND, 1)
PEER = f"{'03' * 20}@127.0.0.1:1"
OF_OURS = {"net_info", "bans", "peers", "book", "log_tail"}
LINE = LogLine(1, 10.0, "info", "peerage.x", "event key=value", "")


class FakeNode:
    """Remembers what it was told to dial."""

    def __init__(self) -> None:
        self.dialled: list[Any] = []
        self.banned: list[Any] = []

    async def health(self) -> None: ...

    async def net_info(self) -> NetInfoSnapshot:
        return RECORDED_NET_INFO

    async def status(self) -> StatusSnapshot:
        return RECORDED_STATUS

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None:
        self.dialled.append(seeds)

    async def dial_peers(
        self, peers: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
    ) -> None:
        self.dialled.append((peers, persistent, unconditional, private))

    async def bans(self, *, hide_private: bool) -> BansSnapshot:
        return BansSnapshot(() if hide_private else (BAN,), (OFFENDER,))

    async def actors(self) -> tuple[Observation, str]:
        return Observation((), {}), "supervisor"

    async def book(self, *, hide_private: bool) -> BookOverview:
        return replace(NO_BOOK, tellers=() if hide_private else (("ab" * 20, "group", 5),))

    async def log(self, *, hide_private: bool) -> list[NumberedLine] | None:
        return None if hide_private else [NumberedLine(n, 7, LINE._replace(number=n)) for n in (1, 2)]

    async def history(self) -> list[Point]:
        return [Point(1.0, 2, 3.0, 4.0, 5, 6, None)]

    async def peers(self, *, hide_private: bool) -> tuple[list[HostPeers], frozenset[str]]:
        return [HostPeers("peers-0", True, PeerFigures((), ()))], frozenset(
            {"secret"} if hide_private else ()
        )

    async def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        self.banned.append((subject, seconds, reason))
        return BAN

    async def unban(self, subject: str) -> bool:
        return subject == BAN.subject


def call(name: str, *arguments: Any, node: FakeNode | None = None, hide_private: bool = False) -> Any:
    method = methods(unsafe=True, hide_private=hide_private)[name]

    async def answer() -> Any:
        return await method.call(node or FakeNode(), *arguments)

    return asyncio.run(answer())


def test_methods_that_change_something_are_there_only_where_they_are_allowed() -> None:
    assert set(methods(unsafe=False, hide_private=True)) == {*SAFE, *OF_OURS}
    assert set(methods(unsafe=True, hide_private=True)) == {
        *SAFE,
        *UNSAFE,
        *OF_OURS,
    }


def test_what_the_node_does_is_told() -> None:
    """Its actors, and its peers as they are asked for."""
    assert call("actors")["actors"] == []
    assert call("book")["tellers"] == [{"id": "ab" * 20, "group": "group", "count": 5}]
    assert call("book", hide_private=True)["tellers"] == []
    assert call("history") == {
        "interval": 10.0,
        "points": [
            {
                "at": 1.0,
                "peers": 2,
                "send_rate": 3.0,
                "recv_rate": 4.0,
                "queued": 5,
                "mailbox": 6,
                "processor": None,
            }
        ],
    }
    assert call("peers", "-since", "anna", 5)["hosts"] == [{"host": "peers-0", "answered": True}]


def test_the_log_is_told_from_where_it_is_known() -> None:
    """And not at all where private peers may stand in it."""
    assert [line["id"] for line in call("log_tail", 0)["lines"]] == [1, 2]
    found = call("log_tail", 1)
    assert (found["last"], [line["text"] for line in found["lines"]]) == (2, ["event key=value"])
    hidden = call("log_tail", 0, hide_private=True)
    assert (hidden["withheld"], hidden["lines"]) == (True, [])


def test_health_is_an_empty_object() -> None:
    """As CometBFT's."""
    assert call("health") == {}


def test_the_node_is_asked_and_its_answer_written_as_json() -> None:
    assert call("status")["node_info"]["id"] == RECORDED_STATUS.node_info.id
    assert call("net_info")["n_peers"] == str(len(RECORDED_NET_INFO.peers))


def test_dialling_is_handed_on_whole() -> None:
    node = FakeNode()
    assert "in progress" in call("dial_seeds", (PEER,), node=node)["log"]
    assert "in progress" in call("dial_peers", (PEER,), True, False, True, node=node)["log"]
    assert node.dialled == [(PEER,), ((PEER,), True, False, True)]


def test_bans_and_scores_are_listed() -> None:
    """Without private peers where these are hidden."""
    answer = call("bans")
    assert answer["bans"] == [
        {
            "subject": "9.9.9.9",
            "reason": "scans us",
            "since": "1970-01-01T00:00:10Z",
            "until": "1970-01-01T01:00:10Z",
            "times": "1",
            "score": 12.3,
        }
    ]
    assert answer["scores"] == [
        {
            "subject": "9.9.9.9",
            "score": 12.3,
            "offences": "3",
            "last_offence": "flood of packets",
            "last_time": "1970-01-01T00:00:10Z",
            "bans": "1",
        }
    ]
    assert (answer["n_bans"], answer["n_scores"]) == ("1", "1")
    assert call("bans", hide_private=True)["n_bans"] == "0"


def test_a_ban_is_for_a_day_unless_another_duration_is_named() -> None:
    """And by the operator, unless there is another reason."""
    node = FakeNode()
    assert call("ban", "9.9.9.9", "", "", node=node)["until"] == "1970-01-01T01:00:10Z"
    call("ban", "9.9.9.0/24", "90s", "scans us", node=node)
    assert node.banned == [("9.9.9.9", 86_400.0, "by the operator"), ("9.9.9.0/24", 90.0, "scans us")]
    assert call("unban", "9.9.9.9") == {"log": "9.9.9.9 is not banned any more"}


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("ban", ("", "", ""), "no subject provided"),
        ("ban", ("9.9.9.9", "1 day", ""), "duration: .*'1 day'|duration: .*1 day"),
        ("ban", ("9.9.9.9", "-1s", ""), "duration: found '-1s', expected more than 0"),
        ("ban", ("9.9.9.9", "", "x" * 201), "reason has 201 characters, allowed: at most 200"),
        ("unban", ("9.9.9.8",), "9.9.9.8 is not banned"),
        ("dial_seeds", ((),), "no seeds provided"),
        ("dial_peers", ((), False, False, False), "no peers provided"),
        (
            "dial_peers",
            ((PEER, "127.0.0.1:1"), True, True, True),
            r"address \(127.0.0.1:1\) does not contain ID",
        ),
    ],
)
def test_what_cannot_be_dialled_is_refused_before_anything_is_done(
    name: str, arguments: tuple[Any, ...], text: str
) -> None:
    """None of the peers becomes persistent, private or unconditional."""
    node = FakeNode()
    with pytest.raises(InternalError, match=text):
        call(name, *arguments, node=node)
    assert node.dialled == []
