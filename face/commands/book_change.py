"""Changes a home's address book from the command line: by the node that runs there, or in its file where none does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from peerage.commands.book import open_alone
from peerage.commands.exit_status import MistakeError
from peerage.commands.node_link import NodeGoneError
from peerage.commands.running_node import call_node
from peerage.config.home_lock import holder_of

if TYPE_CHECKING:
    from peerage.actors.discovery.book.additions import Added
    from peerage.actors.discovery.book.addrbook import AddrBook
    from peerage.actors.discovery.book.tally import Tally
    from peerage.config.config import Config
    from peerage.config.home import Home

__all__ = ["AT_ONCE", "Counts", "change_book"]

AT_ONCE = 2000  # addresses in one request to a running node: at most 1.5 MB

T = TypeVar("T")


class Counts:
    """What became of addresses, added up over several requests."""

    def __init__(self, refused: Tally) -> None:
        self.added = self.changed = self.known = 0
        self.refused = refused

    def take(self, added: Added) -> None:
        """Count what a book has said."""
        self.added, self.changed = self.added + added.added, self.changed + added.seen_again
        self.known += added.left_alone
        for reason, left in added.left_out.items():
            self.refused.add_all(reason, left)

    def take_answer(self, answer: dict[str, Any]) -> None:
        """Count what a running node has said."""
        from peerage.actors.discovery.book.tally import LeftOut

        self.added, self.changed = self.added + answer["added"], self.changed + answer["changed"]
        self.known += answer["known"]
        for reason, left in answer["refused"].items():
            self.refused.add_all(reason, LeftOut(left["count"], tuple(left["examples"])))


def change_book(
    home: Home,
    config: Config,
    items: Sequence[T],
    in_file: Callable[[AddrBook, Sequence[T]], None],
    method: str,
    params: Callable[[Sequence[T]], dict[str, Any]],
    answered: Callable[[Any], None],
) -> None:
    """Have a book take items: `in_file` is called with the book, or `answered` with each answer of a running node.

    Args: method, params, what the node is asked, for a part of the items at a time.
    Raises: FailureError with what it says; MistakeError, it takes no commands.
    """
    holder = holder_of(home)
    if holder is None:
        with open_alone(home, config) as book:
            in_file(book, items)
        return
    for begin in range(0, len(items), AT_ONCE):
        try:
            answer = call_node(home, method, **params(items[begin : begin + AT_ONCE]))
        except NodeGoneError as error:
            raise MistakeError(f"{holder}; it cannot be told ({error.cause}), so stop it first") from error
        answered(answer)
