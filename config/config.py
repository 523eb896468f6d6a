"""The configuration of a node: complete and valid, whatever sources it was put together from."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peerage.config.duration import NANOSECONDS_PER_SECOND, format_duration
from peerage.config.errors import ConfigError, Mistake
from peerage.config.home import DEFAULT as DEFAULT_HOME
from peerage.config.home import Home
from peerage.config.layers import settle_layers, settle_network
from peerage.config.listen_address import ListenAddress
from peerage.config.log_settings import LogSettings
from peerage.config.overrides import settle_overrides
from peerage.config.p2p_subsections import FuzzConfig, LibP2PConfig
from peerage.config.quoting import shown
from peerage.config.sections import (
    SETTINGS,
    InstrumentationConfig,
    P2PConfig,
    PeerageConfig,
    RPCConfig,
    TopLevel,
)
from peerage.config.setting import Section, Setting, settings_of
from peerage.wire.ip_ranges import family_of, parse_ip, parse_network
from peerage.wire.net_address import id_in

_ORDER = {setting.name: index for index, setting in enumerate(SETTINGS)}


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Config(TopLevel):
    """A node's configuration: small, frozen, picklable. If the object exists, all its values are possible ones.

    Config(home="/srv/node", network="test", p2p={"laddr": "tcp://127.0.0.1:0", "dial_timeout": 1.5})
    uses the built-in defaults for everything else and reads no file; `Config.load` reads file, environment and flags.

    network: name of the network, empty if nothing names it (no node starts then, see `check`).
    Durations are in seconds. warnings: what is allowed but looks odd, one sentence each.
    flags: those that it was read with, beside file and environment; None if a program has put it together.
    """

    home: Home
    network: str
    p2p: P2PConfig
    rpc: RPCConfig
    instrumentation: InstrumentationConfig
    peerage: PeerageConfig
    sources: tuple[tuple[str, str], ...] = field(compare=False, repr=False)
    warnings: tuple[str, ...] = field(compare=False, repr=False)
    flags: tuple[tuple[str, str], ...] | None = field(compare=False, repr=False)

    def __init__(
        self,
        home: str | Path | Home = DEFAULT_HOME,
        *,
        network: str = "",
        p2p: P2PConfig | Mapping[str, object] | None = None,
        rpc: RPCConfig | Mapping[str, object] | None = None,
        instrumentation: InstrumentationConfig | Mapping[str, object] | None = None,
        peerage: PeerageConfig | Mapping[str, object] | None = None,
        **top_level: object,
    ) -> None:
        """Put a configuration together from defaults and overrides.

        Args: sections as objects or as mappings of their keys; settings of the top level (moniker, node_key_file, …) by
        name. Texts are read like those of a flag; durations may also be numbers of seconds.
        Raises: ConfigError with every mistake; HomeError.
        """
        sections = {"p2p": p2p, "rpc": rpc, "instrumentation": instrumentation, "peerage": peerage}
        given = {name: section for name, section in sections.items() if section is not None}
        settled = settle_overrides({**top_level, **given, **_as_override(network)})
        if settled.mistakes:
            raise ConfigError(_in_order(settled.mistakes))
        self._fill(_as_home(home), settled.values, "", settled.sources, ())

    @classmethod
    def load(
        cls,
        home: str | Path | Home | None = None,
        flags: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        file_needed: bool = True,
        to_start: bool = False,
    ) -> "Config":
        """Read what the operator set: flags before environment before config.toml before defaults.

        Args: home, by default PEERAGE_HOME or, without that, ~/.peerage; flags, texts by name of setting ("p2p.laddr");
        environ, by default the process's; file_needed, whether a missing config.toml is a mistake; to_start, whether to
        check right away for what would keep a node from starting (see `check`).
        Raises: ConfigError with every mistake; HomeError.
        """
        environ = os.environ if environ is None else environ
        place = Home.find(None, environ) if home is None else _as_home(home)
        settled = settle_layers(place, flags or {}, environ, file_needed=file_needed)
        genesis_file = settled.values.get("genesis_file", TopLevel().genesis_file)
        network = settle_network(place, genesis_file, settled)
        self = object.__new__(cls)
        self._fill(place, settled.values, network, settled.sources, tuple(settled.warnings))
        object.__setattr__(self, "flags", tuple((flags or {}).items()))
        mistakes = settled.mistakes
        if to_start:
            known = {mistake.key for mistake in mistakes}
            mistakes = mistakes + [mistake for mistake in self.start_mistakes() if mistake.key not in known]
        if mistakes:
            raise ConfigError(_in_order(mistakes), self.warnings)
        return self

    def replace(self, **changes: object) -> "Config":
        """A copy with other values, given as to the constructor. A section given as a mapping keeps its other values.

        Raises: ConfigError with every mistake; HomeError.
        """
        home = changes.pop("home", self.home)
        network = changes.pop("network", "")
        settled = settle_overrides({**changes, **_as_override(network)})
        if settled.mistakes:
            raise ConfigError(_in_order(settled.mistakes))
        values = {setting.name: self.value_of(setting) for setting in SETTINGS} | settled.values
        sources = dict(self.sources) | settled.sources
        copy = object.__new__(type(self))
        copy._fill(_as_home(home), values, self.network, sources, self.warnings)
        return copy

    def reread(self, environ: Mapping[str, str] | None = None) -> "Config":
        """What file, environment and the same flags say now, fit for a node to start with.

        Raises: ConfigError with every mistake, or because a program has put this configuration together; HomeError.
        """
        if self.flags is None:
            allowed = "one that was read from a file: this one was made by a program"
            raise ConfigError([Mistake("", "argument", "a configuration", allowed)])
        return Config.load(self.home, dict(self.flags), environ, to_start=True)

    def taking(self, names: Collection[str], other: "Config") -> "Config":
        """A copy with the values that another configuration has for these settings. Args: names, such as `p2p.seeds`."""
        origins, theirs = dict(self.sources), dict(other.sources)
        values = {setting.name: self.value_of(setting) for setting in SETTINGS}
        for setting in SETTINGS:
            if setting.name in names:
                values[setting.name] = other.value_of(setting)
                origins[setting.name] = theirs.get(setting.name, "default")
        copy = object.__new__(type(self))
        copy._fill(self.home, values, self.network, origins, ())
        object.__setattr__(copy, "flags", self.flags)
        return copy

    def check(self) -> None:
        """Raise if something would keep a node from starting: addresses, IDs, no network, an impossible timeout.

        Raises: ConfigError with every mistake.
        """
        mistakes = self.start_mistakes()
        if mistakes:
            raise ConfigError(mistakes)

    def start_mistakes(self) -> list[Mistake]:
        """The mistakes that would keep a node from starting, in the order of the settings."""
        mistakes = []
        for setting in SETTINGS:
            mistakes += setting.start_mistakes(self.value_of(setting), self.source_of(setting.name))
        if not self.network:
            ways = f"--network, PEERAGE_NETWORK, [peerage] network, or chain_id in {self.genesis_path}"
            mistakes.append(Mistake("network", self.source_of("network"), '""', f"a name, by {ways}"))
        timeout, interval = self.peerage.pong_timeout, self.peerage.ping_interval
        if timeout >= interval:
            name = "peerage.pong_timeout"
            allowed = f"less than peerage.ping_interval, which is {_in_go(interval)}"
            mistakes.append(Mistake(name, self.source_of(name), _in_go(timeout), allowed))
        per_ip, per_prefix = self.peerage.peers_per_ip, self.peerage.peers_per_prefix
        if 0 < per_prefix < per_ip:
            name = "peerage.peers_per_prefix"
            allowed = f"0, or at least peerage.peers_per_ip, which is {per_ip}"
            mistakes.append(Mistake(name, self.source_of(name), str(per_prefix), allowed))
        name = "p2p.addr_book_file"
        if self.addr_book_path in {self.home.path, self.home.addrbook_store}:
            allowed = "a file of its own: the live book is data/addrbook.sqlite"
            found = shown(self.p2p.addr_book_file)
            mistakes.append(Mistake(name, self.source_of(name), found, allowed))
        name = "peerage.listen_also"
        places = [self.p2p.laddr, *self.peerage.listen_also]
        read = [_read_address(text) for text in places]
        mistakes += [
            Mistake(name, self.source_of(name), shown(text), "each address once, and not that of p2p.laddr")
            for number, text in enumerate(places)
            if (address := read[number]) and address.port and address in read[:number]
        ]
        return _in_order(mistakes)

    def __repr__(self) -> str:
        """Where it is, which network, and what differs from the defaults."""
        others = [setting for setting in SETTINGS if setting.name != "peerage.network"]
        values = ((setting, self.value_of(setting)) for setting in others)
        own = [f"{setting.name}={value!r}" for setting, value in values if value != setting.default]
        return f"<Config {' '.join([str(self.home.path), f'network={self.network!r}', *own])}>"

    def value_of(self, setting: Setting[Any]) -> Any:
        """The value of one setting."""
        part: object = self
        for step in filter(None, setting.section.split(".")):
            part = getattr(part, step)
        return getattr(part, setting.attribute)

    def source_of(self, name: str) -> str:
        """Where a setting's value comes from: "flag --p2p.laddr", "environment …", "file …", "argument", "default"."""
        return dict(self.sources).get(name, "default")

    @property
    def node_key_path(self) -> Path:
        """The path of the node key file."""
        return self.home.resolve(self.node_key_file)

    @property
    def genesis_path(self) -> Path:
        """The path of the genesis file, whether or not it exists."""
        return self.home.resolve(self.genesis_file)

    @property
    def addr_book_path(self) -> Path:
        """The path of CometBFT's address book file, for import and export."""
        return self.home.resolve(self.p2p.addr_book_file)

    @property
    def log_settings(self) -> LogSettings:
        """What each process of the node needs to set up its logging."""
        return LogSettings(level=self.log_level, format=self.log_format)

    def _fill(
        self,
        home: Home,
        values: Mapping[str, Any],
        network: str,
        sources: Mapping[str, str],
        warnings: tuple[str, ...],
    ) -> None:
        """Set every field. `network` is used if the setting of that name is empty."""
        sections = {
            "p2p": P2PConfig(
                **_of_section(P2PConfig, values),
                test_fuzz_config=FuzzConfig(**_of_section(FuzzConfig, values)),
                libp2p=LibP2PConfig(**_of_section(LibP2PConfig, values)),
            ),
            "rpc": RPCConfig(**_of_section(RPCConfig, values)),
            "instrumentation": InstrumentationConfig(**_of_section(InstrumentationConfig, values)),
            "peerage": PeerageConfig(**_of_section(PeerageConfig, values)),
        }
        top = TopLevel(**_of_section(TopLevel, values))
        named = values.get("peerage.network") or network
        origins = dict(sources)
        if values.get("peerage.network"):
            origins["network"] = origins.get("peerage.network", "default")
        attributes = {setting.attribute: getattr(top, setting.attribute) for setting in settings_of(TopLevel)}
        attributes |= {"home": home, "network": named, **sections, "sources": tuple(origins.items())}
        for name, value in attributes.items():
            object.__setattr__(self, name, value)
        odd = [oddity for oddity in self._oddities() if oddity not in warnings]
        object.__setattr__(self, "warnings", (*warnings, *odd))
        object.__setattr__(self, "flags", None)

    def _oddities(self) -> list[str]:
        """Warnings about combinations that are allowed but probably not meant."""
        odd = self._odd_peers()
        external, read = self.p2p.external_address, _read_address(self.p2p.external_address)
        if _is_unspecified(read):
            odd.append(
                f"p2p.external_address: {shown(external)} leads nobody here; an IP of this machine is told instead"
            )
        if read is not None and read.port == 0:
            odd.append(
                f"p2p.external_address: nobody can dial port 0 of {shown(external)}; the port of p2p.laddr is told instead"
            )
        odd += [
            f"peerage.proxy_protocol_from: {shown(text)} is everybody: whoever connects names the IP that is counted"
            for text in self.peerage.proxy_protocol_from
            if _is_everybody(text)
        ]
        # where only [::] is known, the first one may be of either family
        first = external or (self.p2p.laddr if "[::]" not in self.p2p.laddr else "")
        told = [first, *self.peerage.external_address_also]
        families = [family_of(address.host) if address else 0 for address in map(_read_address, told)]
        odd += [
            f"peerage.external_address_also: {shown(text)} is told to nobody: another one comes first in its family"
            for number, text in enumerate(told)
            if number and families[number] and families[number] in families[:number]
        ]
        if self.p2p.seed_mode and not self.p2p.pex:
            odd.append("p2p.seed_mode: has no effect, for p2p.pex is false")
        own = self.peerage
        if (
            own.peers_per_ip_exempt
            and self.p2p.allow_duplicate_ip
            and not own.peers_per_ip + own.peers_per_prefix
        ):
            odd.append(
                "peerage.peers_per_ip_exempt: has no effect, for nothing limits the connections of an IP"
            )
        if own.rotate_peers and (self.p2p.seed_mode or not self.p2p.pex):
            why = "p2p.pex is false" if not self.p2p.pex else "a seed keeps no peers"
            odd.append(f"peerage.rotate_peers: has no effect, for {why}")
        if self.p2p.test_fuzz:
            how = "delayed" if self.p2p.test_fuzz_config.mode else "broken"
            odd.append(
                f"p2p.test_fuzz: for tests only; connections that this node dials are {how} on purpose"
            )
        return odd

    def _odd_peers(self) -> list[str]:
        """The same of those that are to be dialled."""
        persistent = {id_in(address) for address in self.p2p.persistent_peers}
        odd = [
            f"p2p.seeds: {shown(seed)} is in p2p.persistent_peers too, but a seed hangs up after answering"
            for seed in self.p2p.seeds
            if id_in(seed) in persistent
        ]
        named = [
            (key, address)
            for key, addresses in (
                ("p2p.seeds", self.p2p.seeds),
                ("p2p.persistent_peers", self.p2p.persistent_peers),
                ("peerage.bootstrap_peers", self.peerage.bootstrap_peers),
            )
            for address in addresses
        ]
        odd += [
            f"{key}: the scheme of {shown(address)} means nothing, peers are dialled over TCP"
            for key, address in named
            if "://" in address and not address.lower().startswith("tcp://")
        ]
        odd += [
            f"{key}: nobody is at {shown(address)}: {why}"
            for key, address in named
            if (why := _why_nobody(address.rpartition("@")[2]))
        ]
        return odd


