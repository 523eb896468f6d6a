"""What a config.toml becomes when a setting is given a value, or when it comes from an older version of CometBFT.

Only the text changes that has to; afterwards the file means the same as before, but for what was asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peerage.config.errors import UnfitValueError
from peerage.config.foreign_setting import foreign_setting, is_cometbfts_today
from peerage.config.kind import NAMES, WholeNumberOrAuto, split_list
from peerage.config.quoting import quoted, shown
from peerage.config.sections import SECTIONS
from peerage.config.setting import Setting, settings_of
from peerage.config.toml_file import BOOTSTRAP_PEERS, plain_key, values_of
from peerage.config.toml_text import TomlText, UneditableError

__all__ = ["Migrated", "UneditableError", "migrated", "with_value"]

_SECTIONS = {section.SECTION: {s.key.lower(): s.key for s in settings_of(section)} for section in SECTIONS}
_OTHERS_OF_COMETBFT = frozenset(
    {
        "consensus",
        "mempool",
        "statesync",
        "blocksync",
        "fastsync",
        "storage",
        "tx_index",
        "grpc",
        "priv_validator",
    }
)


@dataclass(frozen=True, slots=True)
class Migrated:
    """A migrated file. Attributes: text; told, a line for each change; left, sections that mean nothing to peerage."""

    text: str
    told: tuple[str, ...]
    left: tuple[str, ...]


def with_value(text: str, setting: Setting[Any], value: str) -> str:
    """The file with a setting's value. Args: value, as a flag would have it.

    Raises: UnfitValueError, the setting cannot have it; UneditableError.
    """
    read = setting.from_text(value)
    kind = setting.declared.kind
    is_auto = isinstance(kind, WholeNumberOrAuto) and value == "auto"
    edited = TomlText(text)
    edited.put(setting.section, setting.key, quoted("auto") if is_auto else kind.to_toml(read))
    new, name = edited.text, setting.name.lower()
    before, after = _meaning(text), _meaning(new)
    written = values_of(tomllib.loads(new), "").values.get(name)
    if setting.from_toml(written) != read or before | {name: None} != after | {name: None}:
        raise UneditableError(f"there is no place for {setting.name} that changes nothing else")
    return new


def migrated(text: str) -> Migrated:
    """The file with today's names: of CometBFT v0.34 to v0.40, of v0.35 with its hyphens, and of Tendermint before them.

    Keys that no version of today has are kept as comments. What CometBFT has and peerage does not stays as it is.
    Raises: UneditableError.
    """
    edited = TomlText(text)
    told = [line for section in _SECTIONS for line in _migrate_section(edited, section)]
    new = edited.text
    if _meaning(text) != _meaning(new):
        raise UneditableError("its meaning would change")
    known = {plain_key(name) for name, value in tomllib.loads(new).items() if isinstance(value, dict)}
    return Migrated(new, tuple(told), tuple(sorted(known & _OTHERS_OF_COMETBFT)))


def _migrate_section(edited: TomlText, section: str) -> Iterator[str]:
    ours, spellings = _SECTIONS[section], edited.keys(section)
    for spelling in spellings:
        key = plain_key(spelling)
        name = f"{section}.{spelling}".lstrip(".")
        if key in ours and "-" in spelling:
            if any("-" not in other and plain_key(other) == key for other in spellings):
                edited.set_aside(section, spelling)
                yield f"{name}: now a comment, {ours[key]} is set too and counts"
            else:
                edited.rename(section, spelling, ours[key])
                yield f"{name}: now {ours[key]}"
        elif (section, key) == ("p2p", "bootstrap_peers"):
            yield _take_bootstrap_peers(edited, spelling)
        elif (section, key) == ("", "mode"):
            yield _take_mode(edited, spelling)
        elif (foreign := foreign_setting(section, key)) is not None and not is_cometbfts_today(section, key):
            edited.set_aside(section, spelling)
            yield f"{name}: now a comment, {foreign.about or 'no version of today has it'}"


def _take_bootstrap_peers(edited: TomlText, spelling: str) -> str:
    raw = edited.value("p2p", spelling)
    if not isinstance(raw, str):
        raise UnfitValueError(raw, NAMES.allowed)
    edited.set_aside("p2p", spelling)
    if not raw.strip():
        return f"p2p.{spelling}: now a comment, it was empty"
    section, _, ours = BOOTSTRAP_PEERS.partition(".")
    there = next((edited.value(section, key) for key in edited.keys(section) if plain_key(key) == ours), "")
    edited.put(section, ours, quoted(",".join(filter(None, (str(there), raw)))))
    return f"p2p.{spelling}: now {BOOTSTRAP_PEERS}"


def _take_mode(edited: TomlText, spelling: str) -> str:
    mode = edited.value("", spelling)
    edited.set_aside("", spelling)
    if mode != "seed":
        return f"{spelling}: now a comment, a node has no mode ({shown(mode)})"
    if not any(plain_key(key) == "seed_mode" for key in edited.keys("p2p")):
        edited.put("p2p", "seed_mode", "true")
    return f"{spelling}: now p2p.seed_mode"


def _meaning(text: str) -> dict[str, object]:
    """What a file says of our settings. Of bootstrap peers empty ones mean nothing."""
    try:
        values = dict(values_of(tomllib.loads(text), "").values)
    except tomllib.TOMLDecodeError as error:
        raise UneditableError(str(error)) from error
    peers = values.get(BOOTSTRAP_PEERS, "")
    return values | {BOOTSTRAP_PEERS: split_list(peers) if isinstance(peers, str) else peers}
