"""An address book actor to be killed and started again; the switch is played by a probe."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from peerage.actors.addrbook import AddrBookActor
from peerage.actors.book_client import BookClient
from peerage.actors.context import NodeContext
from peerage.actors.names import NodeNames
from peerage.actors.runtime import THREAD, Place, System
from peerage.testing import Probe, loopback_config, wait_until
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo

PATIENCE_S = 10.0


class Stage:
    """The actor, in the place named; settings are of its configuration, by section."""

    def __init__(self, home: Path, place: Place = THREAD, **settings: Any) -> None:
        self.names = NodeNames("book/", (), 1)
        self.config = loopback_config(home, **settings)
        key = NodeKey.generate()
        info = NodeInfo(id=key.node_id, listen_addr="tcp://9.9.9.9:1", network="test", moniker="m")
        self._options: dict[str, Any] = {
            "name": self.names.addrbook.name,
            "place": place,
            "extra": NodeContext(self.names, self.config, key.public_key, info, (), {}),
        }
        self.switch = Probe(self.names.switch.name)
        self.book = BookClient(self.names.addrbook)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.switch)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._stack.close()

    def start(self) -> None:
        AddrBookActor.options(**self._options).start()

    def stop(self) -> None:
        """Cleanly."""
        self.names.addrbook.stop(timeout=PATIENCE_S)

    def kill(self) -> None:
        """By SIGKILL."""
        (pid,) = self._pids()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._pids())

    def _pids(self) -> list[int]:
        return [host.pid for host in System.current().hosts() if host.name == self.names.addrbook.name]