def _is_unspecified(address: ListenAddress | None) -> bool:
    try:
        return address is not None and parse_ip(address.host).is_unspecified
    except ValueError:
        return False


def _why_nobody(place: str) -> str:
    """Why no peer can be at host:port; empty if one can."""
    read = _read_address(place)
    if _is_unspecified(read):
        return "the IP stands for every address of this machine"
    return "nobody can dial port 0" if read is not None and not read.port else ""


def _is_everybody(network: str) -> bool:
    try:
        return not parse_network(network).prefixlen
    except ValueError:
        return False


def _read_address(text: str) -> ListenAddress | None:
    """The address, or None if the text is empty or invalid: whether that matters is checked elsewhere."""
    try:
        return ListenAddress.parse(text)
    except ValueError:
        return None


def _as_home(home: object) -> Home:
    return home if isinstance(home, Home) else Home(Path(str(home)))


def _as_override(network: object) -> dict[str, object]:
    return {"network": network} if network != "" else {}


def _of_section(section: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    return {each.attribute: values[each.name] for each in settings_of(section) if each.name in values}


def _in_order(mistakes: list[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda mistake: _ORDER.get(mistake.key, -1))


def _in_go(seconds: float) -> str:
    return format_duration(round(seconds * NANOSECONDS_PER_SECOND))
