"""Address book, peer exchange and their decisions as a library: the public name of `peerage.actors.discovery`."""

from peerage.actors.discovery import *  # noqa: F403 - every public name, and nothing else
from peerage.actors.discovery import __all__ as __all__  # noqa: PLC0414 - re-exported: the same list
