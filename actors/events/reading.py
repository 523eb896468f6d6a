"""Events as values again, from the lines that the hub keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from peerage.actors.events.happenings import KINDS, NodeEvent
from peerage.actors.events.messages import EventLine

__all__ = ["read"]


def read(line: EventLine) -> NodeEvent:
    """The event that was rendered to this line. Times within it, but its own, are to the millisecond."""
    told: dict[str, Any] = msgspec.json.decode(line.json)
    kind = KINDS[line.kind]
    own = {name: told[name] for name in kind.__struct_fields__}
    if "since" in own:
        own["since"] = datetime.fromisoformat(own["since"]).timestamp()
    return NodeEvent(line.id, line.time, told["node"], msgspec.convert(own, kind))
