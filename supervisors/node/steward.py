"""Steers a node that runs: carries new settings to its parts, and says how it stands.

It works in the loop of the supervision tree's root, and so waits for nothing: a part that does not answer in time is named
in the answer. It gets the new values all the same, when it is back: the child specs have them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from peerage.actors.context import NodeContext
from peerage.actors.messages.steering import (
    AlterSettings,
    ApplyConfig,
    Change,
    ChildSnapshot,
    DescribeNode,
    DropPersistent,
    NodeDescription,
    Reconfigure,
    Reconfigured,
    UpgradeReactor,
)
from peerage.actors.runtime import Future, Reply, Timer
from peerage.actors.runtime.limits import descriptor_limit
from peerage.actors.runtime.log import get_logger, signature
from peerage.config import Config
from peerage.config.node_logging import NODE
from peerage.config.private_lines import hide_peers
from peerage.supervisors.child import Child
from peerage.supervisors.node.host_setup import HostSetup, LevelChange
from peerage.supervisors.node.log import set_level
from peerage.supervisors.node.reloading import ADDRBOOK, LIVE, LOGS, PEX, TOLD, Plan, plan
from peerage.supervisors.node.room_for_peers import lack_of_room
from peerage.supervisors.node.upgrading import Answer, Upgrades
from peerage.supervisors.strategy import Status
from peerage.wire.net_address import id_in

__all__ = ["REQUESTS", "Steward"]

ANSWER_S: Final = 4.0  # for all parts together; whoever asked waits for 5 s
REQUESTS: Final = (Reconfigure, AlterSettings, DropPersistent, DescribeNode, UpgradeReactor)

log = get_logger("peerage.node")


class Runtime(Protocol):
    """The root's own `runtime`."""

    def now(self) -> float: ...
    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Timer: ...
    def defer(self) -> Reply: ...
    def life_of(self, ref: Any) -> int | None: ...
    def send_errands(self, work: Callable[[str], Any]) -> dict[str, Future[Any]]: ...


class Waiting:
    """What has been asked of several parts at once: calls `then` once, with the parts that have not answered in time."""

    def __init__(
        self,
        call_later: Callable[..., Timer],
        then: Callable[[tuple[str, ...]], object],
        seconds: float = ANSWER_S,
    ) -> None:
        self._then, self._open = then, dict[str, None]()
        self._is_complete = self._is_over = False
        self._timer = call_later(seconds, self._end)

    def await_answer(self, part: str) -> Callable[[object], None]:
        """One more. Returns: to be called with its answer, whatever that is."""
        self._open[part] = None

        def answered(_answer: object) -> None:
            self._open.pop(part, None)
            self._look()

        return answered

    def complete(self) -> None:
        """These are all."""
        self._is_complete = True
        self._look()

    def _look(self) -> None:
        if self._is_complete and not self._open:
            self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._then(tuple(self._open))


class Renewed:
    """The answer to a renewal that is awaited here: it is over, well or not."""

    def __init__(self, over: Callable[[object], None]) -> None:
        self._over = over

    def set(self, value: Any = None) -> None:
        self._over(value)

    def set_exception(self, error: BaseException) -> None:
        self._over(error)


