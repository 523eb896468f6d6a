"""The errors of a node: what they say, and that they can be sent."""

from __future__ import annotations

import pickle

import pytest

from peerage.actors.refusal import Refusal, RefusalReason
from peerage.config.errors import Mistake
from peerage.supervisors.node.errors import (
    DialError,
    ListenError,
    NodeFailedError,
    NodeLimitError,
    NodeNotRunningError,
    NodeStartError,
    OwnNameUnresolvedError,
    SeedsUnresolvedError,
    UnknownReactorError,
)

ERRORS: list[tuple[Exception, str]] = [
    (
        ListenError("p2p.laddr", "tcp://:1", "Permission denied"),
        "p2p.laddr: cannot listen on 'tcp://:1': Permission denied; a free local address is expected",
    ),
    (DialError("id@host:1", Refusal(RefusalReason.SELF)), f"id@host:1: {Refusal(RefusalReason.SELF)}"),
    (NodeStartError("no thread"), "no thread"),
    (NodeLimitError("RLIMIT_NOFILE is 64"), "RLIMIT_NOFILE is 64"),
    (
        SeedsUnresolvedError({"id@a:1": "unknown", "id@b:1": "gone"}),
        (
            "p2p.seeds: no seed resolves and the address book is empty: 'id@a:1': unknown; 'id@b:1': gone; "
            "a name or IP that resolves is expected"
        ),
    ),
    (
        OwnNameUnresolvedError([Mistake("p2p.external_address", "default", '"a:1"', "a name that resolves")]),
        'p2p.external_address: found "a:1" (default), allowed: a name that resolves',
    ),
    (NodeFailedError("it gave up"), "it gave up"),
    (NodeNotRunningError("abc", "it has been stopped"), "node abc does not run: it has been stopped"),
    (UnknownReactorError("TYPO", ("PEX",)), "no reactor is named 'TYPO'; there are: 'PEX'"),
    (UnknownReactorError("TYPO", ()), "no reactor is named 'TYPO'; there are: none"),
]


@pytest.mark.parametrize(("error", "text"), ERRORS, ids=lambda each: type(each).__name__)
def test_each_says_what_is_wrong_and_can_be_sent(error: Exception, text: str) -> None:
    """Also to another process, with its attributes."""
    copy = pickle.loads(pickle.dumps(error))
    assert (str(error), str(copy), type(copy)) == (text, text, type(error))
    assert vars(copy) == vars(error)
