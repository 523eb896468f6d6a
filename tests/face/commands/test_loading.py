"""Loading the configuration for a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.commands.loading import load_config, warn
from peerage.config.errors import ConfigError
from peerage.config.home import Home
from tests.config.homes import home_with

ODD = "[p2p]\ntest_fuzz = true\n"  # CometBFT's, without an effect here


def test_warnings_go_to_standard_error_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    warn("one", "two")
    assert capsys.readouterr() == ("", "Warning: one\nWarning: two\n")


def test_what_was_odd_is_said_though_the_configuration_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator who corrects the mistake wants to know both."""
    home = home_with(tmp_path, ODD)
    load_config(home)
    odd = capsys.readouterr().err
    assert odd.startswith("Warning: ")
    with pytest.raises(ConfigError):
        load_config(home_with(tmp_path, ODD + 'send_rate = "fast"\n'))
    assert capsys.readouterr().err == odd


def test_a_file_that_is_needed_and_missing_is_a_mistake(tmp_path: Path) -> None:
    home = Home.find(str(tmp_path))
    assert load_config(home).home == home
    with pytest.raises(ConfigError):
        load_config(home, file_needed=True)
