"""Two ends of a link in one system, without a cluster between them: `Far` stands for an actor that `Near` reaches."""

from __future__ import annotations

import threading
from typing import Any

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.actor import ProcessActor
from peerage.actors.runtime.cluster.link import Link
from peerage.actors.runtime.cluster.notes import WATCH
from peerage.actors.runtime.cluster.stand_in import StandIn
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.mail.process import current_host

KEY = b"the actor"
ends: dict[str, Any] = {}  # both live in threads of this process


def own_host() -> Host:
    host = current_host()
    assert isinstance(host, Host)
    return host


def carry(link: Link, to: str) -> None:
    """What travels by the cluster otherwise."""
    notes = list(link.outbox)
    link.outbox.clear()
    ends[to].host.call_threadsafe(None, ends[to].link.receive, notes)


class Busy(ProcessActor):
    """Is busy for ever with the message "wait"."""

    def on_receive(self, message: Any) -> Any:
        if message == "wait":
            threading.Event().wait()
        return message


class OtherEnd(ProcessActor):
    """Hands over what comes for the actor."""

    def __init__(self, actor: ActorRef[Any]) -> None:
        super().__init__()
        self.host = own_host()
        self.link = Link(
            self.host.port, lambda _key: actor, lambda _: b"", lambda: carry(self.link, "stand-in")
        )
        ends["other"] = self


class Stands(StandIn):
    """Stands for the actor, in whose place it is asked and told."""

    def __init__(self) -> None:
        self.host = own_host()
        self.link = Link(
            self.host.port, lambda _: self.actor_ref, lambda _: b"", lambda: carry(self.link, "other")
        )
        super().__init__(self.link, KEY)
        self.host.process.kept[self.host.serial] = set()
        ends["stand-in"] = self

    def on_start(self) -> None:
        cell: Any = self.host.cell
        self.link.stands_in(KEY, cell)
        self.link.post(WATCH, KEY)
