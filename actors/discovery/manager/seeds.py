"""The configured seeds, kept as the operator wrote them: a host name is resolved again at each use."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from peerage.actors.discovery.errors import SeedError
from peerage.wire.dial_order import all_addresses
from peerage.wire.errors import AddressError, AddressLookupError
from peerage.wire.net_address import NetAddress, Resolve, id_in, name_in


@dataclass(frozen=True, slots=True)
class Resolved:
    """The seeds that could be resolved, and those that could not, each with the reason."""

    addresses: tuple[NetAddress, ...]
    failures: tuple[tuple[str, str], ...]


class SeedList:
    """Seeds as ID@host:port, where host is an IP or a name.

    Attribute: names, the host name of each seed that has one.
    Args: own_id, which is left out: all nodes of a network may share one list. `without_us` says whether it was in it.
    Raises: SeedError, when some cannot be addresses, whatever their names may resolve to; it names all of them.
    Source: reference 8, Start fails.
    """

    def __init__(self, texts: Iterable[str], own_id: str = "") -> None:
        given = [text.strip() for text in texts if text.strip()]
        self.texts = tuple(text for text in given if id_in(text) != own_id)
        self.without_us = len(self.texts) < len(given)
        self.names: dict[str, str] = {}
        faults: list[tuple[str, str]] = []
        for text in self.texts:
            try:
                if (name := name_in(text)) is not None:
                    self.names[text] = name
            except AddressLookupError:
                pass  # no host name: by the reference that counts as temporary, and is reported when it is used
            except AddressError as error:
                faults.append((text, str(error)))
        if faults:
            raise SeedError("these seeds are not addresses", tuple(faults))
        self._ids = frozenset(map(id_in, self.texts))

    def __len__(self) -> int:
        return len(self.texts)

    def is_seed(self, node_id: str) -> bool:
        """Whether a seed has this ID."""
        return node_id in self._ids

    def order(self, rng: random.Random) -> list[str]:
        """All seeds, shuffled: first those with an IP address, which need not wait for a name server."""
        return sorted(rng.sample(self.texts, len(self.texts)), key=self.names.__contains__)

    def resolve(self, resolve: Resolve) -> Resolved:
        """The addresses they have now, all that a name has, in the order in which they are dialled.

        Args: resolve, called for each name. It may block, so do not call this from an event loop.
        """
        addresses: list[NetAddress] = []
        failures: list[tuple[str, str]] = []
        for text in self.texts:
            try:
                addresses += all_addresses(text, resolve)
            except AddressError as error:
                failures.append((text, str(error)))
        return Resolved(tuple(addresses), tuple(failures))
