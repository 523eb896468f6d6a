"""What a supervisor tells of a child travels as it is."""

from __future__ import annotations

from peerage.actors.runtime import ChildFacts
from peerage.actors.runtime.mail import codec


def test_it_travels() -> None:
    """Between the supervisor's host and whoever looks."""
    facts = ChildFacts("a", "a", "a", "worker", "running", "permanent", 2, "killed")
    assert codec.decode(0, codec.dumps(facts), ()) == facts
