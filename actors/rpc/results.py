"""Results of RPC as CometBFT writes them: 64-bit integers as strings, Go's escapes, Go's times.

Source: reference 11; checked byte for byte against recordings of CometBFT v0.38.26.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.misbehaviour import Offender
from peerage.actors.discovery.book.timestamps import format_time
from peerage.actors.snapshot import BansSnapshot, NetInfoSnapshot, PeerSnapshot, StatusSnapshot
from peerage.wire.node_info import NodeInfo
from peerage.wire.status import ChannelStatus, ConnectionStatus, FlowStatus

__all__ = ["MOST_LISTED", "ban", "bans", "encode", "net_info", "status"]

MOST_LISTED: Final = 1000  # bans, and scores, in one answer

# Go escapes these so that JSON can be embedded in HTML, and replaces bytes that are not UTF-8 (in our strings: surrogates).
_GO_ESCAPED: Final = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_NO_TIME: Final = "1970-01-01T00:00:00Z"  # CometBFT's latest_block_time while there is no block
_NO_HASH: Final = "00" * hashlib.sha256().digest_size
_TICKS_PER_S: Final = 50  # the clock of CometBFT's flow meters
_ADDRESS_SIZE: Final = 20  # bytes of SHA-256 of a public key (reference 1)


def encode(value: Any) -> bytes:
    """JSON of `value`, byte for byte as Go's encoder writes it: no spaces, keys in the given order."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _GO_ESCAPED.sub(_go_escape, text).encode()


def _go_escape(match: re.Match[str]) -> str:
    character = match.group()
    return "\\ufffd" if "\ud800" <= character <= "\udfff" else f"\\u{ord(character):04x}"


def net_info(snapshot: NetInfoSnapshot, *, hide_private: bool) -> dict[str, Any]:
    """The result of `net_info`.

    Args:
        snapshot: the switch's answer.
        hide_private: leave out private peers. The count leaves them out too, as it is the length of the list.
    """
    peers = [_peer(peer) for peer in snapshot.peers if not (hide_private and peer.is_private)]
    return {
        "listening": snapshot.listening,
        "listeners": [
            f"Listener(@{each})" for each in (snapshot.external_address, *snapshot.external_addresses_also)
        ],
        "n_peers": str(len(peers)),
        "peers": peers,
    }


def status(snapshot: StatusSnapshot) -> dict[str, Any]:
    """The result of `status`. It is that of a CometBFT seed: before its first block, and always catching up.

    Only the hashes of the latest block differ: they are not empty, because every version of cosmjs throws on empty ones. Go
    and Rust clients accept both.
    """
    key = snapshot.public_key
    return {
        "node_info": _node_info(snapshot.node_info),
        "sync_info": {
            "latest_block_hash": _NO_HASH,
            "latest_app_hash": _NO_HASH,
            "latest_block_height": "0",
            "latest_block_time": _NO_TIME,
            "earliest_block_hash": "",
            "earliest_app_hash": "",
            "earliest_block_height": "0",
            "earliest_block_time": _NO_TIME,
            "catching_up": True,
        },
        "validator_info": {
            "address": "" if key is None else hashlib.sha256(key).digest()[:_ADDRESS_SIZE].hex().upper(),
            "pub_key": None
            if key is None
            else {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(key).decode()},
            "voting_power": "0",
        },
    }


def bans(snapshot: BansSnapshot) -> dict[str, Any]:
    """The result of `bans`: the latest bans and the highest scores, each up to 1000, and how many there are."""
    scores = {offender.subject: offender.score for offender in snapshot.offenders}
    latest = sorted(snapshot.bans, key=lambda each: (-each.since, each.subject))[:MOST_LISTED]
    return {
        "n_bans": str(len(snapshot.bans)),
        "bans": [{**ban(each), "score": round(scores.get(each.subject, 0.0), 1)} for each in latest],
        "n_scores": str(len(snapshot.offenders)),
        "scores": [_offender(each) for each in snapshot.offenders[:MOST_LISTED]],
    }


def ban(ban: Ban) -> dict[str, Any]:
    """One ban, also as the result of `ban`."""
    return {
        "subject": ban.subject,
        "reason": ban.reason,
        "since": format_time(ban.since),
        "until": format_time(ban.shuts_out_until),
        "times": str(ban.strikes),
    }


def _offender(offender: Offender) -> dict[str, Any]:
    return {
        "subject": offender.subject,
        "score": round(offender.score, 1),
        "offences": str(offender.offences),
        "last_offence": offender.last.text,
        "last_time": format_time(offender.last_at),
        "bans": str(offender.bans),
    }


def _peer(peer: PeerSnapshot) -> dict[str, Any]:
    return {
        "node_info": _node_info(peer.node_info),
        "is_outbound": peer.is_outbound,
        "connection_status": _connection_status(peer.connection_status),
        "remote_ip": peer.remote_ip,
    }


def _node_info(info: NodeInfo) -> dict[str, Any]:
    version = info.protocol_version
    return {
        "protocol_version": {"p2p": str(version.p2p), "block": str(version.block), "app": str(version.app)},
        "id": info.id,
        "listen_addr": info.listen_addr,
        "network": info.network,
        "version": info.version,
        "channels": info.channels.hex().upper(),
        "moniker": info.moniker,
        "other": {"tx_index": info.tx_index, "rpc_address": info.rpc_address},
    }


def _connection_status(status: ConnectionStatus) -> dict[str, Any]:
    return {
        "Duration": _nanoseconds(status.duration),
        "SendMonitor": _monitor(status.send_monitor),
        "RecvMonitor": _monitor(status.recv_monitor),
        "Channels": [_channel(channel) for channel in status.channels],
    }


def _monitor(monitor: FlowStatus) -> dict[str, Any]:
    return {
        "Start": _time(monitor.start),
        "Bytes": str(monitor.bytes),
        "Samples": str(monitor.samples),
        "InstRate": str(monitor.inst_rate),
        "CurRate": str(monitor.cur_rate),
        "AvgRate": str(monitor.avg_rate),
        "PeakRate": str(monitor.peak_rate),
        "BytesRem": str(monitor.bytes_rem),
        "Duration": _nanoseconds(monitor.duration),
        "Idle": _nanoseconds(monitor.idle),
        "TimeRem": _nanoseconds(monitor.time_rem),
        "Progress": monitor.progress,
        "Active": monitor.active,
    }


def _channel(channel: ChannelStatus) -> dict[str, Any]:
    return {
        "ID": channel.id,
        "SendQueueCapacity": str(channel.send_queue_capacity),
        "SendQueueSize": str(channel.send_queue_size),
        "Priority": str(channel.priority),
        "RecentlySent": str(channel.recently_sent),
    }


def _nanoseconds(seconds: float) -> str:
    return str(round(seconds * 1e9))


def _time(seconds: float) -> str:
    """Unix seconds as Go writes them: UTC, without trailing zeros, rounded to the clock of CometBFT's meters.

    Rounding also keeps a start time the same from answer to answer, though it is computed anew for each.
    """
    whole, ticks = divmod(round(seconds * _TICKS_PER_S), _TICKS_PER_S)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ticks * 100 // _TICKS_PER_S:02d}".rstrip("0").rstrip(".") + "Z"
