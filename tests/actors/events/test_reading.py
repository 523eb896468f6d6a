"""Events as values again."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from peerage.actors.events.happenings import Connected, Direction, Happening, NodeEvent
from peerage.actors.events.reading import read
from peerage.actors.events.rendering import render

VALUES: dict[str, Any] = {"str": "<text> & \u2028", "float": 1.25, "int": 3, "bool": True}


def example(kind: type[Happening]) -> Happening:
    """One of this kind, with something in each of its fields."""
    own = {}
    for name, annotation in kind.__annotations__.items():
        if name in kind.__struct_fields__:
            own[name] = VALUES.get(annotation) or next(iter(_ENUMS[annotation]))
    return kind(**own)


_ENUMS = {
    each.__name__: each
    for kind in get_args(Happening)
    for each in __import__("typing").get_type_hints(kind).values()
    if hasattr(each, "__members__")
}


@pytest.mark.parametrize("kind", get_args(Happening), ids=lambda kind: kind.kind)
def test_what_was_rendered_is_read_again(kind: type[Happening]) -> None:
    """Every kind, with escaped text, and with its reasons as what they are."""
    event = NodeEvent("a-1", 1234.5678, "node", example(kind))
    assert read(render(event)) == event


def test_a_time_within_is_to_the_millisecond() -> None:
    """So it is told to all listeners."""
    what = Connected("a", "b", Direction.INBOUND, "m", "v", False, "c", 1_700_000_000.123456)
    event = read(render(NodeEvent("a-1", 1.0, "node", what)))
    assert event.what == replace(what, since=1_700_000_000.123)
