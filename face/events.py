"""What can happen in a node: the classes that `Node.events` and `Node.on` know. See docs/reference/events.md."""

from peerage.actors.events.happenings import *  # noqa: F403 - every public name, and nothing else
from peerage.actors.events.happenings import __all__ as __all__  # noqa: PLC0414 - re-exported: the same list
