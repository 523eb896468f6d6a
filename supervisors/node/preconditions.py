"""What must hold before a node starts: an operator's mistake is said at once, and no part has to fail for it."""

from __future__ import annotations

from peerage.actors.blocking_calls import resolve_host
from peerage.actors.discovery.book.store_files import write_fault
from peerage.config import Config
from peerage.config.errors import ConfigError, HomeError
from peerage.supervisors.node.advertised import unresolved_hosts
from peerage.supervisors.node.errors import SeedsUnresolvedError
from peerage.wire.net_address import AddressLookupError, NetAddress


def check_hosts(config: Config) -> None:
    """Insist that others find us by the name we tell them. Raises: ConfigError."""
    mistakes = unresolved_hosts(config, "external_address")
    if mistakes:
        raise ConfigError(mistakes)


def check_store(config: Config) -> None:
    """A node that could not keep its address book from the first moment does not start: see decision 0012.

    Raises: HomeError.
    """
    store = config.home.addrbook_store
    fault = write_fault(store)
    if fault is not None:
        raise HomeError(store, f"the address book {fault}; a directory with room is expected")


def check_seeds(config: Config) -> None:
    """A node without addresses and without a seed that resolves would wait for ever. Source: reference 8.

    Raises: SeedsUnresolvedError.
    """
    if not (config.p2p.pex and config.p2p.seeds):
        return
    causes: dict[str, str] = {}
    for seed in config.p2p.seeds:
        try:
            NetAddress.parse(seed, resolve_host)
        except AddressLookupError as error:
            causes[seed] = str(error)
    if len(causes) == len(config.p2p.seeds) and _book_is_empty(config):
        raise SeedsUnresolvedError(causes)


def _book_is_empty(config: Config) -> bool:
    from peerage.actors.addrbook import book_is_empty  # most nodes need not open it here

    return book_is_empty(config)
