"""Who else may write in a home: others could put their own key there, or a configuration that names their code."""

import stat
from pathlib import Path

from peerage.config.config import Config

WRITERS = stat.S_IWGRP | stat.S_IWOTH


def open_to_others(config: Config) -> list[str]:
    """A warning for each directory and file of the home that others than its owner may write. What is missing is safe."""
    home = config.home
    key_directory = config.node_key_path.parent
    paths = (home.path, home.config_file.parent, home.config_file, key_directory, home.data_dir)
    found = []
    for path in dict.fromkeys(paths):
        mode = _mode(path)
        if mode & WRITERS:
            who = "everybody" if mode & stat.S_IWOTH else "its group"
            found.append(
                f"{path}: found mode {mode:04o}, by which {who} may change what is there; expected nobody but its owner: "
                "`chmod go-w` it"
            )
    return found


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
