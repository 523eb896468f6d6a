"""config/home_modes.py: who else may write in a home."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.config.config import Config
from peerage.config.home_modes import open_to_others


@pytest.fixture
def config(tmp_path: Path) -> Config:
    home = tmp_path / "home"
    for name in ("config", "data"):
        (home / name).mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    (home / "config" / "config.toml").write_text("")
    (home / "config" / "config.toml").chmod(0o644)
    return Config(home=home, network="test")


def test_a_home_as_init_makes_it_is_its_owner_s(config: Config) -> None:
    """Others may read what is no secret, where they get to."""
    assert open_to_others(config) == []
    config.home.path.chmod(0o755)
    assert open_to_others(config) == []


@pytest.mark.parametrize("name", ["", "config", "data", "config/config.toml"])
@pytest.mark.parametrize(
    ("mode", "who"), [(0o777, "everybody"), (0o702, "everybody"), (0o770, "its group"), (0o1777, "everybody")]
)
def test_what_others_may_write_is_named_with_its_mode(config: Config, name: str, mode: int, who: str) -> None:
    """And what to do about it."""
    path = config.home.path / name
    path.chmod(mode)
    [warning] = open_to_others(config)
    assert warning.startswith(f"{path}: found mode {mode:04o}, by which {who} may change")
    assert "`chmod go-w`" in warning


def test_the_directory_of_a_key_elsewhere_counts(tmp_path: Path, config: Config) -> None:
    """Whoever may write there may put another key in its place."""
    elsewhere = tmp_path / "keys"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    found = open_to_others(
        Config(home=config.home.path, network="test", node_key_file=str(elsewhere / "key.json"))
    )
    assert [warning.partition(":")[0] for warning in found] == [str(elsewhere)]


def test_what_is_not_there_is_not_open(tmp_path: Path) -> None:
    """A node makes it, for its owner alone."""
    assert open_to_others(Config(home=tmp_path / "none", network="test")) == []
