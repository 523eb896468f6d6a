"""What `peerage top` shows: the columns of actors, peers and refusals. All text that a remote has chosen is escaped here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from peerage.commands.exit_status import MistakeError
from peerage.commands.live_table import Column, Row
from peerage.commands.quantities import duration, scaled, share
from peerage.wire.remote_text import shown

ID_CHARS = 10


def _text(key: str, limit: int = 200) -> Callable[[Row], str]:
    return lambda row: shown(str(row[key]), limit)


def _actor(row: Row) -> str:
    count = f" x{row['count']}" if row["count"] != 1 else ""
    return "  " * int(row["depth"]) + shown(row["name"]) + count


def _state(row: Row) -> str:
    return f"waits: {shown(row['waits_for'])}" if row["waits_for"] else str(row["state"])


def _class(row: Row) -> str:
    return shown(str(row["class"]).rpartition(":")[2])


def _number(key: str) -> dict[str, Any]:
    """A number: aligned to the right, and what is not known below all others."""
    return {"value": lambda row: row[key] if row[key] is not None else float("-inf"), "is_number": True}


def _rate(row: Row) -> str:
    return "-" if row["rate"] is None else scaled(row["rate"])


def _cpu(row: Row) -> str:
    return _of_host(row, share(row["cpu"]))


def _cpu_time(row: Row) -> str:
    return _of_host(row, f"{row['cpu_time'] or 0:.2f}")


def _memory(row: Row) -> str:
    return _of_host(row, scaled(row["memory"] or 0, 1024))


def _of_host(row: Row, text: str) -> str:
    """In the row that stands for a whole host; the others have none of their own."""
    return text if row["cpu_time"] is not None else ""


ACTORS = (
    Column("ACTOR", _actor, "tree", is_flexible=True, most=36),
    Column("STATE", _state, "state", lambda row: row["state"], most=24, is_flexible=True, rank=1),
    Column("PID", lambda row: str(row["pid"] or ""), "pid", **_number("pid"), rank=5),
    Column("CPU", _cpu, "cpu", **_number("cpu"), rank=1),
    Column("TIME", _cpu_time, "time", **_number("cpu_time"), rank=6),
    Column("MEM", _memory, "memory", **_number("memory"), rank=3),
    Column("MAIL", lambda row: scaled(row["mailbox"]), "mailbox", **_number("mailbox")),
    Column("OLDEST", lambda row: duration(row["oldest_age"]), "oldest", **_number("oldest_age")),
    Column("MSG/S", _rate, "rate", **_number("rate"), rank=2),
    Column("HANDLED", lambda row: scaled(row["handled"]), "handled", **_number("handled"), rank=7),
    Column("RESTARTS", lambda row: str(row["restarts"]), "restarts", **_number("restarts")),
    Column("CLASS", _class, "class", _class, rank=8, most=24),
    Column(
        "LAST CAUSE", _text("last_cause"), "cause", _text("last_cause"), rank=4, most=80, is_flexible=True
    ),
)


def _direction(row: Row) -> str:
    kind = "out" if row["is_outbound"] else "in"
    return kind + ("*" if row["is_persistent"] else "+" if row["is_unconditional"] else "")


def _queues(row: Row) -> str:
    return " ".join(f"{each['channel']:02x}:{each['queued']}/{each['capacity']}" for each in row["queues"])


def _refused(row: Row) -> str:
    last = row["last_refusal"]
    return "" if last is None else f"{shown(last['reason'])} {_ago(last)} ago"


def _ago(row: Row) -> str:
    return duration(max(0.0, time.time() - row["at"]))


PEERS = (
    Column("PEER", lambda row: shown(row["moniker"]), "moniker", is_flexible=True, most=24),
    Column("ID", lambda row: shown(row["id"], 40)[:ID_CHARS], "id", rank=3),
    Column("DIR", _direction, "is_outbound", rank=1),
    Column("ADDRESS", _text("address"), "address", rank=2, most=47),
    Column("RTT", lambda row: duration(row["round_trip"]), "round_trip", is_number=True),
    Column("RECV/S", lambda row: scaled(row["recv_rate"]), "recv_rate", is_number=True),
    Column("SEND/S", lambda row: scaled(row["send_rate"]), "send_rate", is_number=True),
    Column("QUEUE", lambda row: scaled(row["queued"]), "queued", is_number=True, rank=1),
    Column("BY CHANNEL", _queues, rank=6, most=36, is_flexible=True),
    Column("UNREAD", lambda row: scaled(row["unconsumed"], 1024), "unconsumed", is_number=True, rank=4),
    Column("IDLE", lambda row: duration(row["idle"]), "idle", is_number=True, rank=4),
    Column("AGE", lambda row: duration(max(0.0, time.time() - row["since"])), "since", is_number=True),
    Column("RECEIVED", lambda row: scaled(row["received"]), "received", is_number=True, rank=7),
    Column("SENT", lambda row: scaled(row["sent"]), "sent", is_number=True, rank=7),
    Column("VERSION", _text("version"), "version", rank=8, most=22),
    Column("HOST", _text("host"), rank=9),
    Column("LAST REFUSAL", _refused, rank=5, most=40, is_flexible=True),
)

REFUSALS = (
    Column("AGO", _ago, is_number=True),
    Column("DIR", lambda row: "out" if row["is_outbound"] else "in"),
    Column("ADDRESS", _text("address"), most=47),
    Column("ID", lambda row: shown(row["id"], 40)[:ID_CHARS], rank=2),
    Column("REASON", _text("reason"), rank=1),
    Column("DETAIL", _text("detail", 300), rank=3, most=120, is_flexible=True),
)

PEER_ORDERS = tuple(column.order for column in PEERS if column.order)


def check_order(sort: str) -> None:
    """Raises: MistakeError, peers cannot be sorted by that."""
    if sort.removeprefix("-") not in PEER_ORDERS:
        allowed = ", ".join(PEER_ORDERS)
        raise MistakeError(
            f"--sort: found {sort!r}, allowed: {allowed}; with a minus in front for the highest first"
        )
