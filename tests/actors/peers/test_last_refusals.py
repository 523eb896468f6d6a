"""actors/peers/last_refusals.py: the last time of each remote, of a bounded number of them."""

from __future__ import annotations

from peerage.actors.messages import ConnectionEnded, ConnectionFacts, RefusalRow
from peerage.actors.peers.last_refusals import MOST, LastRefusals
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.keys import NodeID

DIALLED, PROVED = NodeID("ab" * 20), NodeID("cd" * 20)


def note(refusals: LastRefusals, ip: str, refusal: Refusal, dialled: NodeID | None = None) -> None:
    facts = ConnectionFacts("c", "host", ip, 26656, dialled is not None, dialled)
    refusals.note(ConnectionEnded(facts, refusal), refusal)


def rows(refusals: LastRefusals) -> list[RefusalRow]:
    return [RefusalRow(*row) for row in refusals.rows()]  # type: ignore[arg-type]  # plain tuples


def test_the_last_of_each_remote_is_kept() -> None:
    """Whoever was dialled is known by the ID, a stranger by the address."""
    refusals = LastRefusals()
    note(refusals, "192.0.2.1", Refusal(RefusalReason.UNREACHABLE, "first"), DIALLED)
    note(refusals, "192.0.2.9", Refusal(RefusalReason.DUPLICATE_IP, offender=PROVED))
    note(refusals, "192.0.2.2", Refusal(RefusalReason.UNREACHABLE, "second"), DIALLED)
    stranger, dialled = rows(refusals)
    assert dialled[1:] == ("192.0.2.2:26656", DIALLED, True, "unreachable", "second")
    assert stranger[1:] == ("192.0.2.9:26656", PROVED, False, "duplicate ip", "")
    assert 0 < stranger.at <= dialled.at


def test_strangers_push_out_the_oldest_alone() -> None:
    """However many there are."""
    refusals = LastRefusals()
    for number in range(MOST + 1):
        note(refusals, f"192.0.{number // 256}.{number % 256}", Refusal(RefusalReason.BANNED))
    assert (len(rows(refusals)), rows(refusals)[0].address) == (MOST, "192.0.0.1:26656")


def test_who_only_looks_at_the_port_is_not_kept() -> None:
    refusals = LastRefusals()
    note(refusals, "192.0.2.9", Refusal(RefusalReason.AUTH_FAILURE, is_look=True))
    assert rows(refusals) == []
