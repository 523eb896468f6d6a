import os
import pickle
from pathlib import Path

import pytest

from peerage.config.errors import HomeError
from peerage.config.home import Home, make_directory


def test_which_home_is_meant(tmp_path: Path) -> None:
    """The flag, or else PEERAGE_HOME, or else ~/.peerage; empty values do not count."""
    environ = {"PEERAGE_HOME": str(tmp_path)}
    assert Home.find("/flag", environ).path == Path("/flag")
    assert Home.find(None, environ).path == tmp_path
    assert Home.find("", {"PEERAGE_HOME": ""}).path == Path("~/.peerage").expanduser()


def test_a_home_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative home means the same after a change of directory."""
    monkeypatch.chdir(tmp_path)
    home = Home(Path("h"))
    monkeypatch.chdir("/")
    assert home.path == tmp_path / "h"
    assert home / "data" == home.data_dir == Path(os.fspath(home)) / "data"
    assert pickle.loads(pickle.dumps(home)) == home


def test_paths_of_the_configuration(tmp_path: Path) -> None:
    """Relative paths start at the home, absolute ones are unchanged."""
    assert Home(tmp_path).resolve("config/x") == tmp_path / "config" / "x"
    assert Home(tmp_path).resolve("/etc/x") == Path("/etc/x")


@pytest.mark.parametrize("path", ["~no-such-user-here/x", "a\0b"])
def test_impossible_homes(path: str) -> None:
    """An impossible home is refused as soon as it is named."""
    with pytest.raises(HomeError):
        Home(Path(path))


def test_directories(tmp_path: Path) -> None:
    """A directory is created for its owner alone; an existing one is kept; a file in its place is a mistake."""
    assert make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert not make_directory(tmp_path / "a" / "b")
    (tmp_path / "f").touch()
    for path in (tmp_path / "f", tmp_path / "f" / "g"):
        with pytest.raises(HomeError, match="cannot make this directory"):
            make_directory(path)
