"""actors/messages/book.py: what the address book says to those who let connections in."""

from __future__ import annotations

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.messages import BansChanged
from tests.actors.messages.samples import PEER_ID, carried


def test_a_change_adds_to_what_is_known_unless_it_is_the_whole() -> None:
    message = BansChanged((Ban(PEER_ID, "it lied", since=1, until=2),), lifted=("192.0.2.1",))
    assert not message.whole
    assert carried(message) == message
