"""Does what the command `peerage conform` is asked for."""

import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, urlsplit

import click

from peerage.actors.crawl.call import Call, Verdict
from peerage.actors.name_lookups import resolved_within
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.table import table
from peerage.commands.written import write_text
from peerage.config.duration import NANOSECONDS_PER_SECOND, parse_duration
from peerage.conformance.examination import Bounds, Examination, Result
from peerage.conformance.handshaker import Claims
from peerage.conformance.report import Report
from peerage.conformance.suite import GROUPS, Chosen, chosen
from peerage.conformance.visitor import WrongAnswerError
from peerage.wire.errors import WireError
from peerage.wire.net_address import NetAddress, name_in
from peerage.wire.node_info import NodeInfo
from peerage.wire.remote_text import shown

PING_ROUND_S = 130.0  # CometBFT pings after 60 s, and waits 45 s for the pong
REACH_S = 5.0
RPC_TIMEOUT_S = 10.0
LONGEST_S = 3600.0
LONGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says; the names are those of the command's options. Args: widely, `--all`."""

    address: str | None
    lists: bool
    only: Sequence[str]
    skip: Sequence[str]
    widely: bool
    slow: bool
    rpc: str | None
    source: str
    at_once: int
    patience: str
    max_time: str
    as_json: bool
    junit: Path | None
    output: Path | None

    @property
    def bounds(self) -> Bounds:
        """Raises: MistakeError."""
        return Bounds(
            self.at_once,
            _seconds("--patience", self.patience),
            _seconds("--max-time", self.max_time),
            PING_ROUND_S if self.slow else 0.0,
        )


def run_conform(wishes: Wishes) -> None:
    """Examine a node, and report. Raises: MistakeError, FailureError."""
    address, source, output, as_json = wishes.address, wishes.source, wishes.output, wishes.as_json
    cases = chosen(wishes.only, wishes.skip, widely=wishes.widely, known=_unknown)
    if wishes.lists:
        _write(output, lambda to: _list(cases, to, as_json=as_json))
        return
    if address is None:
        raise MistakeError("ID@HOST:PORT: found nothing, expected the address of a node, or --list")
    if not cases:
        raise MistakeError("--only and --skip leave no case")
    bounds = wishes.bounds
    if source and not _is_ours(source):
        raise MistakeError(f"--source: found {source!r}, allowed: an IP of this machine")
    target = _address(address)
    dial = None if wishes.rpc is None else _dialler(wishes.rpc)
    began = time.monotonic()
    node, is_seed = _reached(address, target)
    claims = Claims.of(node, is_seed=is_seed)
    examination = Examination(str(target.host), target.port, claims, bounds, source=source, dial=dial)
    results = _with_progress(examination, cases)
    report = Report(
        address,
        node,
        results,
        time.monotonic() - began,
        examination.connections,
        examination.sent,
        _notes(examination),
    )
    if wishes.junit is not None:
        _write(wishes.junit, lambda to: to.write(report.as_junit()))
    if output is not None or str(wishes.junit) != "-":  # otherwise it would stand behind the XML
        _write(output, lambda to: _print(report, to, as_json=as_json))
    if report.failed:
        raise FailureError(f"{address}: {len(report.failed)} of {len(results)} cases failed")
    if examination.barred:
        raise MistakeError(f"{address}: {shown(examination.barred)}")


def _unknown(name: str) -> None:
    """Raises: MistakeError."""
    names = [name for group in GROUPS for name in (group.key, *(case.name for case in group.cases))]
    close = get_close_matches(name, names, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise MistakeError(f"--only, --skip: found {name!r}, allowed: a group or a case of --list{meant}")


def _seconds(flag: str, text: str) -> float:
    try:
        seconds = parse_duration(text) / NANOSECONDS_PER_SECOND
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_S:
        raise MistakeError(f"{flag}: found {text!r}, allowed: a duration up to 1h, like 25s")
    return seconds


def _address(text: str) -> NetAddress:
    """Raises: MistakeError."""
    try:
        name = name_in(text)
        return NetAddress.parse(text, resolved_within(REACH_S, () if name is None else (name,)))
    except WireError as error:
        raise MistakeError(f"ID@HOST:PORT: {error}") from error


def _is_ours(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _reached(address: str, target: NetAddress) -> tuple[NodeInfo, bool]:
    """What the node says of itself, and whether it is a seed. Raises: MistakeError: an honest peer gets no answer."""
    found = Call(target, None, REACH_S).run()
    if found.verdict is not Verdict.OK or found.node_info is None:
        raise MistakeError(f"{address}: {found.verdict}: {found.detail}")
    return found.node_info, bool(found.is_seed)


def _dialler(rpc: str) -> Callable[[str], None]:
    """Has the node of that RPC dial an address. Raises: MistakeError: it is no URL."""
    parts = urlsplit(rpc)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MistakeError(f"--rpc: found {rpc!r}, allowed: a URL like http://127.0.0.1:26657")
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    def dial(address: str) -> None:
        connection = make(parts.netloc, timeout=RPC_TIMEOUT_S)
        try:
            peers = quote(json.dumps([address]))
            connection.request("GET", f"{parts.path.rstrip('/')}/dial_peers?persistent=false&peers={peers}")
            answer = json.loads(connection.getresponse().read(LONGEST_ANSWER))
            error = answer.get("error")
        except (HTTPException, ValueError, AttributeError) as failure:
            raise WrongAnswerError(f"{rpc} does not answer as an RPC does: {failure}") from failure
        finally:
            connection.close()
        if error:
            raise WrongAnswerError(f"{rpc}: dial_peers: {shown(str(error))}")

    return dial


def _with_progress(examination: Examination, cases: Chosen) -> list[Result]:
    """Run it; if somebody looks, show how far it is."""
    with click.progressbar(
        length=len(cases), label=f"{len(cases)} cases", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        return examination.run(cases, lambda _result: bar.update(1))


def _notes(examination: Examination) -> Sequence[str]:
    notes = []
    if examination.one_at_a_time:
        notes.append(
            "the node takes one connection of an IP, so that the cases were done one after the other"
        )
    if examination.barred:
        notes.append(f"stopped early: {shown(examination.barred)}")
    return notes


def _write(output: Path | None, write: Callable[[TextIO], object]) -> None:
    if output is None or str(output) == "-":
        write(sys.stdout)
    else:
        write_text(output, write)


def _print(report: Report, to: TextIO, *, as_json: bool) -> None:
    if as_json:
        to.write(json.dumps(report.as_json(), indent=2) + "\n")
        return
    node = report.node
    to.write(
        f"{report.address}: {shown(node.moniker)}, {shown(node.network)}, {shown(node.version) or '-'}\n"
    )
    head, *rows = report.rows()
    to.writelines(f"{line}\n" for line in (*table(head, rows), "", *report.summary()))


def _list(cases: Chosen, to: TextIO, *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "group": group.key,
                "name": case.name,
                "section": case.rule.section,
                "rule": case.rule.text,
                "right": case.right,
                "needs": case.needs,
            }
            for group, case in cases
        ]
        to.write(json.dumps(rows, indent=2) + "\n")
        return
    lines = (
        (group.key, case.name, case.right, " ".join(case.needs) or "-", case.rule.section, case.rule.text)
        for group, case in cases
    )
    to.writelines(
        f"{line}\n" for line in table(("GROUP", "CASE", "RIGHT", "NEEDS", "SECTION", "RULE"), lines)
    )
    to.write(f"\n{len(cases)} cases\n")
