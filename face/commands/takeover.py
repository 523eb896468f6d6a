"""Takes a CometBFT home over into one of peerage's: settings with today's names, node key, address book, network.

Everything is read and checked before anything is written, and nothing that exists is overwritten. The other home is left
as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.config.changed_file import UneditableError, migrated, with_value
from peerage.config.config import Config
from peerage.config.errors import NodeKeyMissingError, UnfitValueError
from peerage.config.home import Home, make_directory
from peerage.config.new_file import write_new_file
from peerage.config.node_key_file import load_node_key
from peerage.config.sections import SETTINGS
from peerage.config.small_file import read_small_file
from peerage.config.toml_file import SIZE_LIMIT

__all__ = ["take_over"]

LARGEST_KEY = 16 * 1024  # bytes
LARGEST_BOOK = 64 * 1024 * 1024
CONFIG_MODE, KEY_MODE, BOOK_MODE = 0o644, 0o600, 0o600
PATHS = {"node_key_file": "config/node_key.json", "p2p.addr_book_file": "config/addrbook.json"}
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file to write."""

    path: Path
    content: bytes
    mode: int


def take_over(source: Home, home: Home, network: str) -> Iterator[tuple[Path, bool]]:
    """Copy what a node needs. Args: network, instead of that of the other home, unless it is empty.

    Yields: each path, and whether it was written; False when it was there.
    Raises: MistakeError, FailureError, ConfigError, HomeError, NodeKeyFileError.
    """
    if not source.config_file.is_file():
        raise MistakeError(
            f"--from: found {str(source)!r}, where there is no config/config.toml: no home of CometBFT"
        )
    if home.path.exists() and source.path.exists() and home.path.samefile(source.path):
        raise MistakeError(
            f"--from: {source} is --home itself; a CometBFT home works as it is: peerage start --home {home}"
        )
    config = Config.load(source, {}, {})
    warn(*config.warnings)
    taken = [_Taken(home.config_file, _settings(config, network), CONFIG_MODE)]
    key = None
    try:
        own_id = load_node_key(config.node_key_path).node_id
    except NodeKeyMissingError:
        warn(f"{config.node_key_path}: no such file, so this home gets a node key of its own")
    else:
        content = _read(config.node_key_path, LARGEST_KEY)
        key = _Taken(_at(home, config, "node_key_file"), content, KEY_MODE)
        taken.append(key)
    if config.addr_book_path.is_file():
        book = _read(config.addr_book_path, LARGEST_BOOK)
        taken.append(_Taken(_at(home, config, "p2p.addr_book_file"), book, BOOK_MODE))
    for each in taken:
        yield from _write(each)
    if key is not None and key.path.read_bytes() == key.content:  # not where another one was there, and stays
        warn(f"both homes have the node key of {own_id}: stop the node in {source} before this one starts")


def _settings(config: Config, network: str) -> bytes:
    """The settings as they are to be in the new home. Files outside of the other home are copied into this one."""
    path = config.home.config_file
    try:
        done = migrated(_read(path, SIZE_LIMIT).decode("utf-8-sig"))
        text = done.text
        for name in (name for name in PATHS if _is_elsewhere(config, name)):
            text = with_value(text, _BY_NAME[name], PATHS[name])
        if network or config.network:
            text = with_value(text, _BY_NAME["peerage.network"], network or config.network)
    except (UneditableError, UnfitValueError) as error:
        raise MistakeError(f"{path}: cannot be taken over: {error}") from error
    warn(*(f"{path}: {line}" for line in done.told))
    return text.encode()


def _is_elsewhere(config: Config, name: str) -> bool:
    return Path(str(config.value_of(_BY_NAME[name]))).is_absolute()


def _at(home: Home, config: Config, name: str) -> Path:
    return home.resolve(PATHS[name] if _is_elsewhere(config, name) else config.value_of(_BY_NAME[name]))


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_small_file(path, limit)[0]
    except UnfitValueError as error:
        raise MistakeError(f"{path}: found {error.found}, expected {error.allowed}") from error
    except OSError as error:
        raise FailureError(f"{path} cannot be read: {error.strerror or error}") from error


def _write(taken: _Taken) -> Iterator[tuple[Path, bool]]:
    directory = taken.path.parent
    if make_directory(directory):
        yield directory, True
    try:
        is_new = write_new_file(taken.path, taken.content, taken.mode)
    except OSError as error:
        raise FailureError(f"{taken.path} cannot be written: {error.strerror or error}") from error
    if not is_new and taken.path.read_bytes() != taken.content:
        warn(f"{taken.path} is another one than in the home that was to be taken over, and stays so")
    yield taken.path, is_new