class Steward:
    """See the module's text.

    Args: children, of the tree, in start order; renew, has a child stopped and started anew, and answers when it is.
    """

    def __init__(
        self,
        context: NodeContext,
        runtime: Runtime,
        children: Iterable[Child],
        renew: Callable[[str, Answer], object],
    ) -> None:
        self._context, self._runtime, self._children, self._renew = context, runtime, children, renew
        self._upgrades = Upgrades(context.names, children, runtime.call_later, renew)
        self._config = context.config
        self._pending: tuple[Change, ...] = ()
        self._began = runtime.now()

    def serve(self, request: Any) -> Any:
        """Answer one of REQUESTS, later where that takes time."""
        match request:
            case Reconfigure(config):
                self._reconfigure(config, self._runtime.defer())
            case AlterSettings(values):
                reply = self._runtime.defer()
                try:
                    config = self._altered(values)
                except Exception as error:  # whoever asks gets to know what is wrong
                    reply.set_exception(error)
                else:
                    self._reconfigure(config, reply, only=values)
            case DropPersistent():
                self._drop(request, self._runtime.defer())
            case UpgradeReactor():
                self._upgrades.serve(request, self._runtime.defer())
            case DescribeNode():
                return self._describe()
        return None

    # --- new settings ------------------------------------------------------------------------------------------------

    def _altered(self, values: Mapping[str, str]) -> Config:
        """The configuration with these values. Raises: ConfigError; ValueError, one of them cannot change."""
        sections: dict[str, Any] = {}
        for name, text in values.items():
            if name not in LIVE:
                raise ValueError(f"{name} cannot be changed while the node runs")
            section, _, key = name.rpartition(".")
            (sections.setdefault(section, {}) if section else sections)[key] = text
        return self._config.replace(**sections)

    def _reconfigure(self, config: Config, reply: Reply, only: Iterable[str] | None = None) -> None:
        what = plan(self._config, config, None if only is None else frozenset(only))
        if only is None:
            self._pending = what.pending
        warnings = () if only is not None else config.warnings
        if what.applied and (lack := lack_of_room(config, descriptor_limit())):
            warnings = (*warnings, lack)
        hide_peers(signature().get(NODE, ""), config.p2p.private_peer_ids, config.p2p.persistent_peers)
        _tell(what)
        if only is None:
            log.info("configuration reloaded", changed=len(what.applied), need_restart=len(what.pending))
        if not what.applied:
            reply.set(Reconfigured((), what.pending, (), warnings))
            return
        self._take(self._config.taking(what.names, config))

        def over(silent: tuple[str, ...]) -> None:
            if silent:
                log.warning("parts have not taken new settings yet", parts=silent)
            reply.set(Reconfigured(what.applied, what.pending, silent, warnings))

        waiting = Waiting(self._runtime.call_later, over)
        self._carry(what.parts, waiting)
        waiting.complete()

    def _take(self, config: Config) -> None:
        """This is the configuration from now on, also of whatever part is started again."""
        self._config = config
        for child in self._children:
            start = child.spec.start
            options = dict(start.options)
            extra, setup = options.get("extra"), options.get("log_setup")
            if isinstance(extra, NodeContext):
                options["extra"] = replace(extra, config=config)
            if isinstance(setup, HostSetup):
                options["log_setup"] = setup.taking(config)
            child.spec = replace(child.spec, start=start.using(**options))

    def _carry(self, parts: frozenset[str], waiting: Waiting) -> None:
        names = self._context.names
        if LOGS in parts:
            self._set_level(waiting)
        if TOLD in parts:
            message = ApplyConfig(self._config)
            for ref in (names.switch, *names.transports):
                # Again when it is back, if it is just being started: with its old spec, perhaps.
                answer = ref.ask(message, block=False, exempt=True, patience=ANSWER_S)
                answer.then(waiting.await_answer(ref.name))
        known = {child.spec.id for child in self._children}
        for part in (ADDRBOOK, PEX):
            child_id = names.of(part)
            if part in parts and child_id in known:
                self._renew(child_id, Renewed(waiting.await_answer(child_id)))

    def _set_level(self, waiting: Waiting) -> None:
        setups = [child.spec.start.options.get("log_setup") for child in self._children]
        setup = next((each for each in setups if isinstance(each, HostSetup)), None)
        level = self._config.log_level
        set_level("" if setup is None else setup.node, level)
        hosts = frozenset(child.spec.name for child in self._children)
        for host, answer in self._runtime.send_errands(LevelChange(level, hosts, setup)).items():
            answer.then(waiting.await_answer(host))

    def _drop(self, request: DropPersistent, reply: Reply) -> None:
        """The switch forgets those that were added while it ran, the configuration those of the file."""
        left = [text for text in self._config.p2p.persistent_peers if id_in(text) not in request.ids]

        def dropped(answer: Future[Any]) -> None:
            try:
                ids = answer.get(timeout=0)
            except Exception as error:
                reply.set_exception(error)
                return
            if len(left) == len(self._config.p2p.persistent_peers):
                reply.set(ids)
                return
            config = self._config.replace(p2p={"persistent_peers": left})
            what = plan(self._config, config, {"p2p.persistent_peers"})
            self._take(self._config.taking(what.names, config))
            waiting = Waiting(self._runtime.call_later, lambda _silent: reply.set(ids))
            self._carry(what.parts, waiting)
            waiting.complete()

        self._context.names.switch.ask(request, block=False, patience=ANSWER_S, timeout=ANSWER_S).then(
            dropped
        )

    # --- how it stands -------------------------------------------------------------------------------------------------

    def _describe(self) -> NodeDescription:
        children = tuple(map(_snapshot, self._children))
        warnings = [*self._config.warnings]
        if lack := lack_of_room(self._config, descriptor_limit()):
            warnings.append(lack)
        warnings += [
            f"{each.name} is {each.status}{f': {each.last_cause}' if each.last_cause else ''}"
            for each in children
            if each.status != Status.RUNNING.value
        ]
        warnings += [f"{each.name}: {each.after} counts from the next start" for each in self._pending]
        return NodeDescription(
            pid=os.getpid(),
            uptime=self._runtime.now() - self._began,
            config=self._config,
            children=children,
            warnings=tuple(warnings),
            pending=self._pending,
        )


def _snapshot(child: Child) -> ChildSnapshot:
    return ChildSnapshot(child.spec.name, child.status.value, child.restarts, child.last_cause)


def _tell(what: Plan) -> None:
    for change in what.applied:
        log.info("setting changed", **_facts(change))
    for change in what.pending:
        log.warning("setting needs a restart", **_facts(change))


def _facts(change: Change) -> dict[str, str]:
    facts = {"setting": change.name, "before": change.before, "after": change.after}
    return {**facts, "how": change.how} if change.how else facts
