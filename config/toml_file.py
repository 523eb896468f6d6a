"""Reads config.toml into raw values by setting name.

Spellings are unified (any case, `_` or `-`), keys under other names are translated, and what is not ours is left out, with
a warning where it seems to be meant for us. Values are not converted here: only those that win are (see `layers`).
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.foreign_setting import foreign_setting
from peerage.config.kind import NAMES
from peerage.config.quoting import name_shown, shown
from peerage.config.sections import SECTIONS
from peerage.config.setting import settings_of
from peerage.config.small_file import read_small_file

SIZE_LIMIT = 1024 * 1024  # bytes; CometBFT's file has 20,000

BOOTSTRAP_PEERS = "peerage.bootstrap_peers"  # v0.35's p2p.bootstrap-peers
CHAIN_ID, LADDR = "chain_id", "laddr"  # where both stand before all sections, the file is tenderseed's

# Sections in which most of CometBFT's settings mean nothing here, so that an unknown key is nothing to warn about ...
_SHARED_SECTIONS = frozenset({"", "p2p.libp2p", "rpc", "instrumentation"})
_SURELY = 0.85  # ... unless it is at least this similar to one of our keys: then it is a misspelt one
_KNOWN = {section.SECTION: [setting.key for setting in settings_of(section)] for section in SECTIONS}
_OUTSIDE = frozenset({CHAIN_ID, *map(str.lower, _KNOWN["p2p"])})
_OWN = frozenset(_KNOWN["peerage"])  # keys that only our section has
_PLACES = [name for name in _KNOWN if name and "." not in name]
_ALIKE = 0.75  # a section that is this similar to one of ours is a misspelt one ...
_OF_OTHERS = frozenset({"grpc"})  # ... but for those that CometBFT has


@dataclass(slots=True)
class TomlValues:
    """What a file says: raw values by setting name in lower case, and the warnings and mistakes met while reading.

    more_bootstrap_peers: given under another name, separated by commas.
    outside: keys of [p2p] that stand before all sections, and tenderseed's chain_id.
    """

    values: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    more_bootstrap_peers: str = ""
    outside: dict[str, object] = field(default_factory=dict)


def read_toml_file(path: Path) -> TomlValues:
    """Read a config.toml. Raises: FileNotFoundError; ConfigError if it cannot be read or is not TOML."""
    return values_of(read_document(path), f"file {path}")


def read_document(path: Path) -> dict[str, Any]:
    """Read a small TOML file. Raises: FileNotFoundError; ConfigError if it cannot be read or is not TOML."""
    source = f"file {path}"
    try:
        content, _ = read_small_file(path, SIZE_LIMIT)
        return tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError([Mistake("", source, error.strerror or str(error), "a readable file")]) from error
    except UnfitValueError as error:
        raise ConfigError([Mistake("", source, str(error.found), error.allowed)]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([Mistake("", source, _broken(error), "TOML 1.0")]) from error


def values_of(document: Mapping[str, object], source: str) -> TomlValues:
    """Take the values out of a parsed document, section by section."""
    found = TomlValues()
    _read_table(document, "", source, found)
    if more := found.more_bootstrap_peers:
        ours = found.values.get(BOOTSTRAP_PEERS, "")
        found.values[BOOTSTRAP_PEERS] = f"{ours},{more}".lstrip(",") if isinstance(ours, str) else ours
    _place_outside(found, source)
    return found


def _place_outside(found: TomlValues, source: str) -> None:
    """Tenderseed's file has keys of [p2p] without a section, and the network's name. In any other they are misplaced."""
    if not {CHAIN_ID, LADDR} <= found.outside.keys():
        for key in found.outside:
            place = "network below [peerage] is what counts" if key == CHAIN_ID else "it belongs below [p2p]"
            found.warnings.append(f"{key} ({source}): ignored, {place}")
        return
    found.values.setdefault("peerage.network", found.outside.pop(CHAIN_ID))
    found.values.setdefault("p2p.seed_mode", True)
    for key, raw in found.outside.items():
        found.values.setdefault(f"p2p.{key}", raw)
    found.warnings.append(
        f"{CHAIN_ID} ({source}): a file of tenderseed: its keys are taken as those of [p2p], "
        f"{CHAIN_ID} as peerage.network, and p2p.seed_mode is true"
    )


def plain_key(spelling: str) -> str:
    """The form in which spellings of a key are compared: v0.35 and its forks write keys with hyphens."""
    return spelling.lower().replace("-", "_")


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name most similar to a misspelt one, if any is similar enough (1 means equal)."""
    import difflib  # only a mistake pays for it

    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower()[:64], by_lower, n=1, cutoff=likeness)
    return by_lower[close[0]] if close else None


