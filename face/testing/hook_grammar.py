"""The grammar of a reactor's hooks, and whether a record of calls follows it.

    reactor = on_start *peer on_stop
    peer    = init_peer add_peer *receive remove_peer

A record may end anywhere, for a reactor may be killed; what is there must be a beginning of what the grammar allows. Each
call is over before the next one of its peer begins, but for `receive`: that of different channels may overlap, and of one
channel as many as the class's `concurrency` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["GrammarError", "HookCall", "check_grammar"]


@dataclass(frozen=True, slots=True)
class HookCall:
    """The beginning of a call of a hook, or its end.

    Args:
        life: of the reactor; each restart begins another one.
        connection, peer: that it is about; "" for on_start and on_stop.
        channel: of the message, for `receive`.
        is_end: whether the call has returned, or raised.
        has_failed: at the end, whether it has raised, or the peer was stopped in it.
    """

    life: str
    hook: str
    connection: str = ""
    peer: str = ""
    channel: int = -1
    is_end: bool = False
    has_failed: bool = False


class GrammarError(AssertionError):
    """A call that the grammar does not allow. Args: index, of the call in the record; call; fault, what is wrong."""

    def __init__(self, index: int, call: HookCall, fault: str) -> None:
        super().__init__(index, call, fault)
        self.index, self.call, self.fault = index, call, fault

    def __str__(self) -> str:
        about = f" for {self.call.peer} on {self.call.connection}" if self.call.connection else ""
        end = "the end of " if self.call.is_end else ""
        return f"call {self.index}: {end}{self.call.hook}{about}: {self.fault}"


# What has been called last for a connection → what may be called next.
_NEXT = {
    "": {"init_peer"},
    "init_peer": {"add_peer"},
    "add_peer": {"receive", "remove_peer"},
    "receive": {"receive", "remove_peer"},
    "remove_peer": {
        "init_peer"
    },  # the same connection may be announced again, by a peer host that was restarted
}
_AFTER_FAILURE = {"remove_peer"}
# More messages may have been begun when one of them failed.
_AFTER_FAILED_RECEIVE = {"receive", "remove_peer"}


@dataclass(slots=True)
class _Connection:
    last: str = ""
    has_failed: bool = False
    running: Counter[tuple[str, int]] = field(default_factory=Counter)  # calls by hook and channel

    def allowed(self) -> set[str]:
        if not self.has_failed or self.last == "remove_peer":
            return _NEXT[self.last]
        return _AFTER_FAILED_RECEIVE if self.last == "receive" else _AFTER_FAILURE


class _Life:
    """One life of a reactor."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._stage = ""  # of on_start and on_stop
        self._is_in_stage = False
        self._connections: dict[str, _Connection] = {}
        self._of_peer: dict[str, str] = {}  # peer → its connection, from init_peer to remove_peer

    def fault_of(self, call: HookCall) -> str:
        """Take a call. Returns: what is wrong with it, "" if nothing is."""
        if call.connection:
            return self._ended(call) if call.is_end else self._begun(call)
        if call.is_end:
            fault = "" if self._is_in_stage and self._stage == call.hook else "it had not begun"
            self._is_in_stage = False
            return fault
        before, self._stage, self._is_in_stage = self._stage, call.hook, True
        expected = {"on_start": "", "on_stop": "on_start"}.get(call.hook)
        return "" if before == expected else f"it came after {before or 'nothing'}"

    def _begun(self, call: HookCall) -> str:
        if self._stage != "on_start" or self._is_in_stage:
            return "it was called before on_start had returned, or after on_stop had begun"
        connection = self._connections.setdefault(call.connection, _Connection())
        if call.hook not in connection.allowed():
            last = f"{connection.last}, which failed" if connection.has_failed else connection.last
            return f"it was called after {last or 'nothing'}"
        if any(hook != "receive" or call.hook != "receive" for hook, _channel in connection.running):
            return "it was called before the call before it had returned"
        if call.hook == "init_peer":
            other = self._of_peer.setdefault(call.peer, call.connection)
            if other != call.connection:
                return f"the peer was still there, on {other}"
            connection.has_failed = False
        key = (call.hook, call.channel)
        if connection.running[key] >= (self._concurrency if call.hook == "receive" else 1):
            return f"{connection.running[key]} messages of its channel were being handled"
        connection.running[key] += 1
        connection.last = call.hook
        return ""

    def _ended(self, call: HookCall) -> str:
        connection = self._connections.get(call.connection, _Connection())
        key = (call.hook, call.channel)
        if not connection.running[key]:
            return "it had not begun"
        connection.running[key] -= 1
        connection.running += Counter()  # without those that are zero
        connection.has_failed |= call.has_failed
        if call.hook == "remove_peer":
            self._of_peer.pop(call.peer, None)
        return ""


def check_grammar(calls: Iterable[HookCall], *, concurrency: int = 1) -> None:
    """Check a record of calls, of one reactor and its successors.

    Args: concurrency, of the reactor's class.
    Raises: GrammarError, for the first call that is not allowed.
    """
    lives: dict[str, _Life] = {}
    for index, call in enumerate(calls):
        fault = lives.setdefault(call.life, _Life(concurrency)).fault_of(call)
        if fault:
            raise GrammarError(index, call, fault)
