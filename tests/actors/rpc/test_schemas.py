"""actors/rpc/schemas.py: schemas that say what a result has, no more and no less."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.misbehaviour import Offender
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.overview import BookOverview, GroupCounts
from peerage.actors.rpc import results, schemas, watch_results
from peerage.actors.rpc.log_watch import NumberedLine
from peerage.actors.rpc.rate_history import Point
from peerage.actors.runtime import CrowdFacts, Observation
from peerage.actors.snapshot import BansSnapshot
from peerage.config.log_tail import LogLine
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO, RECORDED_STATUS
from tests.actors.rpc.test_watch_results import ANNA, BERT, CARL, facts, found, hosts

BAN = Ban("192.0.2.1", "by the operator", 1_500_000_000, 3_000_000_000)
OFFENDER = Offender("192.0.2.2", 1.5, 2, Offence.FORGED_FRAME, 1_500_000_000, 1)
OBSERVED = Observation(
    (found("node", facts("node"), crowds=(CrowdFacts("module:Peer", 9, 5, 6, 1.0, 9),)),), {}
)
BOOK = BookOverview(
    9, 5, (1, 0), (8,), 64, 64, (GroupCounts("203.0.0.0", 1, 2, 3),), (("ab" * 20, "203.0.0.0", 5),)
)
LINE = NumberedLine(1, 7, LogLine(1, 10.0, "info", "peerage.x", "met", ""))
RESULTS: dict[str, tuple[schemas.Schema, Any]] = {
    "net_info": (schemas.NET_INFO, results.net_info(RECORDED_NET_INFO, hide_private=True)),
    "status": (schemas.STATUS, results.status(RECORDED_STATUS)),
    "ban": (schemas.BAN, results.ban(BAN)),
    "bans": (schemas.BANS, results.bans(BansSnapshot((BAN,), (OFFENDER,)))),
    "actors": (schemas.ACTORS, watch_results.actors(OBSERVED, "node")),
    "peers": (schemas.PEERS, watch_results.peers(hosts(ANNA, BERT, CARL))),
    "book": (schemas.BOOK, watch_results.book(BOOK)),
    "history": (
        schemas.HISTORY,
        {"interval": 10.0, "points": [Point(1.0, 2, 3.0, 4.0, 5, 6, None)._asdict()]},
    ),
    "log_tail": (schemas.LOG_TAIL, watch_results.log_tail([LINE], 0)),
    "log": (schemas.LOG, {"log": "begun"}),
    "empty": (schemas.EMPTY, {}),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_fit(name: str) -> None:
    """As they are made; a field more or less does not."""
    schema, made = RESULTS[name]
    result = json.loads(json.dumps(made))
    validator = Draft202012Validator(dict(schema))
    validator.check_schema(dict(schema))
    assert validator.is_valid(result)
    assert not validator.is_valid({**result, "more": 1})
    for field in result:
        assert not validator.is_valid({key: value for key, value in result.items() if key != field})