def _read_table(table: Mapping[str, object], section: str, source: str, found: TomlValues) -> None:
    """Take the values of one section, and of its subsections.

    Keys are matched in their plain form. A key that is given in two spellings is a mistake, since there is no telling which
    one is meant; only of `a_b` and `a-b` the first counts, because CometBFT reads only that one.
    """
    seen: dict[str, str] = {}
    keys = {key.lower() for key in _KNOWN[section]}
    for spelling, raw in table.items():
        key = plain_key(spelling)
        name = f"{section}.{key}" if section else key
        spelt = f"{section}.{spelling.lower()}" if section else spelling.lower()
        if key in seen and (name in _KNOWN or key in keys):
            if "-" in spelling or "-" in seen[key]:
                found.warnings.append(
                    f"{name} ({source}): set both as {seen[key]} and as {spelling}; what is written with _ counts"
                )
                if "-" in spelling:
                    continue
            else:
                found.mistakes.append(
                    Mistake(
                        name,
                        source,
                        f"it both as {seen[key]} and as {spelling}",
                        "each key once, in any case",
                    )
                )
        seen[key] = spelling
        if name in _KNOWN:
            if isinstance(raw, Mapping):
                _read_table(raw, name, source, found)
            else:
                found.mistakes.append(Mistake(name, source, shown(raw), f"a section, [{name}]"))
        elif key in keys:
            found.values[name] = raw
        elif (section, key) in _OTHER_NAMES:
            _OTHER_NAMES[section, key](found, spelt, raw, source)
        elif (foreign := foreign_setting(section, key)) is not None:
            if foreign.asks_for(raw):
                found.warnings.append(f"{spelt} ({source}): {foreign.about}")
        elif not section and key in _OUTSIDE:
            found.outside[key] = raw
        elif not section and isinstance(raw, Mapping):
            if key not in _OF_OTHERS and (close := nearest(key, _PLACES, _ALIKE)):
                found.warnings.append(
                    f"[{name_shown(spelling)}] ({source}): unknown, ignored; did you mean [{close}]?"
                )
        elif section not in _SHARED_SECTIONS or nearest(key, keys, _SURELY) or _is_misplaced(section, key):
            found.warnings.append(_unknown(spelt, spelling, section, source))


def _read_bootstrap_peers(found: TomlValues, name: str, raw: object, source: str) -> None:
    """What v0.35 calls p2p.bootstrap-peers, and puts into its address book, is a setting of ours in another section."""
    if not isinstance(raw, str):
        found.mistakes.append(Mistake(name, source, shown(raw), NAMES.allowed))
    elif raw.strip():
        found.more_bootstrap_peers = raw


def _read_mode(found: TomlValues, name: str, raw: object, source: str) -> None:
    """v0.35's mode = "seed" is what all other versions call seed_mode = true."""
    if raw == "seed":
        found.values.setdefault("p2p.seed_mode", True)
        found.warnings.append(f'{name} ({source}): "seed" is taken as p2p.seed_mode = true')


_OTHER_NAMES: dict[tuple[str, str], Callable[[TomlValues, str, object, str], None]] = {
    ("p2p", "bootstrap_peers"): _read_bootstrap_peers,
    ("", "mode"): _read_mode,
}


def _is_misplaced(section: str, key: str) -> bool:
    """Whether it is one of our own keys; libp2p's section has a key of such a name, too."""
    return key in _OWN and section != "p2p.libp2p"


def _unknown(name: str, spelling: str, section: str, source: str) -> str:
    key = plain_key(spelling)
    for place in ("peerage", "p2p"):
        if key in _KNOWN[place]:
            return f"{name_shown(name)} ({source}): ignored, it belongs below [{place}]"
    close = nearest(key, _KNOWN[section])
    hint = f"; did you mean {close}?" if close else ""
    return f"{name_shown(name)} ({source}): unknown, ignored{hint}"


def _broken(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "values nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"a byte that is not UTF-8 at position {error.start}"
    return f"an error: {error}"
