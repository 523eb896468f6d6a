"""A record of the calls of a reactor's hooks, wherever it runs and however often it is restarted.

    with HookTrace(Chat) as trace, connected_nodes(2, {"CHAT": trace.reactor}):
        ...                                    # at the end of the block the record is checked against the grammar

Each call is a line in a file: the reactor may live in another process, and be killed there.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import asdict
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from peerage.actors.reactors.envelope import Envelope
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.reactor import Reactor
from peerage.testing.hook_grammar import HookCall, check_grammar

__all__ = ["HookTrace"]

R = TypeVar("R", bound=Reactor)

HOOKS = ("on_start", "init_peer", "add_peer", "receive", "remove_peer", "on_stop")


class HookTrace(Generic[R]):
    """Records the hooks of a reactor class, plain or `async def`.

    Attribute: reactor, the class to be run in place of the author's: a subclass of it, of the same name.

    Args: reactor, the author's class.
    """

    def __init__(self, reactor: type[R]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="peerage-trace-")
        self._path = Path(self._directory.name) / "calls"
        self._path.touch()
        self._concurrency = reactor.concurrency
        path = str(self._path)
        hooks = {name: _recorded(getattr(reactor, name), name, path) for name in HOOKS}
        self.reactor: type[R] = type(reactor.__name__, (reactor,), hooks)

    @property
    def calls(self) -> list[HookCall]:
        """What was called so far: beginnings and ends, in order."""
        return [HookCall(**json.loads(line)) for line in self._path.read_text().splitlines()]

    def check(self) -> None:
        """Check what was called so far against the grammar of docs/howto/reactor.md.

        Raises: GrammarError, an AssertionError that names the first call that is not allowed, and why.
        """
        check_grammar(self.calls, concurrency=self._concurrency)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.check()
        finally:
            self._directory.cleanup()


def _recorded(hook: Callable[..., Any], name: str, path: str) -> Callable[..., Any]:
    """The hook, with a line before it and one behind it."""

    @functools.wraps(hook)
    def call(self: Any, *args: Any) -> Any:
        end = _begin(path, self, name, args)
        try:
            result = hook(self, *args)
        except BaseException:
            end(has_failed=True)
            raise
        end(has_failed=_is_stopped(name, args))
        return result

    @functools.wraps(hook)
    async def call_async(self: Any, *args: Any) -> Any:
        end = _begin(path, self, name, args)
        try:
            result = await hook(self, *args)
        except BaseException:
            end(has_failed=True)
            raise
        end(has_failed=_is_stopped(name, args))
        return result

    return call_async if iscoroutinefunction(hook) else call


def _begin(path: str, reactor: Any, name: str, args: tuple[Any, ...]) -> Callable[..., None]:
    """Note the beginning of a call. Returns: notes its end."""
    facts: dict[str, Any] = {
        "life": reactor.__dict__.setdefault("_traced_life", uuid.uuid4().hex),
        "hook": name,
    }
    if args:
        envelope = args[0] if isinstance(args[0], Envelope) else None
        peer: Peer = args[0] if envelope is None else envelope.source
        facts |= {"connection": peer.info.connection, "peer": str(peer.id)}
        if envelope is not None:
            facts["channel"] = envelope.channel_id
    _write(path, HookCall(**facts))
    return lambda *, has_failed: _write(path, HookCall(**facts, is_end=True, has_failed=has_failed))


def _is_stopped(name: str, args: tuple[Any, ...]) -> bool:
    """Whether the reactor has stopped the peer in this hook: then the next one is remove_peer."""
    return name in {"init_peer", "add_peer"} and not args[0].is_running


def _write(path: str, call: HookCall) -> None:
    # One write for each line, at the end of the file, wherever that is by then: several processes may write.
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(fd, json.dumps(asdict(call)).encode() + b"\n")
    finally:
        os.close(fd)
