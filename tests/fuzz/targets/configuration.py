"""What an operator sets. An input: a config.toml, and behind zero bytes flags (--name=value) and variables (NAME=value)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from peerage.config.config import Config
from peerage.config.errors import ConfigError
from peerage.config.home import Home
from peerage.config.sections import SETTINGS
from peerage.config.setting import Setting
from peerage.config.template import render_config_toml
from tests.config.vectors import CONFIG_TOML, P2P
from tests.fuzz.target import Target

MOST_LINE = 2000  # characters of a mistake: the longest list of what is allowed has about 1000


@cache
def _home() -> tuple[Home, object]:
    """A home, and what removes it when the program ends."""
    directory = tempfile.TemporaryDirectory(prefix="peerage-fuzz-")
    home = Home(Path(directory.name))
    home.config_file.parent.mkdir()
    return home, directory


def check(data: bytes) -> None:
    """A configuration or a `ConfigError` whose mistakes fit on lines; written as a file it reads the same."""
    home, _ = _home()
    content, *others = data.split(b"\0")
    flags: dict[str, str] = {}
    environ: dict[str, str] = {}
    for other in others:
        name, _, value = other.decode("utf-8", "surrogateescape").partition("=")
        (flags if name.startswith("--") else environ)[name] = value
    home.config_file.write_bytes(content)
    try:
        config = Config.load(home, flags, environ)
    except ConfigError as error:
        assert error.mistakes
        _fit_on_lines([*map(str, error.mistakes), *error.warnings])
        str(error)
        return
    _fit_on_lines(config.warnings)
    _fit_on_lines(map(str, config.start_mistakes()))
    changed = {
        setting: value
        for setting in SETTINGS
        if not setting.declared.hidden and (value := config.value_of(setting)) != setting.default
    }
    home.config_file.write_text(_written(changed), "utf-8")
    again = Config.load(home, {}, {})
    assert {setting: again.value_of(setting) for setting in changed} == changed


def _written(values: Mapping[Setting[Any], Any]) -> str:
    """A config.toml that holds these values alone: a whole one takes most of the time to write and to read."""
    lines = []
    for section in dict.fromkeys(setting.section for setting in values):  # that of the top level comes first
        lines += [f"[{section}]"] if section else []
        lines += [
            f"{each.key} = {each.declared.kind.to_toml(value)}"
            for each, value in values.items()
            if each.section == section
        ]
    return "\n".join(lines)


def _fit_on_lines(texts: Iterable[str]) -> None:
    for text in texts:
        assert text.isprintable(), text
        assert len(text) <= MOST_LINE, f"{len(text)} characters: {text[:200]}"


def corpus() -> Iterator[bytes]:
    """CometBFT's file and ours, the files that CometBFT was tried with, and each setting as a flag and as a variable."""
    yield CONFIG_TOML.read_bytes()
    yield render_config_toml().encode()
    for row in P2P["files"]:
        yield row["toml"].encode()
    for row in P2P["durations"]:
        yield f"[p2p]\ndial_timeout = {row['toml']}\n".encode()
    for row in P2P["environment"]:
        yield b"\0" + f"{row['variable']}={row['value']}".encode()
    for setting in SETTINGS:
        value = setting.default_toml.strip('"')
        yield f"\0{setting.variables[0]}={value}\0{setting.flag}={value}".encode()
        section = f"[{setting.section}]\n" if setting.section else ""
        yield f"{section}{setting.key} = {setting.default_toml}\n".encode()


TARGET = Target(corpus, check, longest=12_000, inputs=400)
