"""What an actor says of itself to type checkers: which messages it takes, and what it answers.

A ref is typed by the class of its actor, `ActorRef[Counter]`, and Python has no way to write "the messages of Counter". So
the methods of a ref say which refs they can be called on: `self: ActorRef[TypedActor[M, R]]` finds M and R in the bases of
the class.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic

import pykka

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # An actor that takes more, or answers something more special, may stand for one that takes less, or answers more.
    M_contra = TypeVar("M_contra", default=Any, contravariant=True)
    R_co = TypeVar("R_co", default=Any, covariant=True)

    class PykkaActor:
        """Pykka's `Actor` as type checkers see it here: all but its hooks, which `HostedActor` declares.

        Pykka's `on_start` and `on_stop` return None, and mypy holds each `async def` to that, whatever a class in between
        declares. Authors would write a `type: ignore` beside every one of theirs.
        """

        actor_urn: str
        actor_inbox: Any
        actor_stopped: threading.Event
        _actor_ref: Any

        @property
        def actor_ref(self) -> Any: ...

        def __init__(self, *_args: Any, **_kwargs: Any) -> None: ...
        def stop(self) -> None: ...
        def _stop(self) -> None: ...
        def _handle_receive(self, message: Any) -> Any: ...
        def on_failure(
            self,
            exception_type: type[BaseException] | None,
            exception_value: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...

else:
    PykkaActor = pykka.Actor
    from typing import TypeVar

    M_contra = TypeVar("M_contra", contravariant=True)
    R_co = TypeVar("R_co", covariant=True)


class TypedActor(PykkaActor, Generic[M_contra, R_co]):
    """An actor that takes messages M and answers R: `Any` of both, if its class does not say.

        class Counter(ProcessActor[Add | Get, int]):
            def on_receive(self, message: Add | Get) -> int: ...

        counter = Counter.start()        # ActorRef[Counter]
        counter.ask(Get())               # int
        counter.ask(Get(), block=False)  # Future[int]
        counter.tell("three")            # an error

    `ActorRef[ProcessActor[Add, int]]` is a ref to any actor that takes at least `Add` and answers with an `int`.
    """

    def on_receive(self, message: M_contra) -> R_co:
        """As Pykka's: it warns of a message that nobody handles."""
        answer: R_co = pykka.Actor.on_receive(self, message)  # type: ignore[arg-type]  # it is one
        return answer
