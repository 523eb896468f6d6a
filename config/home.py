"""The home directory: where a node's files are.

HOME/config/config.toml       the operator's settings
HOME/config/node_key.json     the node's private key   (node_key_file)
HOME/config/genesis.json      the network's name, if it is a CometBFT home   (genesis_file)
HOME/data/                    what the node stores: the address book, the lock of whoever writes it, its socket
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peerage.config.errors import HomeError

VARIABLE = "PEERAGE_HOME"
DEFAULT = "~/.peerage"
DIRECTORY_MODE = 0o700  # as CometBFT's


@dataclass(frozen=True, slots=True)
class Home:
    """A home directory, given by its absolute path. Creating the object touches no files."""

    path: Path

    def __post_init__(self) -> None:
        try:
            absolute = Path(self.path).expanduser().absolute()
        except RuntimeError as error:  # "~" for a user who has no home
            raise HomeError(self.path, str(error)) from error
        if "\0" in str(absolute):
            raise HomeError(repr(str(self.path)), "a path cannot hold a null character")
        object.__setattr__(self, "path", absolute)

    @classmethod
    def find(cls, flag: str | None = None, environ: Mapping[str, str] = os.environ) -> "Home":
        """The home directory to use: the flag, or else PEERAGE_HOME, or else ~/.peerage."""
        return cls(Path(flag or environ.get(VARIABLE) or DEFAULT))

    def resolve(self, path: str) -> Path:
        """A path from the configuration: relative paths start at the home directory."""
        return self.path / path

    @property
    def config_file(self) -> Path:
        """config/config.toml."""
        return self.path / "config" / "config.toml"

    @property
    def data_dir(self) -> Path:
        """data/, where the node stores what it learns."""
        return self.path / "data"

    @property
    def addrbook_store(self) -> Path:
        """The live address book, an SQLite file."""
        return self.data_dir / "addrbook.sqlite"

    @property
    def peer_history(self) -> Path:
        """Who was here, an SQLite file."""
        return self.data_dir / "peers.sqlite"

    @property
    def lock_file(self) -> Path:
        """The file that whoever writes in data/ locks; see `home_lock`."""
        return self.data_dir / "node.lock"

    @property
    def node_socket(self) -> Path:
        """Where a running node takes commands; see `node_socket`."""
        return self.data_dir / "node.sock"

    @property
    def stacks_file(self) -> Path:
        """Where the node's processes write the stacks of their threads when they are asked to."""
        return self.data_dir / "node.stacks"

    def __truediv__(self, path: str) -> Path:
        return self.path / path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


def make_directory(path: Path) -> bool:
    """Create a directory that only its owner can access, with its missing parents. Returns: whether it was missing.

    Raises: HomeError if it cannot be created or something else has its name.
    """
    if path.is_dir():
        return False
    try:
        # pathlib's mkdir(parents=True) applies the mode to the last directory only
        for missing in reversed([each for each in path.parents if not each.exists()]):
            missing.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    except OSError as error:
        reason = "it is no directory" if isinstance(error, FileExistsError) else error.strerror
        raise HomeError(path, f"cannot make this directory: {reason}") from error
    return True
