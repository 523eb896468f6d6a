"""The chains of a seed that serves several: `--chain ID=SEEDS`, and the tables `[chains.ID]` of HOME/config/chains.toml.

    port = 26656                # a chain that is new gets this port, or the next one that is free
    shared_key = false          # true: all chains have the node key of the seed's home
    metrics = "127.0.0.1:26660" # one endpoint for all
    dashboard_at = "127.0.0.1:26661" # one page for all

    [chains.my-chain]
    seeds = "ID@host:port,…"
    port = 26666                # further keys are those of config.toml: p2p.external_address = "…", moniker = "…"

A chain's ID is the name of its directory, HOME/chains/ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.home import Home
from peerage.config.listen_address import MOST_PORT
from peerage.config.quoting import name_shown, shown
from peerage.config.rule import LONGEST_CHAIN_ID
from peerage.config.sections import SECTIONS, TopLevel
from peerage.config.setting import settings_of
from peerage.config.toml_file import nearest, read_document, values_of

__all__ = ["BASE_PORT", "Chain", "ChainTable", "chain_home", "chains_file", "parse_chain", "read_chains"]

BASE_PORT: Final = 26656  # CometBFT's
MOST_CHAINS: Final = 256
_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{LONGEST_CHAIN_ID - 1}}}")
_ALLOWED_ID: Final = (
    f"a chain ID of 1 to {LONGEST_CHAIN_ID} letters, digits and ._+-, the first a letter or digit"
)
_SEEDS: Final = "p2p.seeds"
# What the seed itself decides for each chain.
_OWN: Final = {"peerage.network": "the chain's ID", "p2p.seed_mode": "true: it is a seed"}
_TOP: Final = ("chains", "port", "shared_key", "metrics", "dashboard_at")
_IN_CHAIN: Final = (
    "seeds",
    "port",
    *(setting.key for setting in settings_of(TopLevel)),
    *(section.SECTION for section in SECTIONS if section.SECTION and "." not in section.SECTION),
)


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain. Attributes: settings, texts by name, as flags have them; port, to listen on, if one was given."""

    id: str
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None


@dataclass(frozen=True, slots=True)
class ChainTable:
    """All chains of a seed, and what they share. Attribute: warnings, for the operator."""

    chains: tuple[Chain, ...] = ()
    port: int = BASE_PORT
    shared_key: bool = False
    metrics: str = ""
    dashboard_at: str = ""
    warnings: tuple[str, ...] = ()

    def with_chains(self, given: Iterable[Chain]) -> ChainTable:
        """The table with chains that the command line names: new ones, or other seeds for those that are there."""
        chains = {chain.id: chain for chain in self.chains}
        for chain in given:
            known = chains.get(chain.id, Chain(chain.id))
            chains[chain.id] = replace(known, settings={**known.settings, **chain.settings})
        return replace(self, chains=tuple(chains.values()))


def chain_home(home: Home, chain_id: str) -> Home:
    """Where a chain's node has its files, below the seed's home."""
    return Home(home / "chains" / chain_id)


def chains_file(home: Home) -> Path:
    """HOME/config/chains.toml."""
    return home / "config" / "chains.toml"


def parse_chain(text: str) -> Chain:
    """Read `ID=SEEDS`, the seeds separated by commas; without any, those of the chain's config.toml count.

    Raises: UnfitValueError.
    """
    chain_id, separator, seeds = text.partition("=")
    if not separator:
        raise UnfitValueError(
            text, "ID=SEEDS, such as my-chain=ID@host:port; `my-chain=` keeps the seeds it has"
        )
    if not _ID.fullmatch(chain_id):
        raise UnfitValueError(chain_id, _ALLOWED_ID)
    return Chain(chain_id, {_SEEDS: seeds} if seeds.strip() else {})


def read_chains(path: Path) -> ChainTable:
    """Read a chains.toml. Raises: FileNotFoundError; ConfigError with every mistake."""
    source = f"file {path}"
    document = read_document(path)
    reader = _Reader(source)
    table = reader.table(document)
    if reader.mistakes:
        raise ConfigError(reader.mistakes, table.warnings)
    return table


