"""How a run is judged: each thing that must not be is found, and named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.accounts import Ranges, inbound, outbound
from tests.chaos.chaos_node import KILLED, ORPHANED, Log
from tests.chaos.deeds import Deeds
from tests.chaos.footprint import ACCEPTED, CONNECTING, EVENT, MEBIBYTE, PEER, Footprint, Process, growth
from tests.chaos.plan import Harm
from tests.chaos.records import Entry, Kind, Recorder, digest_of, read

PEER_ID = "ab" * 20


def entry(number: int, life: int = 1, connection: str = "c1", kind: Kind = Kind.HANDLED) -> Entry:
    return Entry(kind, life, PEER_ID, digest_of(connection), number)


def handled(*numbers: int, life: int = 1, connection: str = "c1") -> list[Entry]:
    return [entry(number, life, connection) for number in numbers]


def judge(entries: Sequence[Entry], sent: int, answered: Sequence[tuple[int, int]]) -> list[str]:
    """The violations, without where they are."""
    account = inbound("STORE", entries, {PEER_ID: sent}, {PEER_ID: Ranges(answered)})
    return [violation.removeprefix(f"STORE: {PEER_ID}: ") for violation in account.violations]


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_goes_on_in_the_next_life(tmp_path: Path) -> None:
    """Lives are counted, entries come back as they were written."""
    path = tmp_path / "STORE.records"
    assert read(path) == []
    for number in (7, 1 << 40):
        Recorder(path).add(Kind.HANDLED, PEER_ID, "c1", number)
    assert read(path) == [entry(7), entry(1 << 40, life=2)]
    assert path.stat().st_size == 2 * 64


# --- from the peers --------------------------------------------------------------------------------------------------


def test_what_is_lost_between_connections_or_lives_is_no_violation() -> None:
    """If nobody was told that it had been handled."""
    entries = handled(0, 1, 2) + handled(5, 6, connection="c2") + handled(8, 9, life=2, connection="c2")
    account = inbound("STORE", entries, {PEER_ID: 10}, {PEER_ID: Ranges([(0, 2), (5, 7), (8, 10)])})
    assert account.violations == []
    assert (account.sent, account.handled, account.acknowledged, account.lost) == (10, 7, 6, 3)


@pytest.mark.parametrize(
    ("entries", "sent", "answered", "violation"),
    [
        (handled(0, 1, 1), 2, [(0, 2)], "1 was handled twice"),
        (handled(0, 2, 1, 3), 4, [(0, 4)], "1 was handled behind 2"),
        (handled(0, 1, 2), 3, [(0, 1), (2, 3)], "answer lost before that of 2: 1"),
        (handled(0, 3), 4, [(0, 1), (3, 4)], "lost within connection"),
        (handled(0, 1), 4, [(0, 2)], "2 lost on a connection that stands: 2, 3"),
        (handled(0), 1, [(0, 2)], "1 acknowledged and not handled: 1"),
        (handled(0, 1), 1, [(0, 2)], "1 handled and never sent: 1"),
        ([*handled(0), entry(1, kind=Kind.GARBLED)], 1, [(0, 1)], "1 came garbled"),
    ],
)
def test_what_must_not_become_of_a_message_is_named(
    entries: list[Entry], sent: int, answered: list[tuple[int, int]], violation: str
) -> None:
    """Twice, out of order, gone though acknowledged, gone within a connection and a life, changed."""
    assert any(violation in found for found in judge(entries, sent, answered)), judge(entries, sent, answered)


# --- to the peers ----------------------------------------------------------------------------------------------------


def sending(*numbers: int, life: int = 1) -> list[Entry]:
    return [entry(number, life, kind=Kind.SENDING) for number in numbers]


def test_what_a_reactor_had_not_sent_when_it_died_is_no_violation() -> None:
    """The end of what it sent in one life; what came back came back to whoever was there."""
    entries = [*sending(0, 1, 2), *sending(10, 11, life=2), *handled(0, 10, 11, life=2)]
    account = outbound("PUSH", entries, {PEER_ID: Ranges([(0, 2), (10, 12)])})
    assert account.violations == []
    assert (account.sent, account.handled, account.acknowledged, account.lost) == (5, 4, 3, 1)


@pytest.mark.parametrize(
    ("entries", "arrived", "violation"),
    [
        (sending(0, 1, 2), [(0, 1), (2, 3)], "message lost before that of 2: 1"),
        (sending(0), [(0, 2)], "1 arrived and never sent: 1"),
        ([*sending(0, 1), *handled(1)], [(0, 1)], "1 acknowledged and not arrived: 1"),
        ([*sending(0), *handled(0, 0)], [(0, 1)], "0 was handled twice"),
    ],
)
def test_what_must_not_become_of_a_pushed_message_is_named(
    entries: list[Entry], arrived: list[tuple[int, int]], violation: str
) -> None:
    """As in the other direction."""
    account = outbound("PUSH", entries, {PEER_ID: Ranges(arrived)})
    assert any(violation in found for found in account.violations), account.violations


# --- the log ---------------------------------------------------------------------------------------------------------


def log_of(tmp_path: Path, *records: Mapping[str, Any] | str) -> Log:
    """A log with these records."""
    path = tmp_path / "log"
    lines = (
        each if isinstance(each, str) else json.dumps({"level": "error"} | dict(each)) for each in records
    )
    path.write_text("".join(line + "\n" for line in lines))
    log = Log(path)
    log.read()
    return log


def started(host: str, serial: int) -> dict[str, Any]:
    return {"event": "host started", "host": host, "pid": 1000 + serial, "serial": serial, "level": "info"}


def ended(host: str, serial: int, cause: str) -> dict[str, Any]:
    return {"event": "host ended", "host": host, "serial": serial, "cause": cause, "timestamp": AT % 0}


def stopped(reason: str, second: int) -> dict[str, Any]:
    return {"event": "peer stopped", "reason": reason, "level": "info", "timestamp": AT % second}


def restarted(child: str, cause: str) -> dict[str, Any]:
    return {"event": "child restarted", "child": child, "cause": cause, "level": "warning"}


AT = "2026-01-01T00:00:%02d.000000Z"
FAULT = "exception: AttributeError: no such thing"
HUNG = "hung: no answer within 4 s"


def test_a_log_that_tells_what_was_done_is_right(tmp_path: Path) -> None:
    """Of a host whose fork server is no more nobody knows how it ended: that counts for the kill that it was.

    A remote that is dialled again before it has noticed the end of the connection before may refuse the new one.
    """
    deeds = Deeds()
    for harm, part in (
        (Harm.KILL, "rpc"),
        (Harm.RAISE, "rpc"),
        (Harm.FREEZE, "switch"),
        (Harm.KILL, "switch"),
    ):
        deeds.add(harm, part)
    deeds.fork_servers = 1
    log = log_of(
        tmp_path,
        started("rpc", 3), started("switch", 4),
        ended("rpc", 3, KILLED), started("rpc", 5), restarted("rpc", KILLED),
        {"event": "actor failed", "actor": "rpc", "timestamp": AT % 1}, ended("rpc", 5, FAULT),
        started("rpc", 6), restarted("rpc", FAULT),
        {"event": "child killed", "child": "switch", "cause": HUNG}, ended("switch", 4, KILLED),
        started("switch", 7), restarted("switch", HUNG),
        {"event": "fork server died", "cause": KILLED},
        ended("switch", 7, ORPHANED), started("switch", 8), restarted("switch", ORPHANED),
        stopped("peer host peers-0 ended", 2), stopped("the remote closed the connection", 3),
    )  # fmt: skip
    assert deeds.violations(log) == []
    assert (log.pids, log.serials) == ({"rpc": 1006, "switch": 1008}, {"rpc": 6, "switch": 8})


@pytest.mark.parametrize(
    ("records", "violation"),
    [
        ([restarted("rpc", KILLED)], f"child restarted ('rpc', '{KILLED}'): logged 1 times, caused 0 times"),
        ([restarted("rpc", ORPHANED)], f"child restarted ('rpc', '{ORPHANED}'): logged 1 times"),
        ([{"event": "child killed", "child": "rpc", "cause": HUNG}], "child killed"),
        (
            [{"event": "actor failed", "actor": "peer x", "timestamp": AT % 1}],
            "actor failed peer x: logged 1 times",
        ),
        ([ended("rpc", 3, KILLED)], "host ended rpc: logged 1 times"),
        ([{"event": "fork server died"}], "fork server died : logged 1 times"),
        (
            [stopped("the remote closed the connection", 10)],
            "1 connections ended that nobody harmed: the remote closed the connection",
        ),
        ([{"event": "child did not start", "child": "rpc"}], "child did not start"),
        (["Traceback (most recent call last):"], "logged: Traceback"),
    ],
)
def test_what_the_log_has_and_nobody_did_is_named(
    tmp_path: Path, records: list[Mapping[str, Any] | str], violation: str
) -> None:
    """A restart too many, a fault of another kind, a connection lost for nothing."""
    found = Deeds().violations(log_of(tmp_path, *records))
    assert any(violation in each for each in found), found


def test_a_restart_that_was_not_logged_is_named(tmp_path: Path) -> None:
    """Or was logged with another cause."""
    deeds = Deeds()
    deeds.add(Harm.KILL, "rpc")
    assert deeds.violations(log_of(tmp_path))[0].endswith("logged 0 times, caused 1 times")
    records = (started("rpc", 3), ended("rpc", 3, KILLED), restarted("rpc", FAULT))
    assert len(deeds.violations(log_of(tmp_path, *records))) == 2


# --- the footprint ---------------------------------------------------------------------------------------------------


def process(name: str, memory: int = 40, **descriptors: int) -> Process:
    counts = {key.replace("_", " "): count for key, count in descriptors.items()}
    return Process(name, counts | {EVENT: 5}, memory * MEBIBYTE, memory * MEBIBYTE // 2)


BEFORE = Footprint((process("rpc", pipe=2), process("switch", pipe=2)), ("1.0", "2.0", "fds"))


def test_a_node_that_is_as_it_was_has_not_grown() -> None:
    """Nor has one with a connection more between two of its mailboxes, or with a file of handled counts."""
    assert growth(BEFORE, BEFORE, lambda _serial: True) == []
    rpc, switch = BEFORE.processes
    one = replace(rpc, descriptors={"pipe": 2, EVENT: 6, CONNECTING: 1})
    other = replace(switch, descriptors={"pipe": 2, EVENT: 5, ACCEPTED: 1, "handled counts": 1})
    after = Footprint((one, other), (*BEFORE.files, "2.handled"))
    assert growth(BEFORE, after, lambda serial: serial == 2) == []


@pytest.mark.parametrize(
    ("after", "violation"),
    [
        (replace(BEFORE, processes=(*BEFORE.processes, process("rpc"))), "processes: ['rpc'] more"),
        (replace(BEFORE, processes=BEFORE.processes[:1]), "['switch'] fewer"),
        (replace(BEFORE, files=(*BEFORE.files, "9.0")), "mailbox sockets: 3, before: 2"),
        (replace(BEFORE, files=(*BEFORE.files, "9.handled")), "handled counts of host 9 is left"),
        (replace(BEFORE, files=(*BEFORE.files, "core")), "files: ['fds', 'core']"),
        (
            replace(BEFORE, processes=(process("rpc", pipe=3), BEFORE.processes[1])),
            "rpc: 3 of pipe, before: 2",
        ),
        (
            replace(BEFORE, processes=(process("rpc", 60, pipe=2), BEFORE.processes[1])),
            "rpc: 60.0 MiB resident",
        ),
        (
            replace(BEFORE, processes=tuple(process(n, 47, pipe=2) for n in ("rpc", "switch"))),
            "memory of all: 94.0 MiB",
        ),
    ],
)
def test_what_has_grown_is_named(after: Footprint, violation: str) -> None:
    """Processes, sockets, files, descriptors, memory."""
    found = growth(BEFORE, after, lambda _serial: False)
    assert any(violation in each for each in found), found


@pytest.mark.parametrize(
    ("descriptors", "violation"),
    [
        ({EVENT: 6}, "rpc: 6 more event descriptors than connections, before: 5"),
        ({EVENT: 5, ACCEPTED: 1}, "mailbox connections: -1 single ends, before: 0"),
        ({EVENT: 5, PEER: 1}, "TCP connections: 1, before: 0"),
        ({EVENT: 5, "spill file": 1}, "rpc: 1 spill files for 0 peers"),
        ({EVENT: 5, "handled counts": 2}, "rpc: 2 of handled counts"),
    ],
)
def test_descriptors_of_mailboxes_and_peers_have_bounds(descriptors: dict[str, int], violation: str) -> None:
    """Connections have two ends, spilled messages a peer."""
    rpc, switch = BEFORE.processes
    after = replace(BEFORE, processes=(replace(rpc, descriptors={"pipe": 2} | descriptors), switch))
    found = growth(BEFORE, after, lambda _serial: True)
    assert any(violation in each for each in found), found
