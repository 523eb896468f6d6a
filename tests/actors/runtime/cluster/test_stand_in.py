"""The actor that stands for another one."""

from __future__ import annotations

from typing import Any

from peerage.actors.runtime.cluster.stand_in import StandIn
from peerage.actors.runtime.host.stand_in_cell import StandInCell
from peerage.actors.runtime.mail.exit_reason import DownReason


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def stands_in(self, *args: Any) -> None:
        self.calls.append(("stands in", *args))

    def forward(self, *args: Any) -> None:
        self.calls.append(("forward", *args))

    def forget(self, *args: Any) -> None:
        self.calls.append(("forget", *args))


def test_it_gives_everything_to_its_link_under_its_key() -> None:
    """Messages, and its end."""
    link: Any = Told()
    actor, cell, item = StandIn(link, b"key"), Any, Any
    actor.forward(cell, item)  # type: ignore[arg-type]  # neither is looked at
    actor.gone(DownReason("normal"))
    assert link.calls == [("forward", b"key", cell, item), ("forget", b"key")]


def test_its_host_gives_it_a_cell_that_forwards() -> None:
    """Which `Host.start_here` asks the class for."""
    assert StandIn.cell_class is StandInCell
