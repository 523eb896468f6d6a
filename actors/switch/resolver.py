"""Parsing addresses, with their names looked up beside the loop: an address with an IP never waits for a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from peerage.actors.name_lookups import NAME_TIMEOUT_S, Answer, answer_of
from peerage.actors.runtime import Timer
from peerage.actors.runtime.log import get_logger
from peerage.actors.switch.name_records import NameRecords
from peerage.wire.net_address import AddressError, AddressLookupError, NetAddress, id_in, name_in
from peerage.wire.remote_text import shown

log = get_logger("peerage.switch")

Parsed = Callable[[NetAddress | AddressError], None]


class Lookups(Protocol):
    """Looks names up: see NameLookups."""

    def begin(self, host: str) -> Answer: ...

    def close(self) -> None: ...


class Resolver:
    """Parses addresses.

    Args: call_threadsafe, call_later, of the actor's loop; timeout, seconds that a name may take.

    Attributes: records, where the other addresses of a name are found.
    """

    def __init__(
        self,
        lookups: Lookups,
        *,
        call_threadsafe: Callable[..., None],
        call_later: Callable[..., Timer],
        timeout: float = NAME_TIMEOUT_S,
    ) -> None:
        self._lookups, self._timeout = lookups, timeout
        self.records = NameRecords()
        self._call_threadsafe, self._call_later = call_threadsafe, call_later

    def close(self) -> None:
        """Call nobody any more."""
        self._lookups.close()

    def parse(self, text: str, then: Parsed) -> None:
        """Call `then` with the address, or with the error: at once, unless a name has to be looked up.

        Of a name's addresses it is the one to try first; the others are in `records`.
        """
        try:
            name = name_in(text)
            address = NetAddress.parse(text) if name is None else None
        except AddressError as error:
            then(error)
            return
        if name is not None:
            self._look_up(text, name, then)
        elif address is not None:
            then(address)

    def parse_all(
        self, texts: Iterable[str], resolved: Callable[[tuple[str, NetAddress]], None]
    ) -> list[tuple[str, NetAddress]]:
        """Return the texts with an IP address now, and call `resolved` with each of the others once its name has resolved.
        One that does not is logged, and skipped. Source: reference 6, DialPeersAsync.

        Raises: AddressError, one cannot be an address, whatever its name resolves to. Nothing is looked up then.
        """
        addresses: list[tuple[str, NetAddress]] = []
        others: list[str] = []
        for text in texts:
            try:
                is_named = name_in(text) is not None
            except AddressLookupError:
                is_named = True  # neither an IP address nor a name: by the reference that is no other error
            if is_named:
                others.append(text)
            else:
                addresses.append((text, NetAddress.parse(text)))

        def parsed(text: str, result: NetAddress | AddressError) -> None:
            if isinstance(result, AddressError):
                log.warning("address skipped", address=shown(text), cause=str(result))
            else:
                resolved((text, result))

        for text in others:
            self.parse(text, partial(parsed, text))
        return addresses

    def _look_up(self, text: str, name: str, then: Parsed) -> None:
        answer = self._lookups.begin(name)
        is_over = False

        def end() -> None:
            nonlocal is_over
            if is_over:
                return
            is_over = True
            timer.cancel()
            ips: list[str] = []

            def resolve(_name: str) -> list[str]:
                ips[:] = self.records.ordered(id_in(text), answer_of(answer, self._timeout))
                return ips

            try:
                address = NetAddress.parse(text, resolve)
            except AddressError as error:
                then(error)
            else:
                self.records.note(address, ips)
                then(address)

        def answered(_answer: Answer) -> None:
            if not answer.cancelled():  # it is when the time is over, or the actor stops
                self._call_threadsafe(end)

        def too_late() -> None:
            answer.cancel()
            end()

        timer = self._call_later(self._timeout, too_late)
        answer.add_done_callback(answered)
