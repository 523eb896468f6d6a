"""Events as JSON, and whom they tell of."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from peerage.actors.events.happenings import NodeEvent
from peerage.actors.events.messages import EventLine

__all__ = ["as_dict", "ids_in", "render", "rfc3339", "subject_of"]

# So that JSON may stand in a page: no element begins in it, and no line of a script ends.
_UNSAFE: Final = {
    b"<": rb"\u003c",
    b">": rb"\u003e",
    b"&": rb"\u0026",
    "\u2028".encode(): rb"\u2028",
    "\u2029".encode(): rb"\u2029",
}
_UNSAFE_IN: Final = re.compile(b"|".join(_UNSAFE))
_NODE_ID: Final = re.compile(rb"(?i)(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


def rfc3339(seconds: float) -> str:
    """A time in UTC, to the millisecond. Args: seconds, Unix."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_dict(event: NodeEvent) -> dict[str, Any]:
    """The keys of an event in the order in which they are shown: those of all events, then those of its kind."""
    what = event.what
    own = {name: getattr(what, name) for name in what.__struct_fields__}
    if "since" in own:
        own["since"] = rfc3339(own["since"])
    return {"id": event.id, "time": rfc3339(event.time), "kind": what.kind, "node": event.node, **own}


def render(event: NodeEvent) -> EventLine:
    """The event as listeners get it. Characters that a page would take for markup are escaped."""
    own = as_dict(event)
    del own["id"]
    text = _UNSAFE_IN.sub(lambda found: _UNSAFE[found.group()], msgspec.json.encode(own))
    address = str(getattr(event.what, "address", ""))
    return EventLine(event.id, event.time, event.what.kind, subject_of(event), address, text)


def subject_of(event: NodeEvent) -> str:
    """The peer that it is about, or who was banned; "" for events of the node itself."""
    what = event.what
    return str(getattr(what, "peer", "") or getattr(what, "subject", ""))


def ids_in(line: EventLine) -> frozenset[str]:
    """All node IDs in it, wherever they stand, in small letters."""
    return frozenset(each.decode().lower() for each in _NODE_ID.findall(line.json))
