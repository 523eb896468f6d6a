"""What the columns of `peerage top` say of a row."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.rpc.watch_results import PEER_ORDERS as ORDERS_OF_THE_NODE
from peerage.commands.exit_status import MistakeError
from peerage.commands.live_table import Column
from peerage.commands.top_columns import ACTORS, PEER_ORDERS, PEERS, REFUSALS, check_order
from peerage.commands.top_sample import Sample
from tests.face.commands.top_answers import EVIL, EVIL_SHOWN, actor, actors, host, peer, peers, refusal


def said(columns: tuple[Column, ...], row: Any) -> dict[str, str]:
    return {column.title: column.cell(row) for column in columns}


def of_actor(**facts: Any) -> dict[str, str]:
    answer = actors(hosts=[host("node", 1)], rows=[actor("node", **facts)])
    return said(ACTORS, Sample.of(answer, peers(), None).rows[0])


def test_the_node_can_sort_by_what_the_command_offers() -> None:
    """A mistake is told with all that is allowed."""
    assert set(PEER_ORDERS) <= set(ORDERS_OF_THE_NODE)
    check_order("-since")
    with pytest.raises(MistakeError, match=r"found 'shoe size', allowed: .*since"):
        check_order("shoe size")


def test_an_actor() -> None:
    """Its host's process stands in its row."""
    row = of_actor(count=5, depth=1, mailbox=1500, oldest_age=0.25, restarts=2, last_cause="killed")
    assert (row["ACTOR"], row["PID"], row["MEM"], row["MAIL"], row["OLDEST"]) == (
        "  node x5",
        "1",
        "1.00M",
        "1.50k",
        "250ms",
    )
    assert (row["RESTARTS"], row["LAST CAUSE"], row["CLASS"], row["CPU"]) == ("2", "killed", "Class", "-")


def test_an_actor_that_waits_says_for_whom() -> None:
    assert of_actor(state="waiting", waits_for="switch")["STATE"] == "waits: switch"


def test_a_peer() -> None:
    """Whether it is wanted, and what waits for it."""
    row = said(PEERS, peer("anna", queues=[{"channel": 0x30, "queued": 3, "capacity": 10}], queued=3))
    assert (row["PEER"], row["ID"], row["DIR"], row["RTT"], row["SEND/S"]) == (
        "anna",
        "ababababab",
        "out*",
        "12ms",
        "1.23k",
    )
    assert (row["QUEUE"], row["BY CHANNEL"], row["LAST REFUSAL"]) == ("3", "30:3/10", "")
    inbound = said(
        PEERS,
        peer("b", is_outbound=False, is_persistent=False, is_unconditional=True, last_refusal=refusal()),
    )
    assert (inbound["DIR"], inbound["LAST REFUSAL"][:7]) == ("in+", "banned ")


def test_what_a_remote_has_chosen_is_escaped() -> None:
    """Nothing of it reaches the terminal as it is."""
    row = said(PEERS, peer(EVIL, version=EVIL, address=EVIL, id=EVIL, host=EVIL))
    assert row["PEER"] == EVIL_SHOWN
    texts = [*row.values(), *said(REFUSALS, refusal(reason=EVIL, address=EVIL, id=EVIL)).values()]
    texts += of_actor(last_cause=EVIL, waits_for=EVIL, **{"class": EVIL}).values()
    assert [text for text in texts if not text.isprintable()] == []
