"""Parsing addresses, with their names resolved in a thread, so that the loop does not block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from peerage.actors.blocking_calls import resolve_host
from peerage.actors.switch.filters import Run
from peerage.wire.net_address import AddressLookupError, NetAddress


class Resolver:
    """Parses addresses. Args: run, runs a blocking call in a thread; resolve, returns a host's IP addresses."""

    def __init__(self, run: Run, resolve: Callable[[str], list[str]] = resolve_host) -> None:
        self._run, self._resolve = run, resolve

    def parse(self, text: str, then: Callable[[NetAddress | Exception], None]) -> None:
        """Call `then` with the address, or with the AddressError."""
        self._run(partial(NetAddress.parse, text, self._resolve), then)

    def parse_all(
        self,
        texts: Iterable[str],
        skipped: Callable[[str, AddressLookupError], None],
        then: Callable[[Sequence[tuple[str, NetAddress]] | Exception], None],
    ) -> None:
        """Call `then` with each text and its address, or with the first AddressError. A name that does not resolve is only
        skipped. Source: reference 6, DialPeersAsync.
        """
        kept = tuple(texts)

        def parse() -> tuple[list[tuple[str, NetAddress]], list[tuple[str, AddressLookupError]]]:
            parsed, unresolved = [], []
            for text in kept:
                try:
                    parsed.append((text, NetAddress.parse(text, self._resolve)))
                except AddressLookupError as error:
                    unresolved.append((text, error))
            return parsed, unresolved

        def parsed(
            result: tuple[list[tuple[str, NetAddress]], list[tuple[str, AddressLookupError]]] | Exception,
        ) -> None:
            if isinstance(result, Exception):
                then(result)
                return
            addresses, unresolved = result
            for text, error in unresolved:
                skipped(text, error)
            then(addresses)

        self._run(parse, parsed)
