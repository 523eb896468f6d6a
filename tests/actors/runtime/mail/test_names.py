"""What processes say to the root about names travels as plain values."""

from __future__ import annotations

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.names import Member, group_key, name_key


def test_a_member_arrives_as_it_was() -> None:
    """With its value unread: the root need not be able to."""
    member = Member(ActorRef("a", "h", system="s"), b"not a pickle")
    assert codec.decode(0, codec.dumps(member), ()) == member


def test_a_name_and_a_group_never_share_a_key() -> None:
    """An actor and a group may have the same name."""
    assert name_key("n") != group_key("n")
