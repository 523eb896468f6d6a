"""The far end of an actor on the cluster: a Ray actor, in whose process the actor runs.

The process has an actor system of its own, so that the actor has all that it has at home: its loop, timers, descriptors,
children. `border.py` says what becomes of refs.
"""

from __future__ import annotations

import os
import pickle
import threading
from typing import Any

from peerage.actors.runtime.actor import ProcessActor
from peerage.actors.runtime.cluster.border import AT_HOME, Border
from peerage.actors.runtime.cluster.link import Link
from peerage.actors.runtime.cluster.notes import DOWN, FOLLOW, WATCH, pack, take, unpack
from peerage.actors.runtime.cluster.stand_in import StandIn
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.host.stand_in_cell import StandInCell
from peerage.actors.runtime.host.start_request import Endowment
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.envelope import UNTIL, Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.process import current_host, current_process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.starter import THREAD, Starter
from peerage.actors.runtime.system import System

THE_ACTOR = b""  # its key
COLLECT_S = 20.0  # an empty answer now and again: no call of Ray is open for ever
# What is sent to an actor at home by its stand-in's name; each of these makes the stand-in.
ADDRESSED = (Kind.TELL, Kind.ASK, Kind.STOP, Kind.TELL_IF_THERE, Kind.WATCH, Kind.QUERY)


