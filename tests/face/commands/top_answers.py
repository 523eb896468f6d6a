"""What a node answers to `peerage top`, for tests that have no node."""

from __future__ import annotations

from typing import Any

EVIL = "\x1b[31mevil\n\u202e<b>"
EVIL_SHOWN = r"\x1b[31mevil\n\u202e<b>"


def actor(name: str, **facts: Any) -> dict[str, Any]:
    row = {
        "name": name, "parent": "", "depth": 0, "host": name, "class": "module:Class", "count": 1, "state": "idle",
        "waits_for": "", "mailbox": 0, "mailbox_bytes": 0, "oldest_age": 0.0, "handled": 0, "restart": "",
        "restarts": 0, "last_cause": "",
    }  # fmt: skip
    return row | facts


def host(name: str, pid: int, **facts: Any) -> dict[str, Any]:
    row = {
        "host": name, "pid": pid, "answered": True, "processor_time": 1.0, "loop_time": 0.5, "memory": 1 << 20,
        "dead_letters": 0,
    }  # fmt: skip
    return row | facts


def actors(time: float = 100.0, *, hosts: Any = (), rows: Any = ()) -> dict[str, Any]:
    return {
        "time": time,
        "hosts": list(hosts) or [host("node", 1), host("switch", 2)],
        "actors": list(rows) or [actor("node"), actor("switch", parent="node", depth=1, handled=10)],
    }


def refusal(**facts: Any) -> dict[str, Any]:
    row = {
        "at": 1.0,
        "address": "192.0.2.9:1",
        "id": "",
        "is_outbound": False,
        "reason": "banned",
        "detail": EVIL,
    }
    return row | facts


def peer(moniker: str, **facts: Any) -> dict[str, Any]:
    row = {
        "id": "ab" * 20, "moniker": moniker, "version": "0.38", "address": "192.0.2.1:1", "connection": "c-1",
        "host": "peers-0", "is_outbound": True, "is_persistent": True, "is_unconditional": False, "since": 1.0,
        "round_trip": 0.012, "send_rate": 1234, "recv_rate": 0, "sent": 5, "received": 6, "idle": 1.0, "queued": 0,
        "unconsumed": 0, "queues": [], "last_refusal": None,
    }  # fmt: skip
    return row | facts


def peers(*rows: dict[str, Any], refusals: Any = (), silent: bool = False) -> dict[str, Any]:
    return {
        "time": 100.0,
        "hosts": [{"host": "peers-0", "answered": not silent}],
        "n_peers": 1000,
        "n_outbound": 10,
        "send_rate": 1234,
        "recv_rate": 0,
        "queued": 0,
        "n_matching": 1000,
        "peers": list(rows) or [peer("anna")],
        "refusals": list(refusals),
    }
