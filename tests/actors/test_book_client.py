"""The address book as other actors call it: what goes to its actor, and what comes of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.book_client import PATIENCE_S, BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.choosing import DialChooser, Offer
from peerage.actors.discovery.book.facts import FactList
from peerage.actors.discovery.errors import BanSubjectError, StoreError
from peerage.actors.runtime import ActorDeadError, Future
from tests.actors.discovery.nodes import address, node_id


class FakeRef:
    """Keeps what it is asked and told; its answers are futures that the test sets."""

    def __init__(self) -> None:
        self.asked: list[tuple[BookCall, dict[str, Any]]] = []
        self.told: list[BookCall] = []
        self.answer: Future[Any] = Future()

    def ask(self, message: BookCall, **how: Any) -> Any:
        self.asked.append((message, how))
        return self.answer if how.get("block") is False else self.answer.get(timeout=0)

    def tell(self, message: BookCall) -> None:
        self.told.append(message)


def client() -> tuple[BookClient, FakeRef]:
    ref = FakeRef()
    return BookClient(ref), ref  # type: ignore[arg-type]  # it asks and tells like one


def test_a_call_waits_for_the_answer_and_for_a_successor() -> None:
    """For as long as a book may be away."""
    book, ref = client()
    ref.answer.set(True)
    known: bool = book.call(AddrBook.mark_good, node_id(1), address(1), latency_s=0.25)
    assert known
    call = BookCall(AddrBook.mark_good, (node_id(1), address(1)), {"latency_s": 0.25})
    assert ref.asked == [(call, {"timeout": PATIENCE_S, "patience": PATIENCE_S})]


def test_what_the_method_raises_comes_out_of_the_call() -> None:
    """With its type and details."""
    book, ref = client()
    ref.answer.set_exception(BanSubjectError("x"))
    with pytest.raises(BanSubjectError):
        book.call(AddrBook.has, "x")


def test_a_request_hands_its_answer_on_when_it_is_there() -> None:
    """The actor that made it has done other things meanwhile."""
    book, ref = client()
    got: list[int] = []
    book.request(lambda offer: got.append(offer.size), DialChooser.offer, 50, 3)
    assert ref.asked == [(BookCall(DialChooser.offer, (50, 3)), {"block": False, "patience": PATIENCE_S})]
    assert got == []
    ref.answer.set(Offer((), needs_more=True, size=7))
    assert got == [7]


def test_a_request_may_want_no_answer() -> None:
    """Then it is done, and nobody is told."""
    book, ref = client()
    book.request(None, FactList.keep, [])
    ref.answer.set(None)


@pytest.mark.parametrize("error", [ActorDeadError("gone"), StoreError("file", "disk full")])
def test_a_request_that_finds_no_book_or_no_disk_is_given_up(error: Exception) -> None:
    """`then` is not called: whoever asked must not depend on it."""
    book, ref = client()
    got: list[bool] = []
    book.request(got.append, AddrBook.has, node_id(1))
    ref.answer.set_exception(error)
    assert got == []


def test_a_call_may_be_told_without_waiting() -> None:
    """What the method answers is lost."""
    book, ref = client()
    book.tell(AddrBook.add_private_ids, [node_id(1)])
    assert ref.told == [BookCall(AddrBook.add_private_ids, ([node_id(1)],))]
