"""Which names a new project may have: its folder, its package and its distribution are called so."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

from peerage.config.errors import OperatorError
from peerage.config.quoting import quoted

__all__ = ["ProjectNameError", "check_name"]

# A name of a Python package by PEP 8 that is one of a distribution too: those begin and end with a letter or digit.
_NAME = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?")
_LONGEST: Final = 32  # what is written with it keeps to its lines' length
_TAKEN: Final = {
    "pex": "the reactor of peer exchange is called so",
    "tests": "the folder of its tests is called so",
}


class ProjectNameError(OperatorError):
    """A project cannot have this name; `reason` says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"NAME: found {quoted(self.name)}, {self.reason}"


def check_name(name: str) -> None:
    """Raises: ProjectNameError, unless a package can have this name and no other module does."""
    if keyword.iskeyword(name):
        raise ProjectNameError(name, "which is a keyword of Python; another name is expected")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ProjectNameError(
            name,
            f"allowed: a Python name of at most {_LONGEST} lower-case letters, digits and underscores, such as price_feed",
        )
    if name in _TAKEN:
        raise ProjectNameError(name, f"but {_TAKEN[name]}; another name is expected")
    if name in sys.stdlib_module_names:
        raise ProjectNameError(
            name, "which would hide a module of Python's library; another name is expected"
        )
    if _is_installed(name):
        raise ProjectNameError(name, "which would hide an installed package; another name is expected")


def _is_installed(name: str) -> bool:
    """Whether a module that can be imported, or a distribution, is called so. They may differ: PyYAML brings `yaml`."""
    if importlib.util.find_spec(name) is not None:
        return True
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
