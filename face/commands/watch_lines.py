"""What `peerage watch` tells, as lines: for people, or JSON objects for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from peerage.watching import HeightReport, RoundReport, SeenTransaction, VoteReport

__all__ = ["height_json", "height_line", "height_object", "transaction_json", "transaction_line"]


def transaction_json(seen: SeenTransaction) -> str:
    """A JSON object. Nothing in it needs quoting: written out, it costs a fifth of what json.dumps takes."""
    height = seen.height or "null"
    first = f'"{seen.first}"' if seen.first else "null"
    return (
        f'{{"type":"transaction","time":"{_time(seen.at)}","hash":"{seen.hash.hex().upper()}","size":{seen.size},'
        f'"first_peer":{first},"peers":{seen.peers},"spread_ms":{seen.spread * 1000:.1f},"height":{height}}}'
    )


def transaction_line(seen: SeenTransaction) -> str:
    """For people."""
    who = f"first by {seen.first[:10]}, {seen.peers} peers" if seen.first else "in a block only"
    where = f", in block {seen.height}" if seen.height else ""
    return (
        f"{_time(seen.at)} transaction {seen.hash.hex().upper()} {seen.size} bytes, {who}, "
        f"spread {seen.spread * 1000:.1f} ms{where}"
    )


def height_json(report: HeightReport) -> str:
    """A JSON object."""
    return json.dumps(height_object(report), separators=(",", ":"))


def height_object(report: HeightReport) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "type": "height",
        "time": _time(report.at),
        "height": report.height,
        "round": report.round,
        "decided_ms": _ms(report.decided_after),
        "block": report.block_hash.hex().upper() or None,
        "proposer": report.proposer.hex().upper() or None,
        "transactions": report.transactions if report.transactions >= 0 else None,
        "size": report.block_bytes if report.block_bytes >= 0 else None,
        "validators": report.validators or None,
        "late": list(report.late),
        "missing": list(report.missing),
        "absent": list(report.absent),
        "rounds": [_round(each) for each in report.rounds],
    }


def _round(report: RoundReport) -> dict[str, Any]:
    return {
        "round": report.round,
        "proposal_ms": None if report.proposed_after is None else _ms(report.proposed_after),
        "proposal_from": report.proposal_from or None,
        "proposed": report.block_hash.hex().upper() or None,
        "parts": report.parts,
        "conflicts": report.conflicts,
        "prevotes": [_vote(each) for each in report.prevotes],
        "precommits": [{**_vote(each), "late": each.is_late} for each in report.precommits],
    }


def _vote(vote: VoteReport) -> dict[str, Any]:
    return {
        "index": vote.validator,
        "address": vote.address.hex().upper(),
        "ms": _ms(vote.after),
        "nil": vote.is_nil,
    }


def height_line(report: HeightReport) -> str:
    """For people."""
    precommits = report.decided.precommits if report.decided is not None else ()
    words = [f"{_time(report.at)} height {report.height}/{report.round}"]
    words.append(f"decided after {_ms(report.decided_after):.0f} ms")
    if report.transactions >= 0:
        words.append(f"{report.transactions} transactions, {report.block_bytes} bytes")
    words.append(f"{len(precommits)} of {report.validators or '?'} precommits")
    if report.late:
        words.append(f"late: {' '.join(map(str, report.late))}")
    if report.missing:
        words.append(f"missing: {' '.join(map(str, report.missing))}")
    return ", ".join(words)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
