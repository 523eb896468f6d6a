"""What the operator sees of offences and bans."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors import ban_report
from peerage.actors.ban_report import BanReport
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.log_folding import LineFolding
from tests.actors.discovery.nodes import node_id


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged."""
    written: list[dict[str, Any]] = []

    def info(event: str, **facts: Any) -> None:
        written.append({"event": event, **facts})

    monkeypatch.setattr(ban_report, "log", SimpleNamespace(info=info))
    return written


def folding() -> LineFolding:
    return LineFolding(lambda _seconds, _function: None)


def ban(subject: str) -> Ban:
    return Ban(subject, "flood of packets", 10 * SECOND, 610 * SECOND)


def test_offences_and_bans_are_counted_by_kind(lines: list[dict[str, Any]]) -> None:
    """Only a ban is worth a line, with the peer or the host."""
    counts: Counter[tuple[str, ...]] = Counter()
    report = BanReport(folding(), lambda name, labels: counts.update([(name, *labels)]))
    report.offended(Offence.PACKET_FLOOD)
    report.offended(Offence.PACKET_FLOOD)
    assert lines == []
    report.banned(ban(node_id(1)))
    report.banned(ban("9.9.9.9"))
    assert counts == {
        ("p2p_offences_total", "flood of packets"): 2,
        ("p2p_bans_total", "flood of packets"): 2,
    }
    common = {"event": "peer banned", "reason": "flood of packets", "seconds": 600.0}
    assert lines == [{**common, "peer": node_id(1)}, {**common, "host": "9.9.9.9"}]


def test_a_flood_of_bans_is_a_few_lines(lines: list[dict[str, Any]]) -> None:
    """Without metrics too."""
    report = BanReport(folding())
    for number in range(1000):
        report.offended(Offence.PACKET_FLOOD)
        report.banned(ban(node_id(number)))
    assert len(lines) == 20
