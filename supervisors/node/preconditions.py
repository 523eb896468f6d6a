"""What must hold before a node starts: an operator's mistake is said at once, and no part has to fail for it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, wait
from importlib.util import find_spec

from peerage.actors.discovery.book.store_files import write_fault
from peerage.actors.name_lookups import Answer, NameLookups, resolve_host
from peerage.config import Config, ListenAddress
from peerage.config.errors import ConfigError, HomeError, Mistake
from peerage.config.quoting import shown
from peerage.supervisors.node.advertised import host_name, unresolved
from peerage.supervisors.node.errors import NodeLimitError, OwnNameUnresolvedError, SeedsUnresolvedError
from peerage.supervisors.node.room_to_start import SystemLimits, lack_of_room_to_start
from peerage.wire.net_address import AddressLookupError, name_in

# Name servers that work have answered by then, and nobody waits long for one that does not: the node listens already.
NAMES_WAIT_S = 1.0


def check_store(config: Config) -> None:
    """A node that could not keep its address book from the first moment does not start: see decision 0012.

    Raises: HomeError.
    """
    store = config.home.addrbook_store
    fault = write_fault(store)
    if fault is not None:
        raise HomeError(store, f"the address book {fault}; a directory with room is expected")


def check_limits(parts: int, config: Config) -> None:
    """Whether there is room for the node's own processes. Args: parts, how many. Raises: NodeLimitError."""
    listeners = len(ListenAddress.parse_list(config.rpc.laddr)) if config.rpc.laddr else 0
    listeners += config.instrumentation.prometheus + len(config.peerage.listen_also)
    if lack := lack_of_room_to_start(parts, listeners, SystemLimits.now()):
        raise NodeLimitError(lack)


def check_cluster(config: Config) -> None:
    """A node that is to share its address book through Ray needs Ray. The cluster itself may come later.

    Raises: ConfigError.
    """
    if config.peerage.cluster and find_spec("ray") is None:
        source = config.source_of("peerage.cluster")
        allowed = "empty, or Ray installed: pip install 'peerage[ray]'"
        raise ConfigError([Mistake("peerage.cluster", source, shown(config.peerage.cluster), allowed)])


class NameChecks:
    """Whether the names resolve that a start depends on. They are looked up from now on, while the node goes on to listen.

    Only the answer of a name server keeps a node from starting: if there is none in time, it starts. The names of seeds are
    looked up again at each dial.

    Args: wait_s, for how many seconds from now `check` may wait.
    """

    def __init__(self, config: Config, wait_s: float = NAMES_WAIT_S) -> None:
        self._config, self._until = config, time.monotonic() + wait_s
        self._lookups = NameLookups(resolve_host)
        self._own_name = host_name(config, "external_address")
        self._own = self._lookups.begin(self._own_name) if self._own_name else None
        names = {seed: name_in(seed) for seed in config.p2p.seeds if config.p2p.pex}
        self._seeds: dict[str, tuple[str, Answer]] = {}
        if all(names.values()):  # a seed with an IP address is enough
            self._seeds = {seed: (name, self._lookups.begin(name)) for seed, name in names.items() if name}

    def check(self) -> str:
        """Wait for the answers that are needed, but not for long. May be called once.

        Returns: the name in external_address, if it is not known yet whether others find us by it; else an empty text.
        Raises: OwnNameUnresolvedError, others would not find us by the name that we tell them; SeedsUnresolvedError.
        """
        try:
            self._check_seeds()
            return self._check_own()
        finally:
            self._lookups.close()

    def _check_own(self) -> str:
        if self._own is None or self._own_name is None:
            return ""
        self._wait([self._own])
        if not self._own.done():
            return self._own_name
        if _fault(self._own_name, self._own):
            raise OwnNameUnresolvedError([unresolved(self._config, "external_address")])
        return ""

    def _check_seeds(self) -> None:
        """A node without addresses and without a seed that resolves would wait for ever. Source: reference 8."""
        names = {answer: name for name, answer in self._seeds.values()}
        pending = set(names)
        while pending:
            done, pending = self._wait(pending)
            if not done or not all(_fault(names[answer], answer) for answer in done):
                return
        causes = {seed: _fault(name, answer) for seed, (name, answer) in self._seeds.items()}
        if causes and not self._config.peerage.bootstrap_peers and _book_is_empty(self._config):
            raise SeedsUnresolvedError(causes)

    def _wait(self, answers: Iterable[Answer]) -> tuple[set[Answer], set[Answer]]:
        """Wait until one is there. Returns: those that are, and the others."""
        done, pending = wait(answers, max(0.0, self._until - time.monotonic()), FIRST_COMPLETED)
        return done, pending


def _fault(name: str, answer: Answer) -> str:
    """Why a name has no address, according to an answer that is there; empty if it has one."""
    try:
        found = answer.result(timeout=0)
    except OSError as error:
        return str(AddressLookupError(name, error.strerror or str(error)))
    return "" if found else str(AddressLookupError(name, "the name has no address"))


def _book_is_empty(config: Config) -> bool:
    from peerage.actors.addrbook import book_is_empty  # most nodes need not open it here

    return book_is_empty(config)
