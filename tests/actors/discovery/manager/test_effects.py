"""How effects are gathered."""

from __future__ import annotations

from msgspec.structs import replace

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.manager.effects import AskBook, Ban, Dial, Effects, Stop
from peerage.actors.discovery.manager.exchange import StopPeer
from tests.actors.discovery.manager.scene import connected
from tests.actors.discovery.nodes import address, book, node_id


def test_effects_are_taken_once_and_in_order() -> None:
    """What was taken is there no more."""
    effects = Effects()
    for number in (1, 2):
        effects.emit(Dial(address(number)))
    assert effects.take() == [Dial(address(1)), Dial(address(2))]
    assert effects.take() == []


def test_a_question_for_the_book_can_be_carried_out_by_calling_it() -> None:
    """A method of its own, or of one of its parts."""
    effects = Effects()
    effects.ask_book(None, AddrBook.has, node_id(1))
    effects.ask_book(None, DialChooser.needs_more)
    has, needs_more = effects.take()
    assert isinstance(has, AskBook)
    assert isinstance(needs_more, AskBook)
    assert BookCall(has.method, has.args).perform(book()) is False
    assert BookCall(needs_more.method).perform(book()) is True


def test_questions_are_equal_whatever_becomes_of_their_answers() -> None:
    """So that tests can write down what they expect."""
    assert AskBook(AddrBook.has, ("x",), print) == AskBook(AddrBook.has, ("x",))


def test_offenders_are_stopped_and_banned_unless_the_operator_insists_on_them() -> None:
    """Nor is anybody banned for a first offence, which is one of no seconds."""
    effects, peer = Effects(), connected(1)
    effects.stop(peer, StopPeer("x", 60.0, Offence.TOO_MANY_REQUESTS))
    assert effects.take() == [Stop(peer, "x", Offence.TOO_MANY_REQUESTS), Ban(peer.id, 60.0, "x")]
    effects.stop(peer, StopPeer("x"))
    for wanted in (replace(peer, is_persistent=True), replace(peer, is_unconditional=True)):
        effects.stop(wanted, StopPeer("x", 60.0))
    assert {type(effect) for effect in effects.take()} == {Stop}
