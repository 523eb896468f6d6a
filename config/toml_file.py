"""config.toml as raw values by section and key, whatever their case; what is not ours is left out."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.quoting import shown
from peerage.config.sections import SECTIONS
from peerage.config.setting import settings_of
from peerage.config.small_file import read_small_file

SIZE_LIMIT = 1024 * 1024  # bytes; CometBFT's file has 20,000

# sections with many settings that mean nothing here: unknown keys are CometBFT's business
_SHARED_SECTIONS = frozenset({"", "rpc", "instrumentation"})
# keys of older versions, and what to say when one is set
_RETIRED = {("p2p", "upnp"): "CometBFT dropped it after v0.34, and it does nothing here"}
_KNOWN = {section.SECTION: [setting.key for setting in settings_of(section)] for section in SECTIONS}


@dataclass(slots=True)
class TomlValues:
    """What a file says: raw values by setting name in lower case, warnings and mistakes met on the way."""

    values: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


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
    return found


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that comes closest to a misspelt one, if any comes close."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower()[:64], by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def _read_table(table: Mapping[str, object], section: str, source: str, found: TomlValues) -> None:
    seen: dict[str, str] = {}
    keys = {key.lower() for key in _KNOWN[section]}
    for spelling, raw in table.items():
        key = spelling.lower()
        name = f"{section}.{key}" if section else key
        if key in seen and (name in _KNOWN or key in keys):
            found.mistakes.append(
                Mistake(
                    name, source, f"it both as {seen[key]} and as {spelling}", "each key once, in any case"
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
        elif (section, key) in _RETIRED:
            if raw:
                found.warnings.append(f"{name} ({source}): {_RETIRED[section, key]}")
        elif section not in _SHARED_SECTIONS:
            found.warnings.append(_unknown(name, spelling, section, source))


def _unknown(name: str, spelling: str, section: str, source: str) -> str:
    close = nearest(spelling, _KNOWN[section])
    hint = f"; did you mean {close}?" if close else ""
    return f"{name[:80]} ({source}): unknown, ignored{hint}"


def _broken(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "values nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"a byte that is not UTF-8 at position {error.start}"
    return f"an error: {error}"
