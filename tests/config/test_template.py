import tomllib
from pathlib import Path

from peerage.config.config import Config
from peerage.config.sections import SETTINGS
from peerage.config.template import render_config_toml
from tests.config.homes import load
from tests.config.vectors import CONFIG_TOML


def test_the_file_holds_every_setting_but_the_hidden_ones() -> None:
    """Each key has its default and a comment before it."""
    text = render_config_toml()
    document = tomllib.loads(text)
    for setting in SETTINGS:
        table = document
        for step in filter(None, setting.section.split(".")):
            table = table.get(step, {})
        assert (setting.key in table) == (not setting.declared.hidden), setting.name
        if setting.key in table:
            assert setting.from_toml(table[setting.key]) == setting.default
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line


def test_keys_of_p2p_are_in_cometbfts_order() -> None:
    """So people who know CometBFT's file find their way."""
    ours, theirs = (tomllib.loads(text)["p2p"] for text in (render_config_toml(), CONFIG_TOML.read_text()))
    assert list(ours) == list(theirs)
    differing = {key for key in ours if ours[key] != theirs[key]}
    assert differing == {"flush_throttle_timeout"}
    assert ours["flush_throttle_timeout"] == "10ms"


def test_reading_it_gives_the_defaults_without_a_warning(tmp_path: Path) -> None:
    """The file says what holds without it, except for the network that was asked for."""
    config = load(tmp_path, render_config_toml({"peerage.network": 'odd "name"\t'}))
    assert config == Config(tmp_path, network='odd "name"\t')
    assert config.warnings == ()
