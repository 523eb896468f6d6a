"""Why a peer was refused."""

from __future__ import annotations

import pickle

import pytest

from peerage.actors.refusal import DETAIL_LIMIT, Refusal, RefusalReason


def test_a_refusal_is_its_reason_and_what_was_found() -> None:
    """One line for the log."""
    assert str(Refusal(RefusalReason.BANNED, "10.0.0.1 is banned")) == "banned: 10.0.0.1 is banned"
    assert str(Refusal(RefusalReason.SELF)) == "self"


def test_what_the_remote_says_is_cut_and_made_harmless() -> None:
    """It may be long, and is written to a terminal."""
    detail = Refusal(RefusalReason.FILTERED, "\x1b[2J" + "x" * 10_000).detail
    assert len(detail) <= DETAIL_LIMIT
    assert "\x1b" not in detail


@pytest.mark.parametrize("reason", RefusalReason)
def test_only_another_network_or_protocol_is_let_be(reason: RefusalReason) -> None:
    """The remote could not mend it soon; everything else may pass."""
    expected = reason in {RefusalReason.INCOMPATIBLE, RefusalReason.OTHER_PROTOCOL}
    assert Refusal(reason).speaks_otherwise is expected


def test_it_travels_between_actors() -> None:
    """As a value."""
    refusal = Refusal(RefusalReason.UNREACHABLE, "no descriptor", is_ours=True)
    assert pickle.loads(pickle.dumps(refusal)) == refusal
