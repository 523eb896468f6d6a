"""The address book as other actors call it: by its methods, whose arguments and answers a type checker sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.errors import StoreError
from peerage.actors.runtime import ActorDeadError, ActorRef, Future
from peerage.actors.runtime.log import get_logger

__all__ = ["PATIENCE_S", "BookClient"]

log = get_logger("peerage.addrbook")

# Callers wait, none fails (design 3), also while a book that hangs is noticed (`probe_timeout`).
PATIENCE_S = 30.0

P = ParamSpec("P")
T = TypeVar("T")


class BookClient:
    """Calls methods of `AddrBook` and of its parts: `book.call(AddrBook.mark_good, peer_id)`.

    Which methods may be called is listed in `peerage.actors.discovery.book.calls`. Each has the same effect when it is
    called twice: a call whose answer was lost with the book goes to its successor.

    Args: ref, of the AddrBookActor.
    """

    def __init__(self, ref: ActorRef) -> None:
        self._ref = ref

    def call(self, method: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method and wait for its answer.

        Raises: what the method raises; ActorDeadError when the book stays away for 30 s; StoreError when what
            the method did could not be written for nearly as long: it is written when there is room again.
        """
        answer: T = self._ref.ask(BookCall(method, args, kwargs), timeout=PATIENCE_S, patience=PATIENCE_S)
        return answer

    def request(
        self,
        then: Callable[[T], None] | None,
        method: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Call a method from an actor that does not wait: `then(answer)` is called as that actor.

        After 30 s without a book, or without a disk to write it to, the call is given up, and `then` not called.
        """
        call = BookCall(method, args, kwargs)

        def answered(future: Future[T]) -> None:
            try:
                answer = future.get(timeout=0)
            except ActorDeadError:
                log.warning("address book does not come back", call=call.name)
                return
            except StoreError:  # the book has said why
                return
            if then is not None:
                then(answer)

        self._ref.ask(call, block=False, patience=PATIENCE_S).then(answered)

    def tell(self, method: Callable[Concatenate[Any, P], object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call a method without waiting, or learning whether it happened."""
        self._ref.tell(BookCall(method, args, kwargs))