class Outpost:
    """Its methods are called by Ray, each group in a thread of its own; everything else happens in the loop of `Agent`."""

    current: Outpost | None = None  # one in a process

    def __init__(self) -> None:
        Outpost.current = self
        self.agent: Agent | None = None
        self.news = threading.Event()
        self._arrived: dict[int, tuple[bytes, list[Any]]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def start(self, boot: dict[str, Any]) -> tuple[bytes, str, int]:
        """Start the actor. Returns: its exception, packed, if it could not be started; the node, the process."""
        import ray

        try:
            self._start(boot)
        except BaseException as error:
            failure = codec.encode_failure(error)
        else:
            failure = b""
        return failure, ray.get_runtime_context().get_node_id(), os.getpid()

    def _start(self, boot: dict[str, Any]) -> None:
        name, host = boot["name"], boot["host"]
        System(handle_sigterm=False)  # a signal's handler would be for Ray's own main thread
        process = current_process()
        assert process is not None
        agent = Starter(Agent, AT_HOME, THREAD, None, {}, None, False, boot["patience"], None, None).start()
        table = process.table

        def is_here(host: str) -> bool:
            return table.resolve(host, 0) is not None

        process.border = Border(boot["home"], process.system, (name, host), agent.serial, is_here)
        assert self.agent is not None
        self.agent.border_is_known(process.border, ActorPath(name, host))
        cls, args, kwargs, extra, log_setup = pickle.loads(boot["packed"])
        if log_setup is not None:
            log_setup()
        options = Starter(cls, name, THREAD, host, {}, extra, False, boot["patience"], None, None)
        options.start(*args, **kwargs)
        self.agent.runtime.call_threadsafe(self.agent.watch_the_actor)

    def leave(self) -> None:
        """The actor has ended: so does the process, after whatever else was started in it."""
        import ray

        System.current().shutdown()
        self.news.set()  # Ray waits for `collect`
        ray.actor.exit_actor()

    def deliver(self, number: int, batch: bytes, large: list[Any]) -> None:
        """Take notes from home. Args: number, of the delivery: they are handled in this order."""
        with self._lock:
            self._arrived[number] = batch, large
            while (arrived := self._arrived.pop(self._next, None)) is not None:
                self._next += 1
                self._take(*arrived)

    def _take(self, batch: bytes, large: list[Any]) -> None:
        import ray

        notes = unpack(batch, ray.get(large) if large else ())
        agent = self.agent
        if agent is not None:
            agent.host.call_threadsafe(None, agent.link.receive, notes)

    def collect(self) -> tuple[bytes, list[Any]]:
        """What there is to say; waits until there is something."""
        import ray

        notes: list[Any] = []
        if self.news.wait(COLLECT_S):
            self.news.clear()  # before they are taken: what is posted meanwhile sets it again
            assert self.agent is not None
            outbox = self.agent.link.outbox
            notes = take(outbox)
            if outbox:
                self.news.set()
        return pack(notes, lambda raw: ray.put(pickle.PickleBuffer(raw)))


class Agent(ProcessActor):
    """Holds the end of the link, in a host of its own, which is that of all stand-ins too."""

    link: Link
    border: Border

    def on_start(self) -> None:
        """Make the link."""
        outpost, host = Outpost.current, current_host()
        assert outpost is not None
        assert isinstance(host, Host)
        host.process.kept[host.serial] = set()  # nothing is left out of what goes home
        self.host = host
        self.link = Link(host.port, self._here, self._sender, outpost.news.set)
        self.link.on_up = self._make
        for kind in ADDRESSED:
            host.port.handlers[kind] = self._making(host.port.handlers[kind])
        # Its deadline stands before the name.
        until = host.port.handlers[Kind.ASK_UNTIL]
        host.port.handlers[Kind.ASK_UNTIL] = self._making(until, UNTIL.size)
        host.port.handlers[Kind.FOLLOW] = self._following(host.port.handlers[Kind.FOLLOW])
        outpost.agent = self

    def border_is_known(self, border: Border, actor: ActorPath) -> None:
        """Called once, before anything else comes."""
        self.border, self._actor = border, actor

    def watch_the_actor(self) -> None:
        """Its end is told at home."""
        self.runtime.watch(ActorRef(self._actor.name, self._actor.host))

    def on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        """The actor has ended."""
        self.link.post(DOWN, THE_ACTOR, reason)

    def _here(self, key: bytes) -> ActorPath:
        assert key == THE_ACTOR, key
        return self._actor

    def _sender(self, identity: bytes) -> bytes:
        """The identity of a sender's stand-in. Args: identity, at home; empty for no actor."""
        if not identity:
            return b""
        name, host, _serial, class_path = identity.decode().split("\0")
        return "\0".join(
            (self.border.stand_in(name, host), AT_HOME, str(self.host.serial), class_path)
        ).encode()

    # Stand-ins, which are made when they are first used

    def _making(self, handle: Handler, begin: int = 0) -> Handler:
        """Args: begin, where in the target the name of the stand-in begins."""

        def make_first(flags: int, source: int, corr: int, target: bytes, *rest: Any) -> None:
            if (name := target[begin:]) not in self.host.cells:
                self._make_named(name)
            handle(flags, source, corr, target, *rest)

        return make_first

    def _following(self, handle: Handler) -> Handler:
        def follow(flags: int, source: int, corr: int, target: bytes, *rest: Any) -> None:
            handle(flags, source, corr, target, *rest)
            if (path := self.border.path_of(target.decode())) is not None:
                self.link.post(FOLLOW, key_of(*path))

        return follow

    def _make_named(self, target: bytes) -> None:
        if (path := self.border.path_of(target.decode())) is not None and not self.host.closing:
            key = key_of(*path)
            self.host.start_here(StandIn, target.decode(), (self.link, key), {}, Endowment({}, None, None))
            cell = self.host.cells[target]
            assert isinstance(cell, StandInCell)
            self.link.stands_in(key, cell)
            self.link.post(WATCH, key)

    def _make(self, key: bytes) -> None:
        """The actor at home is up again, and somebody here follows it."""
        name, host, _serial, _path = key.decode().split("\0")
        target = self.border.stand_in(name, host).encode()
        if target not in self.host.cells:
            self._make_named(target)


def key_of(name: str, host: str) -> bytes:
    """The key of an actor at home: its identity, whichever life of it is meant."""
    return f"{name}\0{host}\0{0}\0".encode()
