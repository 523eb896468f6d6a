"""actors/http/pending_bytes.py: what all clients together may have sent of unanswered requests."""

from __future__ import annotations

from peerage.actors.http.pending_bytes import FREE_BYTES, PendingBytes, Share


def test_small_requests_are_not_counted() -> None:
    """However many there are, and however full it is."""
    pending = PendingBytes(0)
    for _ in range(100):
        share = Share(pending)
        assert share.take(FREE_BYTES - 1)
        assert share.take(1)
        assert not share.take(1)
    assert pending.taken == 0


def test_large_ones_share_the_room() -> None:
    """One that is answered, or cut off, makes room for another."""
    pending = PendingBytes(100)
    one, two = Share(pending), Share(pending)
    assert one.take(FREE_BYTES + 60)
    assert not two.take(FREE_BYTES + 41)
    one.give_back()
    assert pending.taken == 0
    three = Share(pending)
    assert three.take(FREE_BYTES)
    assert three.take(100)
    assert not one.take(FREE_BYTES + 1)
    three.give_back()
    assert one.take(1)


def test_what_is_given_back_twice_counts_once() -> None:
    """An answered request, and then the end of its connection."""
    pending = PendingBytes(100)
    share, other = Share(pending), Share(pending)
    assert share.take(FREE_BYTES + 50)
    assert other.take(FREE_BYTES + 50)
    share.give_back()
    share.give_back()
    assert pending.taken == 50


def test_what_is_held_may_shrink() -> None:
    """Of a connection that goes on: a WebSocket's messages come and are answered."""
    pending = PendingBytes(100)
    share, other = Share(pending), Share(pending)
    assert share.hold(FREE_BYTES + 80)
    assert not other.hold(FREE_BYTES + 30)
    assert share.hold(FREE_BYTES + 70)
    assert other.hold(FREE_BYTES + 30)
    assert pending.taken == 100
    assert share.hold(0)
    assert other.hold(FREE_BYTES + 100)
    other.give_back()
    assert pending.taken == 0
