"""`peerage.events`: the public name of what can happen in a node."""

import peerage.actors.events.happenings
import peerage.events


def test_has_all_kinds_of_events_and_what_they_are_made_of() -> None:
    """And nothing else."""
    assert peerage.events.__all__ == peerage.actors.events.happenings.__all__
    for name in peerage.events.__all__:
        assert getattr(peerage.events, name) is getattr(peerage.actors.events.happenings, name)
