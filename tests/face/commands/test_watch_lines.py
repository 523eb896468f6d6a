"""What peerage watch tells, as lines."""

from __future__ import annotations

import json

from peerage.commands.watch_lines import height_json, height_line, transaction_json, transaction_line
from peerage.watching import HeightReport, RoundReport, SeenTransaction, VoteReport

PEER = "ab" * 20
SEEN = SeenTransaction(bytes(31) + b"\xab", 250, 1_767_225_600.25, PEER, 0.0123, 3, 7)
ADDRESS = bytes([1]) * 20
ROUND = RoundReport(
    0,
    0.05,
    PEER,
    b"h" * 32,
    2,
    (VoteReport(0, ADDRESS, 0.1, False, False),),
    (VoteReport(0, ADDRESS, 0.2, False, False), VoteReport(2, ADDRESS, 0.9, True, True)),
    0,
)
HEIGHT = HeightReport(7, 0, 1_767_225_600.0, 0.5, b"h" * 32, 12, 3456, ADDRESS, 4, (1, 3), (3,), (ROUND,))
EMPTY = HeightReport(7, 1, 1_767_225_600.0, 0.5, b"", -1, -1, b"", 0, (), (), ())


def test_a_transaction_as_json() -> None:
    """The hash as CometBFT writes it."""
    assert json.loads(transaction_json(SEEN)) == {
        "type": "transaction",
        "time": "2026-01-01T00:00:00.250Z",
        "hash": "00" * 31 + "AB",
        "size": 250,
        "first_peer": PEER,
        "peers": 3,
        "spread_ms": 12.3,
        "height": 7,
    }


def test_what_is_not_known_is_null() -> None:
    """Of a transaction that no peer brought, and one that is in no block yet."""
    found = json.loads(transaction_json(SEEN._replace(first="", peers=0, height=0)))
    assert (found["first_peer"], found["height"]) == (None, None)
    height = json.loads(height_json(EMPTY))
    assert {name for name, value in height.items() if value is None} == {
        "block",
        "proposer",
        "transactions",
        "size",
        "validators",
    }


def test_a_height_as_json_has_its_rounds_and_votes() -> None:
    """In milliseconds since the round began for us."""
    found = json.loads(height_json(HEIGHT))
    assert (found["height"], found["round"], found["decided_ms"], found["transactions"]) == (7, 0, 500.0, 12)
    assert (found["validators"], found["missing"], found["absent"]) == (4, [1, 3], [3])
    (only,) = found["rounds"]
    assert (only["proposal_ms"], only["proposal_from"], only["parts"]) == (50.0, PEER, 2)
    assert only["prevotes"] == [{"index": 0, "address": "01" * 20, "ms": 100.0, "nil": False}]
    assert [(each["index"], each["nil"], each["late"]) for each in only["precommits"]] == [
        (0, False, False),
        (2, True, True),
    ]


def test_lines_for_people() -> None:
    """One for each."""
    assert transaction_line(SEEN) == (
        f"2026-01-01T00:00:00.250Z transaction {'00' * 31}AB 250 bytes, first by abababab, 3 peers, spread 12.3 ms, "
        "in block 7"
    ).replace("abababab,", "ababababab,")
    assert "in a block only" in transaction_line(SEEN._replace(first="", peers=0))
    assert height_line(HEIGHT) == (
        "2026-01-01T00:00:00.000Z height 7/0, decided after 500 ms, 12 transactions, 3456 bytes, "
        "2 of 4 precommits, late: 2, missing: 1 3"
    )
    assert height_line(EMPTY).endswith("height 7/1, decided after 500 ms, 0 of ? precommits")
