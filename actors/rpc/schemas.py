"""The results of RPC's methods as JSON schemas, for /openapi.json. A test holds real results against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "ACTORS",
    "BAN",
    "BANS",
    "BOOK",
    "CLOSED",
    "EFFECTIVE_CONFIG",
    "EMPTY",
    "HISTORY",
    "IMPORTED",
    "LIMITS",
    "LOG",
    "LOG_LEVEL",
    "LOG_TAIL",
    "NET_INFO",
    "OVERVIEW",
    "PEERS",
    "PEER_LISTS",
    "RELOADED",
    "REMOVED",
    "STATUS",
    "TAKEN_OUT",
    "UPGRADED",
    "Schema",
]

Schema = Mapping[str, Any]


def _text(about: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": about} if about else {}), **more}


def _whole(about: str = "") -> Schema:
    """As Go writes a 64-bit integer."""
    return _text(about, pattern="^-?[0-9]+$")


def _object(**properties: Schema) -> Schema:
    """All of these, and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _map(values: Schema, about: str) -> Schema:
    """By any name."""
    return {"type": "object", "description": about, "additionalProperties": values}


def _or_null(schema: Schema) -> Schema:
    """Null where the part that knows does not answer."""
    return {"oneOf": [{"type": "null"}, schema]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TIME: Final = _text("RFC 3339, in UTC", format="date-time")
_NANOSECONDS: Final = _whole("nanoseconds")
_FLAG: Final[Schema] = {"type": "boolean"}
_SCORE: Final[Schema] = {"type": "number"}
_NUMBER: Final[Schema] = {"type": "integer"}

EMPTY: Final = _object()
LOG: Final = _object(log=_text("what has been begun"))

_NODE_INFO: Final = _object(
    protocol_version=_object(p2p=_whole(), block=_whole(), app=_whole()),
    id=_text("node ID", pattern="^[0-9a-f]{40}$"),
    listen_addr=_text(),
    network=_text("chain ID"),
    version=_text(),
    channels=_text("IDs, in hexadecimal", pattern="^([0-9A-F]{2})*$"),
    moniker=_text(),
    other=_object(tx_index=_text(), rpc_address=_text()),
)
_MONITOR: Final = _object(
    Start=_TIME,
    Bytes=_whole(),
    Samples=_whole(),
    InstRate=_whole("bytes a second"),
    CurRate=_whole("bytes a second"),
    AvgRate=_whole("bytes a second"),
    PeakRate=_whole("bytes a second"),
    BytesRem=_whole(),
    Duration=_NANOSECONDS,
    Idle=_NANOSECONDS,
    TimeRem=_NANOSECONDS,
    Progress=_NUMBER,
    Active=_FLAG,
)
_CHANNEL: Final = _object(
    ID=_NUMBER,
    SendQueueCapacity=_whole("messages"),
    SendQueueSize=_whole("messages"),
    Priority=_whole(),
    RecentlySent=_whole("bytes"),
)
_PEER: Final = _object(
    node_info=_NODE_INFO,
    is_outbound=_FLAG,
    connection_status=_object(
        Duration=_NANOSECONDS, SendMonitor=_MONITOR, RecvMonitor=_MONITOR, Channels=_list(_CHANNEL)
    ),
    remote_ip=_text(),
)

NET_INFO: Final = _object(listening=_FLAG, listeners=_list(_text()), n_peers=_whole(), peers=_list(_PEER))
STATUS: Final = _object(
    node_info=_NODE_INFO,
    sync_info=_object(
        latest_block_hash=_text(),
        latest_app_hash=_text(),
        latest_block_height=_whole(),
        latest_block_time=_TIME,
        earliest_block_hash=_text(),
        earliest_app_hash=_text(),
        earliest_block_height=_whole(),
        earliest_block_time=_TIME,
        catching_up=_FLAG,
    ),
    validator_info=_object(
        address=_text(),
        pub_key={"oneOf": [{"type": "null"}, _object(type=_text(), value=_text("in base64"))]},
        voting_power=_whole(),
    ),
)
_BAN_FIELDS: Final[Mapping[str, Schema]] = {
    "subject": _text("a node ID, an IP address or a network"),
    "reason": _text(),
    "since": _TIME,
    "until": _TIME,
    "times": _whole("bans of this subject so far"),
}
BAN: Final = _object(**_BAN_FIELDS)
BANS: Final = _object(
    n_bans=_whole("all that there are"),
    bans=_list(_object(**_BAN_FIELDS, score=_SCORE)),
    n_scores=_whole("all that there are"),
    scores=_list(
        _object(
            subject=_text(),
            score=_SCORE,
            offences=_whole(),
            last_offence=_text(),
            last_time=_TIME,
            bans=_whole(),
        )
    ),
)

_UNIX_TIME: Final[Schema] = {"type": "number", "description": "seconds since 1970"}
_SECONDS: Final[Schema] = {"type": "number", "description": "seconds"}
_SECONDS_IF_KNOWN: Final[Schema] = {
    "type": ["number", "null"],
    "description": "seconds, null if nobody knows",
}
ACTORS: Final = _object(
    time=_UNIX_TIME,
    hosts=_list(
        _object(
            host=_text(),
            pid=_NUMBER,
            answered=_FLAG,
            processor_time=_SECONDS_IF_KNOWN,
            loop_time=_SECONDS_IF_KNOWN,
            memory={"type": ["integer", "null"], "description": "bytes, null if nobody knows"},
            dead_letters=_NUMBER,
        )
    ),
    actors=_list(
        _object(
            **{"class": _text("module:Class, empty if nobody knows")},
            name=_text(),
            parent=_text("the one above, empty for a root"),
            depth=_NUMBER,
            host=_text(),
            count=_NUMBER,
            state=_text(),
            waits_for=_text("an actor"),
            mailbox=_NUMBER,
            mailbox_bytes=_NUMBER,
            oldest_age=_SECONDS,
            handled=_NUMBER,
            restart=_text(),
            restarts=_NUMBER,
            last_cause=_text("of a restart"),
        )
    ),
)
LOG_TAIL: Final = _object(
    time=_UNIX_TIME,
    withheld={**_FLAG, "description": "whether nothing is told, since the node has private peers"},
    last={**_NUMBER, "description": "ID of the newest line, 0 if there is none"},
    lines=_list(
        _object(
            id=_NUMBER,
            pid={**_NUMBER, "description": "of the process"},
            time=_UNIX_TIME,
            level=_text(enum=["info", "warning", "error", "critical"]),
            logger=_text(),
            text=_text("the event and its facts"),
            trace=_text("what stands below the line, often nothing"),
        )
    ),
)
_REFUSAL: Final = _object(
    at=_UNIX_TIME,
    address=_text("ip:port"),
    id=_text("node ID, empty if it is not known"),
    is_outbound=_FLAG,
    reason=_text(),
    detail=_text(),
)
PEERS: Final = _object(
    time=_UNIX_TIME,
    hosts=_list(_object(host=_text(), answered=_FLAG)),
    n_peers=_NUMBER,
    n_outbound=_NUMBER,
    send_rate=_NUMBER,
    recv_rate=_NUMBER,
    queued=_NUMBER,
    n_matching=_NUMBER,
    peers=_list(
        _object(
            id=_text("node ID"),
            moniker=_text(),
            version=_text(),
            address=_text("ip:port"),
            connection=_text(),
            host=_text(),
            is_outbound=_FLAG,
            is_persistent=_FLAG,
            is_unconditional=_FLAG,
            since=_UNIX_TIME,
            round_trip=_SECONDS_IF_KNOWN,
            send_rate=_NUMBER,
            recv_rate=_NUMBER,
            sent=_NUMBER,
            received=_NUMBER,
            idle=_SECONDS,
            queued=_NUMBER,
            unconsumed=_NUMBER,
            queues=_list(_object(channel=_NUMBER, queued=_NUMBER, capacity=_NUMBER)),
            last_refusal={"oneOf": [{"type": "null"}, _REFUSAL]},
        )
    ),
    refusals=_list(_REFUSAL),
)
# In docs/reference/rpc.md.
HISTORY: Final = _object(
    interval=_SECONDS,
    points=_list(
        _object(
            at=_UNIX_TIME,
            peers=_NUMBER,
            send_rate={"type": "number", "description": "bytes a second"},
            recv_rate={"type": "number", "description": "bytes a second"},
            queued={**_NUMBER, "description": "messages to peers"},
            mailbox={**_NUMBER, "description": "messages in the fullest"},
            processor={"type": ["number", "null"], "description": "share of one core"},
        )
    ),
)
_BUCKETS: Final = _list({**_NUMBER, "description": "entries in a bucket"})
BOOK: Final = _object(
    size=_NUMBER,
    looked_at={**_NUMBER, "description": "of them, for groups and tellers"},
    new_buckets=_BUCKETS,
    old_buckets=_BUCKETS,
    new_bucket_size={**_NUMBER, "description": "entries that a bucket holds"},
    old_bucket_size={**_NUMBER, "description": "entries that a bucket holds"},
    groups=_list(_object(group=_text(), new=_NUMBER, old=_NUMBER, verified=_NUMBER)),
    tellers=_list(_object(id=_text("node ID"), group=_text("of whom it told"), count=_NUMBER)),
)

# --- what steers the node ------------------------------------------------------------------------------------------------

_ID: Final = _text("node ID")
_CLOSED: Final = _list(
    _object(id=_ID, address=_text("ip:port"), persistent={**_FLAG, "description": "it is dialled again"})
)
CLOSED: Final = _object(closed=_CLOSED)
REMOVED: Final = _object(removed=_list(_ID), closed=_CLOSED)
PEER_LISTS: Final = _object(
    persistent=_list(_text("ID@host:port")),
    added=_list(_text("node ID, of those that a command added")),
    unconditional=_list(_ID),
    private=_list(_ID),
)
LIMITS: Final = _object(inbound=_whole("peers"), outbound=_whole("peers"))
LOG_LEVEL: Final = _object(level=_text(), silent=_list(_text("a process that did not answer")))
_CHANGE: Final = _object(
    setting=_text(),
    before=_text("as TOML; of a list, how many"),
    after=_text("the same"),
    how=_text("what is to be known of it, often nothing"),
)
RELOADED: Final = _object(
    changed=_list(_CHANGE),
    needs_restart=_list(_CHANGE),
    silent=_list(_text("a part that did not answer")),
    warnings=_list(_text()),
)
UPGRADED: Final = _object(
    name=_text("of the reactor"), upgrade={**_NUMBER, "description": "to ask on with"}, done=_FLAG
)
EFFECTIVE_CONFIG: Final = _map(
    _object(
        value={"description": "a text, a number, true or false, or a list of texts"},
        source=_text("default, a file, the environment, a flag, …"),
    ),
    "by setting",
)
IMPORTED: Final = _object(
    added=_NUMBER,
    known=_NUMBER,
    changed=_NUMBER,
    refused=_map(_object(count=_NUMBER, examples=_list(_text())), "by reason"),
)
TAKEN_OUT: Final = _object(removed=_list(_ID))
_COUNT: Final[Schema] = {"type": ["integer", "null"]}
_PEER_COUNTS: Final = _object(inbound=_NUMBER, outbound=_NUMBER, max_inbound=_NUMBER, max_outbound=_NUMBER)
OVERVIEW: Final = _object(
    id=_ID,
    address=_text("ID@host:port"),
    network=_text("chain ID"),
    moniker=_text(),
    version=_text("of peerage"),
    announced_version=_text("to peers"),
    home=_text("a directory"),
    seed=_FLAG,
    pid=_COUNT,
    uptime_s={"type": ["number", "null"], "description": "seconds"},
    log_level={"type": ["string", "null"]},
    restarts=_COUNT,
    parts=_or_null(
        _list(_object(name=_text(), status=_text(), restarts=_NUMBER, last_cause=_text("of a restart")))
    ),
    pending=_or_null(_list(_CHANGE)),
    peers=_or_null({**_PEER_COUNTS, "required": ["inbound", "outbound"]}),
    addresses=_or_null(_object(size=_NUMBER, new=_NUMBER, old=_NUMBER, banned=_NUMBER)),
    warnings=_list(_text("one sentence")),
)
