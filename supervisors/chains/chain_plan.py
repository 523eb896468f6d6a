"""What each chain of a seed is started with. All that can be wrong with any of them is said before one runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from peerage.actors.http.listening import ListenFailedError, listen
from peerage.config.chains import Chain, ChainTable, chain_home
from peerage.config.config import Config
from peerage.config.errors import ConfigError, HomeError, Mistake
from peerage.config.home import Home, make_directory
from peerage.config.home_lock import holder_of
from peerage.config.host_defaults import cores
from peerage.config.listen_address import ListenAddress, ListenAddressError
from peerage.config.new_file import write_new_file
from peerage.config.node_key_file import load_or_create_node_key
from peerage.config.quoting import shown
from peerage.config.sections import SETTINGS
from peerage.config.toml_file import read_toml_file
from peerage.supervisors.node.errors import ListenError
from peerage.supervisors.node.listening import PeerPlace

__all__ = ["METRICS_SOCKET", "ChainPlan", "check_ports", "make_home", "plan_chains"]

OTHERS_S: Final = 6.0  # a node stops in five
LOOK_S: Final = 0.05
CONFIG_MODE: Final = 0o644  # as CometBFT's
# Below a chain's home, which is its node's current directory: so a deep home makes them no longer than a path may be, and
# what a node tells its peers of its RPC says nothing of this machine.
RPC_SOCKET: Final = "data/rpc.sock"
METRICS_SOCKET: Final = "data/metrics.sock"
_NOT_FOR_ALL: Final = {
    "peerage.network": "none: it is the ID in --chain ID=SEEDS",
    "p2p.seeds": "none: each chain has its own, --chain ID=SEEDS",
    "p2p.seed_mode": "none: it is a seed",
    "peerage.bootstrap_peers": "none: they are of one chain; its home's config.toml may name them",
}
_FLAGS: Final = {setting.name: setting.flag for setting in SETTINGS}

CONFIG_FILE: Final = """\
# The node of one chain of a seed: `peerage seed` gives it what is not here. It listens at the same port after each start.
# Further settings, such as external_address, are those of every node: docs/reference/config.md.
[p2p]
laddr = "{laddr}"
"""


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """One chain, fit to be started. Attributes: settings, texts by name, that its command gets as flags; new_laddr, for the
    config.toml that it does not have yet.
    """

    id: str
    home: Home
    settings: Mapping[str, str]
    config: Config
    new_laddr: str = ""

    @property
    def arguments(self) -> list[str]:
        """Of the command `peerage` that runs its node."""
        flags = [f"{_FLAGS[name]}={value}" for name, value in self.settings.items()]
        return ["start", "--home", str(self.home), "--chain", self.id, "--stop-at-eof", *flags]

    @property
    def rpc_socket(self) -> Path:
        """Where its node's RPC answers, unless it was set to serve elsewhere alone."""
        return self.home / RPC_SOCKET

    @property
    def metrics_socket(self) -> Path:
        """Where its node serves its metrics, if it does."""
        return self.home / METRICS_SOCKET


def plan_chains(home: Home, table: ChainTable, flags: Mapping[str, str]) -> list[ChainPlan]:
    """Put the configuration of every chain together, and check it. Nothing is written.

    Args: flags, settings for all chains, texts by name. They win over the table, which wins over environment and files.
    Raises: ConfigError with the mistakes of all chains; HomeError, of which HomeInUseError is one.
    """
    mistakes = [
        Mistake(name, f"flag {_FLAGS[name]}", shown(flags[name]), allowed)
        for name, allowed in _NOT_FOR_ALL.items()
        if name in flags
    ]
    mistakes += [each for name, text in _served(table) for each in _mistakes_of_address(name, text)]
    if not table.chains:
        mistakes.append(
            Mistake("", "command line", "no chain", "--chain ID=SEEDS, or tables in config/chains.toml")
        )
    if mistakes:
        raise ConfigError(mistakes)
    ports = _FreePorts(home, table)
    plans = []
    for chain in table.chains:
        try:
            plans.append(_plan(home, table, chain, flags, ports))
        except ConfigError as error:
            mistakes += [replace(each, key=f"chain {chain.id}: {each.key}") for each in error.mistakes]
    mistakes += _shared_addresses(plans)
    if mistakes:
        raise ConfigError(mistakes)
    _await_others(home, plans)
    return plans


def _await_others(home: Home, plans: Iterable[ChainPlan]) -> None:
    """No other node may run in a chain's home; those of a seed that was killed are about to stop. Raises: HomeInUseError."""
    if (holder := holder_of(home)) is not None:
        raise holder
    until = time.monotonic() + OTHERS_S
    for plan in plans:
        while (holder := holder_of(plan.home)) is not None:
            if time.monotonic() > until:
                raise holder
            time.sleep(LOOK_S)


def make_home(plan: ChainPlan) -> str:
    """Make what the chain's home lacks: its directories, config.toml, node key. Returns: its node's ID.

    Raises: HomeError, NodeKeyFileError.
    """
    make_directory(plan.home.config_file.parent)
    make_directory(plan.home.data_dir)
    if plan.new_laddr:
        text = CONFIG_FILE.format(laddr=plan.new_laddr)
        try:
            write_new_file(plan.home.config_file, text.encode(), CONFIG_MODE)
        except OSError as error:
            raise HomeError(plan.home.config_file, f"cannot be written: {error.strerror}") from error
    return load_or_create_node_key(plan.config.node_key_path)[0].node_id


