"""Which methods of a book others may call."""

from __future__ import annotations

import pickle

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import ORDERS, QUESTIONS, BookCall, Method
from peerage.actors.discovery.book.choosing import DialChooser
from tests.actors.discovery.nodes import address, book, node_id


def test_a_call_is_made_on_the_part_that_has_the_method() -> None:
    """Of the book, of its bans, of those who choose."""
    known = book()
    BookCall(AddrBook.add, (address(1),), {"source": address(1)}).perform(known)
    assert BookCall(AddrBook.has, (node_id(1),)).perform(known) is True
    assert BookCall(DialChooser.offer, (100, 1)).perform(known).candidates == (address(1),)
    BookCall(BadPeers.ban, (node_id(1), 60.0, "forged")).perform(known)
    assert BookCall(BanList.holds, (node_id(1),)).perform(known) is True


@pytest.mark.parametrize("method", [*QUESTIONS, *ORDERS], ids=lambda method: method.__qualname__)
def test_each_is_found_in_another_process_on_a_part_of_its_own_class(method: Method) -> None:
    """A function travels by its name; the table must not call it on another part."""
    call = BookCall(method)
    assert pickle.loads(pickle.dumps(call)) == call
    part = (QUESTIONS.get(method) or ORDERS[method])(book())
    assert getattr(type(part), method.__name__) is method


def test_an_order_promises_and_a_question_does_not() -> None:
    """Only orders wait for the disk; nothing is both."""
    assert BookCall(AddrBook.mark_good).is_order
    assert not BookCall(DialChooser.feeler).is_order
    assert not set(QUESTIONS) & set(ORDERS)


@pytest.mark.parametrize("method", [AddrBook.drain, AddrBook.restore, print])
def test_nothing_else_can_be_called(method: Method) -> None:
    """Whatever a message says."""
    with pytest.raises(AttributeError):
        BookCall(method).perform(book())
