"""Home directories for tests."""

from pathlib import Path

from peerage.config.config import Config
from peerage.config.home import Home


def home_with(path: Path, toml: str | bytes, *, genesis: str | None = None) -> Home:
    """A home whose config.toml says this."""
    home = Home(path)
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    home.config_file.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    if genesis is not None:
        (path / "config" / "genesis.json").write_text(genesis)
    return home


def load(path: Path, toml: str | bytes = "", **more: object) -> Config:
    """The configuration of a home whose config.toml says this; by default without any environment."""
    return Config.load(home_with(path, toml), **{"environ": {}, **more})  # type: ignore[arg-type]