def check_ports(plans: Iterable[ChainPlan], table: ChainTable) -> None:
    """Whether each address can be listened at, by doing so with all at once. Raises: ConfigError with those that cannot."""
    mistakes = []
    with ExitStack() as stack:
        for plan in plans:
            for peers in PeerPlace.all_of(plan.config):
                try:
                    stack.enter_context(peers.listen())
                except ListenError as error:
                    mistakes.append(
                        _unlistenable(f"chain {plan.id}: {error.key}", error.address, error.cause)
                    )
        for name, text in _served(table):
            try:
                stack.enter_context(listen(ListenAddress.parse(text)))
            except ListenFailedError as error:
                mistakes.append(_unlistenable(name, text, error.cause_text))
    if mistakes:
        raise ConfigError(mistakes)


def _unlistenable(key: str, address: str, cause: str) -> Mistake:
    return Mistake(key, "this machine", shown(address), "an address that can be listened at", cause)


def _plan(
    home: Home, table: ChainTable, chain: Chain, flags: Mapping[str, str], ports: _FreePorts
) -> ChainPlan:
    place = chain_home(home, chain.id)
    settings = {**chain.settings, **flags, "peerage.network": chain.id, "p2p.seed_mode": "true"}
    if chain.port is not None and "p2p.laddr" not in flags:
        settings["p2p.laddr"] = f"tcp://0.0.0.0:{chain.port}"
    if table.shared_key:
        settings["node_key_file"] = str(home / "config" / "node_key.json")
    if table.metrics:
        settings["instrumentation.prometheus"] = "true"
        settings["instrumentation.prometheus_listen_addr"] = f"unix://{METRICS_SOCKET}"
    config = Config.load(place, settings, file_needed=False, to_start=True)
    new_laddr = ""
    if not place.config_file.exists():
        if config.source_of("p2p.laddr") == "default":
            new_laddr = settings["p2p.laddr"] = f"tcp://0.0.0.0:{ports.take()}"
        else:
            new_laddr = config.p2p.laddr
    rpc_laddr = f"unix://{RPC_SOCKET}"
    if config.source_of("rpc.laddr") == "default":
        settings["rpc.laddr"] = rpc_laddr
    elif table.dashboard_at and rpc_laddr not in config.rpc.laddr.split(","):  # the page of all asks there
        settings["rpc.laddr"] = ",".join(filter(None, (config.rpc.laddr, rpc_laddr)))
    if config.source_of("peerage.peer_hosts") == "default":  # all chains together have one for each core
        settings["peerage.peer_hosts"] = str(max(1, cores() // len(table.chains)))
    config = Config.load(place, settings, file_needed=False, to_start=True)
    return ChainPlan(chain.id, place, settings, config, new_laddr)


class _FreePorts:
    """Ports for chains that are new: from the base port on, without those that other chains of this home have."""

    def __init__(self, home: Home, table: ChainTable) -> None:
        self._next = table.port
        self._taken = {chain.port for chain in table.chains}
        for _, text in _served(table):
            with suppress(ListenAddressError):
                self._taken.add(ListenAddress.parse(text).port)
        with suppress(OSError):
            for place in sorted((home / "chains").iterdir()):
                with suppress(OSError, ConfigError, ListenAddressError):
                    laddr = read_toml_file(Home(place).config_file).values.get("p2p.laddr")
                    self._taken.add(ListenAddress.parse(str(laddr)).port)

    def take(self) -> int:
        if self._next == 0:  # any, for each
            return 0
        while self._next in self._taken:
            self._next += 1
        self._taken.add(self._next)
        return self._next


def _served(table: ChainTable) -> list[tuple[str, str]]:
    """What the seed itself serves, and where: names as of options and tables."""
    return [(name, text) for name in ("metrics", "dashboard_at") if (text := getattr(table, name))]


def _mistakes_of_address(name: str, text: str) -> list[Mistake]:
    flag, allowed = f"--{name.replace('_', '-')}", "host:port or :port"
    try:
        address = ListenAddress.parse(text)
    except ListenAddressError as error:
        return [Mistake(name, flag, shown(text), allowed, error.problem)]
    if address.scheme != "tcp":
        return [Mistake(name, flag, shown(text), allowed)]
    return []


def _shared_addresses(plans: Sequence[ChainPlan]) -> list[Mistake]:
    """The addresses that two chains want to listen at."""
    owners: dict[ListenAddress, tuple[str, str]] = {}
    mistakes = []
    for plan in plans:
        config = plan.config
        texts = [("p2p.laddr", config.p2p.laddr), ("rpc.laddr", config.rpc.laddr)]
        texts += [("peerage.listen_also", text) for text in config.peerage.listen_also]
        if config.instrumentation.prometheus:
            name = "instrumentation.prometheus_listen_addr"
            texts.append((name, config.instrumentation.prometheus_listen_addr))
        for name, text in texts:
            for address in ListenAddress.parse_list(text):
                if address.scheme == "unix" and not address.path.startswith("/"):  # in each chain's own home
                    continue
                if address.scheme == "tcp" and address.port == 0:
                    continue
                other = owners.setdefault(address, (plan.id, name))
                if other[0] != plan.id:
                    found = f"{shown(text)}, as of {other[1]} of chain {other[0]}"
                    allowed = "an address of its own for each chain"
                    mistakes.append(
                        Mistake(f"chain {plan.id}: {name}", config.source_of(name), found, allowed)
                    )
    return mistakes
