"""What a host needs of an actor."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from peerage.actors.runtime import ActorRef, ProcessActor


def test_an_actor_that_is_bound_has_its_name_and_context_before_its_constructor() -> None:
    """A subclass needs no extra parameters, and may use them there."""

    class Early(ProcessActor):
        def __init__(self) -> None:
            super().__init__()
            self.seen = (self.actor_urn, self.runtime, self.actor_ref)

    ref: ActorRef[Any] = ActorRef("early", system="test")
    context: Any = SimpleNamespace()
    actor = Early.__new__(Early)
    stopped = threading.Event()
    actor.on_bound(ref, context, stopped)
    actor.__init__()  # type: ignore[misc]  # as a host does it
    assert actor.seen == ("early", context, ref)
    assert actor.actor_stopped is stopped
