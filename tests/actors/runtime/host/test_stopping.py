"""The messages about stopping: what they say when nobody says otherwise."""

from __future__ import annotations

from peerage.actors.runtime.host.stopping import SHUTDOWN, TERMINATED, Leave, Standing, Stop
from peerage.actors.runtime.mail import codec


def test_a_stop_leaves_nobody_to_an_owner_unless_it_says_so() -> None:
    """In good order."""
    assert Stop() == (SHUTDOWN, Leave.NONE)
    assert SHUTDOWN.is_orderly
    assert TERMINATED.is_orderly


def test_a_host_stands_as_usual_unless_it_says_so() -> None:
    """Neither patient nor waiting."""
    assert Standing() == (False, False, False)


def test_they_travel() -> None:
    """The reason, and who is left, arrive as they were."""
    for message in (Stop(TERMINATED, Leave.OWNED_HERE), Standing(is_patient=True)):
        assert codec.decode(0, codec.dumps(message), ()) == message
