"""What a host has handled and owes its senders: acknowledgements, and the ledger that outlives the host.

Each pair of sender and actor has an account of tells that were handled and not yet acknowledged. An account is acknowledged
when a quarter of the sender's window has gathered, and all of them `ACK_DELAY_S` after the first one. What is not
acknowledged when the host is killed, senders read in the ledger (see `mail/handled_counts.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, MutableSequence
from typing import Any, Protocol

from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.handled_counts import DEAD, ENTRIES, SETTLED, WORDS, Ledger
from peerage.actors.runtime.mail.message import EXEMPT, Kind
from peerage.actors.runtime.mail.window import ACK, ACK_BYTES, ACK_DELAY_S, ACK_MESSAGES, Account


class Sender(Protocol):
    """Sends acknowledgements: a port."""

    def send(self, address: int, kind: int, *, target: bytes, body: bytes) -> None: ...


class Timers(Protocol):
    """Calls later: a loop."""

    def call_later(self, task: None, delay: float, fn: Callable[..., object], /) -> object: ...


class Receipts:
    """Belongs to a host's loop.

    Attributes: words, of the ledger: `words[account.entry + SETTLED]` counts the tells handled, `+ DEAD` the dead letters
    among them. Without a ledger they are counted for nobody.

    Args: path, of the ledger, which is made for the first sender; is_alive, whether there is an actor of this name.
    """

    def __init__(
        self, port: Sender, timers: Timers, path: str, is_alive: Callable[[bytes], bool], host: str
    ) -> None:
        self._port, self._timers, self._path, self._is_alive, self._host = port, timers, path, is_alive, host
        self._ledger: Ledger | None = None
        self._is_closed = False
        self._dirty: list[Account] = []
        self.words: MutableSequence[int] | memoryview[int] = [0] * WORDS

    def account(self, source: int, target: bytes) -> Account:
        """A new account, with its entry in the ledger."""
        if self._ledger is None and not self._is_closed:
            try:
                self._ledger = Ledger(self._path, self._is_alive)
            except OSError as error:  # losses after a kill are then reported too high
                logger().warning("ledger cannot be made", host=self._host, cause=str(error))
            else:
                self.words = self._ledger.words
        return Account(source, target, self._ledger.entry(source, target) if self._ledger is not None else 0)

    def settle(self, account: Account, flags: int, size: int, dead: int, messages: int = 1) -> None:
        """Note tells as handled, or as dead letters, and acknowledge them when enough have gathered."""
        if flags & EXEMPT:
            account.exempt += messages
        else:
            account.messages += messages
            account.size += size
        account.dead += dead
        if account.messages + account.exempt >= ACK_MESSAGES or account.size >= ACK_BYTES:
            self.acknowledge(account)
        elif not account.dirty:
            account.dirty = True
            if not self._dirty:
                self._timers.call_later(None, ACK_DELAY_S, self.acknowledge_all)
            self._dirty.append(account)

    def acknowledge(self, account: Account) -> None:
        """Tell the sender what has gathered."""
        was_dirty = account.dirty
        counts = account.take()
        account.dirty = was_dirty  # it stays in the list; an empty account is skipped there
        if counts != (0, 0, 0, 0):
            self._port.send(account.source, Kind.ACK, target=account.target, body=ACK.pack(*counts))

    def acknowledge_all(self) -> None:
        """Tell all senders."""
        dirty, self._dirty = self._dirty, []
        for account in dirty:
            account.dirty = False
            self.acknowledge(account)

    def dead_on_arrival(self, source: int, target: bytes, flags: int, size: int, messages: int) -> None:
        """Tells came for an actor that is not here: their sender counts them as dead letters."""
        account = self.account(source, target)
        self.words[account.entry + SETTLED] += messages
        self.words[account.entry + DEAD] += messages
        self.settle(account, flags, size, messages, messages)
        self.acknowledge(account)

    def write_again(self) -> None:
        """The directory was removed and made again: the ledger must be in it."""
        if self._ledger is not None and not self._is_closed:
            with contextlib.suppress(OSError):  # losses after a kill are then reported too high
                self._ledger.write_again(self._path)
                self.words = self._ledger.words

    def disown(self) -> None:
        """In a forked child: a handler that goes on there counts nothing any more, for the ledger is its parent's."""
        if isinstance(self.words, memoryview):
            self.words.release()
        self.words = _waste()

    def close(self) -> None:
        """Count nothing any more."""
        self._is_closed = True
        self.words = _waste()
        if self._ledger is not None:
            self._ledger.close()


def _waste() -> list[Any]:
    return [0] * WORDS * ENTRIES
