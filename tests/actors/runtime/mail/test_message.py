"""One place for everything about messages."""

from __future__ import annotations

from peerage.actors.runtime.mail import batch, codec, envelope, message


def test_it_gives_what_the_modules_of_its_parts_have() -> None:
    """And nothing of its own."""
    assert message.Kind is envelope.Kind
    assert message.encode is codec.encode
    assert message.Batch is batch.Batch
