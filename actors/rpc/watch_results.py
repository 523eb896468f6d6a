"""The results of the methods `actors`, `peers`, `book` and `log_tail`, as JSON values. CometBFT has none of them.

Numbers are numbers, times are Unix seconds, durations seconds, rates bytes per second.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from peerage.actors.discovery.book.overview import BookOverview
from peerage.actors.messages import PeerRow, RefusalRow
from peerage.actors.rpc.log_watch import NumberedLine
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.protocol import InvalidParamsError
from peerage.actors.runtime import ActorFacts, CrowdFacts, HostFound, Observation, TreeNode

__all__ = ["MOST_REFUSALS", "MOST_ROWS", "PEER_ORDERS", "actors", "book", "log_tail", "peers", "totals"]

MOST_ROWS: Final = 1000  # peers in one answer
MOST_REFUSALS: Final = 50
PEER_ORDERS: Final[Mapping[str, int]] = {
    name: PeerRow._fields.index(name)
    for name in (
        "id",
        "moniker",
        "version",
        "address",
        "is_outbound",
        "since",
        "round_trip",
        "send_rate",
        "recv_rate",
        "sent",
        "received",
        "idle",
        "queued",
        "unconsumed",
    )
}
_ROUND_TRIP: Final = PEER_ORDERS["round_trip"]
_SEARCHED: Final = tuple(PEER_ORDERS[name] for name in ("id", "moniker", "version", "address"))
_ID, _MONIKER, _ADDRESS = (PEER_ORDERS[name] for name in ("id", "moniker", "address"))
_NODE_SUPERVISOR: Final = ":NodeSupervisor"


def actors(seen: Observation, supervisor: str) -> dict[str, Any]:
    """The result of `actors`: hosts, and actors in the order of the tree.

    Args: supervisor, the name of the node's. Other nodes that run in the same program are left out.
    """
    answered = {host.name: host.answered for host in seen.hosts}
    crowds = {host.name: host.crowds for host in seen.hosts}
    rows: list[dict[str, Any]] = []
    shown = set()
    for root in sorted(seen.tree(), key=lambda node: node.name != supervisor):
        if (
            root.name != supervisor
            and root.actor is not None
            and root.actor.class_path.endswith(_NODE_SUPERVISOR)
        ):
            continue
        for depth, parent, node in _walk(root):
            rows.append(_actor(node, depth, parent, answered=answered.get(node.host, False)))
            if node.name == node.host:
                rows += (_crowd(crowd, depth + 1, node) for crowd in crowds.pop(node.host, ()))
            shown.add(node.host)
    return {
        "time": time.time(),
        "hosts": [_host(host) for host in seen.hosts if host.name in shown],
        "actors": rows,
    }


def _walk(root: TreeNode) -> Iterable[tuple[int, str, TreeNode]]:
    path: list[str] = []
    for depth, node in root.walk():
        del path[depth:]
        yield depth, path[-1] if path else "", node
        path.append(node.name)


def _host(host: HostFound) -> dict[str, Any]:
    return {
        "host": host.name,
        "pid": host.pid,
        "answered": host.answered,
        "processor_time": _rounded(host.processor_time),
        "loop_time": _rounded(host.loop_time),
        "memory": host.memory,
        "dead_letters": host.dead_letters,
    }


def _actor(node: TreeNode, depth: int, parent: str, *, answered: bool) -> dict[str, Any]:
    actor, child = node.actor, node.child
    if child is not None and child.status != "running":
        state = child.status
    elif actor is None or not answered:
        state = "silent"
    else:
        state = actor.state
    row = _row(node.name, parent, depth, node.host, actor)
    row["state"] = state
    if actor is not None:
        row["waits_for"] = actor.waits_for
    if child is not None:
        row |= {"restart": child.restart, "restarts": child.restarts, "last_cause": child.last_cause}
    return row


def _crowd(crowd: CrowdFacts, depth: int, above: TreeNode) -> dict[str, Any]:
    row = _row(crowd.class_path.rpartition(":")[2], above.name, depth, above.host, crowd)
    return {**row, "count": crowd.actors}


def _row(
    name: str, parent: str, depth: int, host: str, facts: ActorFacts | CrowdFacts | None
) -> dict[str, Any]:
    return {
        "name": name,
        "parent": parent,
        "depth": depth,
        "host": host,
        "class": facts.class_path if facts is not None else "",
        "count": 1,
        "state": "",
        "waits_for": "",
        "mailbox": facts.mailbox if facts is not None else 0,
        "mailbox_bytes": facts.mailbox_bytes if facts is not None else 0,
        "oldest_age": _rounded(facts.oldest_age) if facts is not None else 0.0,
        "handled": facts.handled if facts is not None else 0,
        "restart": "",
        "restarts": 0,
        "last_cause": "",
    }


def peers(
    hosts: Sequence[HostPeers],
    *,
    sort: str = "",
    wanted: str = "",
    limit: int = 0,
    private: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The result of `peers`.

    Args:
        hosts: what they have answered.
        sort: a name of PEER_ORDERS, with a minus in front for the highest first; "" for `since`, the oldest first.
        wanted: part of an ID, a moniker, a version or an address, in any case; "" for all.
        limit: the most peers in the answer; 0 for 1000, which is the most there are in any case.
        private: IDs of peers that the asker is not told of.

    Raises: InvalidParamsError, there is no such order, or the limit is negative.
    """
    if limit < 0:
        raise InvalidParamsError(f"limit: found {limit}, expected 0 or more")
    key, descending = _order(sort)
    found = [
        (row, host.host)
        for host in hosts
        for row in host.figures.rows
        if not private or row[_ID] not in private
    ]
    refusals = _refusals(hosts, private)
    of_all = totals([row for row, _host in found])
    if wanted:
        text = wanted.casefold()
        found = [each for each in found if any(text in each[0][index].casefold() for index in _SEARCHED)]
    found.sort(key=key, reverse=descending)
    last = {refusal.id or _ip(refusal.address): refusal for refusal in refusals}
    shown = found[: min(limit or MOST_ROWS, MOST_ROWS)]
    return {
        "time": time.time(),
        "hosts": [{"host": host.host, "answered": host.answered} for host in hosts],
        **of_all,
        "n_matching": len(found),
        "peers": [_peer(PeerRow(*row), host, last) for row, host in shown],
        "refusals": [_refusal(each) for each in refusals[: -MOST_REFUSALS - 1 : -1]],
    }