class _Reader:
    """Reads a document, and notes the mistakes and oddities that are in it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.mistakes: list[Mistake] = []
        self._warnings: list[str] = []

    def table(self, document: Mapping[str, object]) -> ChainTable:
        self._check_keys("", document, _TOP)
        tables = document.get("chains", {})
        if not isinstance(tables, Mapping):
            self._note("chains", tables, "tables [chains.ID]")
            tables = {}
        if len(tables) > MOST_CHAINS:
            self._note("chains", f"{len(tables)} chains", f"at most {MOST_CHAINS}")
        chains = tuple(self._chain(chain_id, raw) for chain_id, raw in tables.items())
        shared = document.get("shared_key", False)
        if not isinstance(shared, bool):
            self._note("shared_key", shared, "true or false")
        metrics, dashboard_at = (
            self._address(key, document.get(key, "")) for key in ("metrics", "dashboard_at")
        )
        port = self._port("port", document.get("port", BASE_PORT)) or BASE_PORT
        return ChainTable(chains, port, shared is True, metrics, dashboard_at, tuple(self._warnings))

    def _chain(self, chain_id: str, raw: object) -> Chain:
        place = f"chains.{name_shown(chain_id)}"
        if not _ID.fullmatch(chain_id):
            self._note(place, chain_id, _ALLOWED_ID)
        if not isinstance(raw, Mapping):
            self._note(place, raw, f"a table, [{place}]")
            return Chain(chain_id)
        self._check_keys(f"{place}.", raw, _IN_CHAIN)
        port = self._port(f"{place}.port", raw["port"]) if "port" in raw else None
        found = values_of(
            {key: value for key, value in raw.items() if key not in {"seeds", "port"}}, self._source
        )
        self.mistakes += [replace(each, key=f"{place}.{each.key}") for each in found.mistakes]
        self._warnings += [f"{place}.{warning}" for warning in found.warnings]
        values = found.values
        if "seeds" in raw:
            if _SEEDS in values:
                self._note(f"{place}.seeds", "it beside p2p.seeds", "one of them", is_text=False)
            values = {**values, _SEEDS: raw["seeds"]}
        settings = {name: self._text(f"{place}.{name}", value) for name, value in values.items()}
        for name, what in _OWN.items():
            if name in settings:
                self._note(f"{place}.{name}", settings.pop(name), f"none: it is {what}")
        if port is not None and "p2p.laddr" in settings:
            self._note(f"{place}.port", "it beside p2p.laddr", "one of them", is_text=False)
        return Chain(chain_id, settings, port)

    def _check_keys(self, place: str, table: Mapping[str, object], known: Iterable[str]) -> None:
        for key in table:
            if key.lower().replace("-", "_") not in known:
                is_table = not place and isinstance(table[key], Mapping)
                close = nearest(
                    key, known, 0.8 if is_table else 0.6
                )  # a chain's name has much in common with "chains"
                hint = f"; did you mean {close}?" if close else ""
                allowed = (
                    f"seeds, port, or a setting of config.toml{hint}" if place else f"{', '.join(_TOP)}{hint}"
                )
                found = "an unknown key"
                if is_table and not close:
                    found, allowed = "an unknown table", f"[chains.{name_shown(key)}] for a chain"
                self._note(f"{place}{name_shown(key)}", found, allowed, is_text=False)

    def _port(self, key: str, raw: object) -> int | None:
        if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= MOST_PORT:
            return raw
        self._note(key, raw, f"a port, 0 to {MOST_PORT}")
        return None

    def _address(self, key: str, raw: object) -> str:
        """To serve at. What it may be is checked with the command line's."""
        if isinstance(raw, str):
            return raw
        self._note(key, raw, "a text, host:port")
        return ""

    def _text(self, key: str, raw: object) -> str:
        """A value as a flag would give it. It is checked with the chain's whole configuration."""
        match raw:
            case bool():
                return "true" if raw else "false"
            case str() | int() | float():
                return str(raw)
            case list() if all(isinstance(each, str) for each in raw):
                return ",".join(raw)
        self._note(key, raw, "a text, a number, true or false, or a list of texts")
        return ""

    def _note(self, key: str, found: object, allowed: str, *, is_text: bool = True) -> None:
        self.mistakes.append(Mistake(key, self._source, shown(found) if is_text else str(found), allowed))
