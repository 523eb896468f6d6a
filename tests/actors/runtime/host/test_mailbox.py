"""A mailbox by itself: how much is in it, and for how long."""

from __future__ import annotations

from peerage.actors.runtime.host.mailbox import Item, Mailbox, messages_in
from peerage.actors.runtime.mail.envelope import BATCH, Kind


def tell(size: int = 10, *, at: float = 0.0) -> Item:
    return int(Kind.TELL), 0, 7, 0, b"", b"", (), size, at


def batch(messages: int, size: int = 10) -> Item:
    return int(Kind.TELL), BATCH, 7, messages, b"", b"", (), size, 0.0


def test_it_counts_messages_and_bytes() -> None:
    """A batch is as many messages as it says."""
    mailbox = Mailbox()
    mailbox.put(tell(10))
    mailbox.put(batch(5, 100))
    assert (mailbox.depth, mailbox.size, len(mailbox.items)) == (6, 110, 2)
    assert [messages_in(item) for item in mailbox.items] == [1, 5]


def test_its_age_is_that_of_the_oldest_message() -> None:
    """An empty one has none."""
    mailbox = Mailbox()
    assert mailbox.oldest_age(9.0) == 0.0
    mailbox.put(tell(at=2.0))
    mailbox.put(tell(at=8.0))
    assert mailbox.oldest_age(9.0) == 7.0


def test_what_is_left_of_a_batch_comes_first_and_is_not_counted_twice() -> None:
    """Its messages were counted when it came; those that were handled are taken off by their reader."""
    mailbox = Mailbox()
    mailbox.put(batch(5, 100))
    mailbox.put(tell(1))
    item = mailbox.items.popleft()
    mailbox.size -= 100
    mailbox.put_back((*item[:3], 3, *item[4:]))
    mailbox.depth -= 2
    assert (mailbox.depth, mailbox.size) == (4, 101)
    assert messages_in(mailbox.items[0]) == 3


def test_cleared_it_is_empty() -> None:
    """Of messages and bytes."""
    mailbox = Mailbox()
    mailbox.put(batch(5))
    mailbox.clear()
    assert (mailbox.depth, mailbox.size, list(mailbox.items)) == (0, 0, [])


def test_clearing_drops_what_is_left_of_a_batch_in_hand() -> None:
    """A child that was forked in the middle of one handles no more of it."""
    mailbox = Mailbox()
    mailbox.batch = values = ["a", "b"]
    mailbox.clear()
    assert values == []