def book(found: BookOverview) -> dict[str, Any]:
    """The result of `book`."""
    return {
        "size": found.size,
        "looked_at": found.looked_at,
        "new_buckets": found.new_buckets,
        "old_buckets": found.old_buckets,
        "new_bucket_size": found.new_bucket_size,
        "old_bucket_size": found.old_bucket_size,
        "groups": [asdict(group) for group in found.groups],
        "tellers": [{"id": teller, "group": group, "count": count} for teller, group, count in found.tellers],
    }


def log_tail(lines: Sequence[NumberedLine] | None, after: int) -> dict[str, Any]:
    """The result of `log_tail`. Args: lines, None if they are not told; after, the ID of the last one that is known."""
    return {
        "time": time.time(),
        "withheld": lines is None,
        "last": lines[-1].id if lines else 0,
        "lines": [
            {
                "id": number,
                "pid": pid,
                "time": _rounded(line.time),
                "level": line.level,
                "logger": line.logger,
                "text": line.text,
                "trace": line.trace,
            }
            for number, pid, line in lines or ()
            if number > after
        ],
    }


def _order(sort: str) -> tuple[Any, bool]:
    name = sort.removeprefix("-") or "since"
    index = PEER_ORDERS.get(name)
    if index is None:
        raise InvalidParamsError(f"sort: there is no {name!r}; expected one of {', '.join(PEER_ORDERS)}")
    descending = sort.startswith("-")
    if index == _ROUND_TRIP:  # who has not been pinged comes last, in both directions
        worst = float("-inf" if descending else "inf")
        return (lambda each: worst if each[0][index] is None else each[0][index]), descending
    return (lambda each: each[0][index]), descending


def totals(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """What all these peers come to. Args: rows, of PeerRow's fields."""

    def total(name: str) -> Any:
        index = PEER_ORDERS[name]
        return sum([row[index] for row in rows])

    return {
        "n_peers": len(rows),
        "n_outbound": total("is_outbound"),
        "send_rate": round(total("send_rate")),
        "recv_rate": round(total("recv_rate")),
        "queued": total("queued"),
    }


def _peer(row: PeerRow, host: str, refused: Mapping[str, RefusalRow]) -> dict[str, Any]:
    last = refused.get(row.id) or refused.get(_ip(row.address))
    return {
        "id": row.id,
        "moniker": row.moniker,
        "version": row.version,
        "address": row.address,
        "connection": row.connection,
        "host": host,
        "is_outbound": row.is_outbound,
        "is_persistent": row.is_persistent,
        "is_unconditional": row.is_unconditional,
        "since": _rounded(row.since),
        "round_trip": _rounded(row.round_trip),
        "send_rate": round(row.send_rate),
        "recv_rate": round(row.recv_rate),
        "sent": row.sent,
        "received": row.received,
        "idle": _rounded(row.idle),
        "queued": row.queued,
        "unconsumed": row.unconsumed,
        "queues": [
            {"channel": channel, "queued": queued, "capacity": capacity}
            for channel, queued, capacity in row.queues
        ],
        "last_refusal": None if last is None else _refusal(last),
    }


def _refusals(hosts: Iterable[HostPeers], private: frozenset[str]) -> list[RefusalRow]:
    """The latest last. Where there is somebody to hide, those without an ID, from his address, or that name either in their
    detail may be of him.
    """
    rows = [RefusalRow(*row) for host in hosts for row in host.figures.refusals]
    if private:
        places = {_ip(row[_ADDRESS]) for host in hosts for row in host.figures.rows if row[_ID] in private}

        def is_told(row: RefusalRow) -> bool:
            detail = row.detail.lower()
            return (
                bool(row.id)
                and row.id.lower() not in private
                and _ip(row.address) not in places
                and not any(name in detail for name in (*private, *places))
            )

        rows = list(filter(is_told, rows))
    return sorted(rows)


def _refusal(row: RefusalRow) -> dict[str, Any]:
    return {**row._asdict(), "at": _rounded(row.at)}


def _ip(address: str) -> str:
    return address.rpartition(":")[0]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
