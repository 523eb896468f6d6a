"""config.toml as raw values by section and key, whatever their case and whether written with _ or -; what is not ours
is left out.
"""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.foreign_setting import foreign_setting
from peerage.config.kind import NAMES
from peerage.config.quoting import shown
from peerage.config.sections import SECTIONS
from peerage.config.setting import settings_of
from peerage.config.small_file import read_small_file

SIZE_LIMIT = 1024 * 1024  # bytes; CometBFT's file has 20,000

# sections with many settings that mean nothing here: unknown keys are the business of others
_SHARED_SECTIONS = frozenset({"", "p2p.libp2p", "rpc", "instrumentation"})
_SURELY = 0.85  # likeness from which on a key of these is a misspelt one of ours
_KNOWN = {section.SECTION: [setting.key for setting in settings_of(section)] for section in SECTIONS}


@dataclass(slots=True)
class TomlValues:
    """What a file says: raw values by setting name in lower case, warnings and mistakes met on the way.

    more_seeds: seeds under another name, with commas between.
    """

    values: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    more_seeds: str = ""


def read_toml_file(path: Path) -> TomlValues:
    """Read a config.toml. Raises: FileNotFoundError; ConfigError if it cannot be read or is no TOML."""
    source = f"file {path}"
    try:
        content, _ = read_small_file(path, SIZE_LIMIT)
        document = tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError([Mistake("", source, error.strerror or str(error), "a readable file")]) from error
    except UnfitValueError as error:
        raise ConfigError([Mistake("", source, str(error.found), error.allowed)]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([Mistake("", source, _broken(error), "TOML 1.0")]) from error
    return values_of(document, source)


def values_of(document: Mapping[str, object], source: str) -> TomlValues:
    """Take a parsed document apart, section by section."""
    found = TomlValues()
    _read_table(document, "", source, found)
    if found.more_seeds:
        seeds = found.values.get("p2p.seeds", "")
        found.values["p2p.seeds"] = f"{seeds},{found.more_seeds}" if isinstance(seeds, str) else seeds
    return found


def plain_key(spelling: str) -> str:
    """A key in the form in which spellings are compared: v0.35 and its forks write them with hyphens."""
    return spelling.lower().replace("-", "_")


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name that comes closest to a misspelt one, if any comes close (1: the same)."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower()[:64], by_lower, n=1, cutoff=likeness)
    return by_lower[close[0]] if close else None


def _read_table(table: Mapping[str, object], section: str, source: str, found: TomlValues) -> None:
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
        elif section not in _SHARED_SECTIONS or nearest(key, keys, _SURELY):
            found.warnings.append(_unknown(spelt, spelling, section, source))


def _read_bootstrap_peers(found: TomlValues, name: str, raw: object, source: str) -> None:
    """v0.35's bootstrap-peers are put into the address book; seeds are asked, and become known that way, too."""
    if not isinstance(raw, str):
        found.mistakes.append(Mistake(name, source, shown(raw), NAMES.allowed))
    elif raw.strip():
        found.more_seeds = raw
        found.warnings.append(f"{name} ({source}): taken as more p2p.seeds")


def _read_mode(found: TomlValues, name: str, raw: object, source: str) -> None:
    """v0.35's mode = "seed" is seed_mode = true of all others."""
    if raw == "seed":
        found.values.setdefault("p2p.seed_mode", True)
        found.warnings.append(f'{name} ({source}): "seed" is taken as p2p.seed_mode = true')


_OTHER_NAMES: dict[tuple[str, str], Callable[[TomlValues, str, object, str], None]] = {
    ("p2p", "bootstrap_peers"): _read_bootstrap_peers,
    ("", "mode"): _read_mode,
}


def _unknown(name: str, spelling: str, section: str, source: str) -> str:
    close = nearest(plain_key(spelling), _KNOWN[section])
    hint = f"; did you mean {close}?" if close else ""
    return f"{name[:80]} ({source}): unknown, ignored{hint}"


def _broken(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "values nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"a byte that is not UTF-8 at position {error.start}"
    return f"an error: {error}"
