"""What a host may rely on when one of its actors ends."""

from __future__ import annotations

from typing import Any

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from tests.actors.runtime.host.fakes import CellPort, cell
from tests.actors.runtime.host.fakes import Keeper as FakeKeeper
from tests.actors.runtime.host.fakes import loop as fake_loop


class Watchful(FakeKeeper):
    """Notes what had been sent when it was called."""

    def __init__(self, port: CellPort) -> None:
        super().__init__()
        self._port = port
        self.calls: list[tuple[str, list[Kind]]] = []

    def forget(self, _cell: ActorCell) -> None:
        self._note("forget")

    def on_end(self, _cell: ActorCell, _reason: DownReason) -> None:
        self._note("on_end")

    def _note(self, call: str) -> None:
        self.calls.append((call, [kind for _address, kind, *_rest in self._port.sent]))


def test_a_name_is_free_before_anybody_is_told_and_the_host_is_told_last() -> None:
    """A watcher may start a successor at once; the host may close at once."""
    loop, _poller = fake_loop()
    port: Any = CellPort()
    keeper = Watchful(port)
    ending = cell(loop, port, keeper)
    ending.watchers.add((8, 9))
    ending.end(DownReason("normal"))
    assert keeper.calls == [("forget", []), ("on_end", [Kind.DOWN])]
    loop.close()
