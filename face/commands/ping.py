"""The command `peerage ping`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import click

from peerage.actors.crawl.call import Call, Finding, Step, Verdict
from peerage.actors.name_lookups import resolved_within
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.commands.span import Span
from peerage.commands.table import table
from peerage.wire.dial_order import all_addresses
from peerage.wire.errors import WireError
from peerage.wire.net_address import NetAddress, Resolve, join_host_port, name_in
from peerage.wire.remote_text import shown

LONGEST_TIMEOUT_S = 86_400.0
AT_ONCE = 64  # calls, a thread each
# What speaks against one of a name's addresses, and not against the next one.
OF_AN_ADDRESS = frozenset({Verdict.UNREACHABLE, Verdict.AUTH_FAILURE})
HANDSHAKE = (Step.KEYS, Step.ID, Step.NODE_INFO)


@click.command("ping", epilog="Example: peerage ping 00…ff@seed.example.org:26656 --network cosmoshub-4")
@click.argument("addresses", metavar="ID@HOST:PORT…", nargs=-1, required=True)
@click.option("--network", metavar="ID", help="The network to claim as ours.  [default: the remote's own]")
@click.option(
    "--timeout",
    type=Span(most=LONGEST_TIMEOUT_S, like="5s"),
    default="5s",
    show_default=True,
    help="Longest time for each step.",
)
@output_options
def ping(
    addresses: Sequence[str], network: str | None, timeout: float, output: Path | None, *, as_json: bool
) -> None:
    """Dial nodes, shake hands, and say who is there.

    Prints a node's ID, moniker, network, version and channels, whether it is a seed, and how long each step took; for
    several addresses, which are called at once, a table. A name is called at all its addresses, one after the other until
    the node answers, as a node dials it. Exit code 1, and the exact reason, if a name was not found, a node cannot be
    reached or refuses, or what is there instead of a node, as far as it says so or answers to HTTP, TLS or QUIC; 2 if an
    address is none.
    """
    check_output(output)
    answered = _call_all(list(dict.fromkeys(addresses)), network, timeout)
    if as_json:
        put_json([_as_json(answer) for answer in answered], output)
    elif len(answered) == 1:
        put_lines(_lines(answered[0]), output)
    else:
        put_lines(table(HEAD, map(_cells, answered)), output)
    _tell_failures(answered)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found at an address."""

    address: str
    finding: Finding
    target: NetAddress | None = None
    has_name: bool = False

    @property
    def ip(self) -> str | None:
        """Where that is."""
        return None if self.target is None else str(self.target.host)

    @property
    def fault(self) -> str:
        """The line that says what is wrong."""
        found = self.finding
        verdict = "" if found.verdict in {Verdict.NO_ANSWER, Verdict.NOT_FOUND} else f"{found.verdict}: "
        return f"{self.address}: {verdict}{found.detail}"


def _call_all(addresses: Sequence[str], network: str | None, timeout: float) -> list[_Answer]:
    """Look names up, and call everybody, all at once. Raises: MistakeError, for what is no address."""
    names = {}
    for address in addresses:
        try:
            names[address] = name_in(address)
            NetAddress.parse(address, lambda _name: ["192.0.2.1"])
        except WireError as error:
            raise MistakeError(f"ID@HOST:PORT: {error}") from error

    def call(address: str) -> _Answer:
        name, began = names[address], monotonic()
        resolve: Resolve = resolved_within(timeout, () if name is None else (name,))
        looked_up = monotonic() - began
        try:
            targets = all_addresses(address, resolve)
        except WireError as error:
            return _Answer(address, Finding(Verdict.NOT_FOUND, str(error)))
        target, found = _call_in_turn(targets, network, timeout)
        if name is not None:
            found.seconds = {Step.DNS: looked_up, **found.seconds}
        return _Answer(address, found, target, has_name=name is not None)

    return _all_at_once(call, addresses)


def _call_in_turn(
    targets: Sequence[NetAddress], network: str | None, timeout: float
) -> tuple[NetAddress, Finding]:
    """Call at the addresses of one name as a node dials them: the next one if nobody is there, or somebody else.

    Connecting to all of them together takes no longer than one step. Returns: where it answered; or where a call came
    furthest, with why it failed everywhere.
    """
    failed: list[tuple[NetAddress, Finding]] = []
    for target in targets:
        found = Call(target, network, timeout, timeout / len(targets)).run()
        if found.verdict not in OF_AN_ADDRESS:
            return target, found
        failed.append((target, found))
    if len(failed) > 1:
        detail = "; ".join(f"{join_host_port(str(at.host), at.port)}: {found.detail}" for at, found in failed)
        for _, found in failed:
            found.detail = detail
    return max(failed, key=lambda each: len(each[1].seconds))


def _all_at_once(call: Callable[[str], _Answer], addresses: Sequence[str]) -> list[_Answer]:
    """Make all calls, AT_ONCE of them at the same time. Its threads are no reason to live on: Ctrl-C waits for none, as it
    would for those of an executor.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, _Answer | Exception]] = SimpleQueue()
    for index in range(len(addresses)):
        waiting.put(index)

    def work() -> None:
        with suppress(Empty):
            while True:
                index = waiting.get_nowait()
                try:
                    done.put((index, call(addresses[index])))
                except Exception as error:
                    done.put((index, error))

    for number in range(min(AT_ONCE, len(addresses))):
        threading.Thread(target=work, name=f"ping-{number}", daemon=True).start()
    answered: dict[int, _Answer] = {}
    for _ in addresses:
        index, answer = done.get()
        if isinstance(answer, Exception):
            raise answer
        answered[index] = answer
    return [answered[index] for index in range(len(addresses))]


def _tell_failures(answered: Sequence[_Answer]) -> None:
    """Raises: FailureError, with a line for each address at which all is not well."""
    failed = [answer for answer in answered if answer.finding.verdict is not Verdict.OK]
    if not failed:
        return
    *others, last = failed
    for answer in others:
        click.echo(f"Error: {answer.fault}", err=True)
    raise FailureError(last.fault)


def _lines(answer: _Answer) -> Iterator[str]:
    """What we learned about one node; nothing if the handshake was not completed."""
    found = answer.finding
    theirs, seconds = found.node_info, found.seconds
    if theirs is None:
        return
    steps = ", ".join(f"{_word(step)} {seconds[step] * 1000:.1f} ms" for step in HANDSHAKE)
    yield f"id        {theirs.id}"
    yield f"moniker   {shown(theirs.moniker)}"
    yield f"network   {shown(theirs.network)}"
    yield (
        f"version   {shown(theirs.version)} (block {theirs.protocol_version.block}, p2p {theirs.protocol_version.p2p})"
    )
    yield f"listens   {shown(theirs.listen_addr)}"
    yield f"channels  {' '.join(f'{channel:#04x}' for channel in theirs.channels)}"
    if found.is_seed is not None:
        yield f"seed      {'yes' if found.is_seed else 'no'}"
    if answer.has_name:
        yield f"ip        {answer.ip}"
    if Step.DNS in seconds:
        yield f"dns       {seconds[Step.DNS] * 1000:.1f} ms"
    yield f"tcp       {seconds[Step.TCP] * 1000:.1f} ms"
    yield f"handshake {sum(seconds[step] for step in HANDSHAKE) * 1000:.1f} ms"
    yield f"steps     {steps}"
    if Step.PING in seconds:
        yield f"ping      {seconds[Step.PING] * 1000:.1f} ms"


HEAD = ("ADDRESS", "VERDICT", "MONIKER", "NETWORK", "VERSION", *(f"{step.upper()} MS" for step in Step))


def _cells(answer: _Answer) -> Iterator[str]:
    found = answer.finding
    theirs = found.node_info
    yield answer.address
    yield "seed" if found.verdict is Verdict.OK and found.is_seed else found.verdict
    for text in ("", "", "") if theirs is None else (theirs.moniker, theirs.network, theirs.version):
        yield shown(text) or "-"
    for step in Step:
        yield f"{found.seconds[step] * 1000:.1f}" if step in found.seconds else "-"


def _as_json(answer: _Answer) -> dict[str, Any]:
    found = answer.finding
    theirs = found.node_info
    about = (
        None
        if theirs is None
        else {
            "id": theirs.id,
            "moniker": theirs.moniker,
            "network": theirs.network,
            "version": theirs.version,
            "block_protocol": theirs.protocol_version.block,
            "p2p_protocol": theirs.protocol_version.p2p,
            "listen_addr": theirs.listen_addr,
            "channels": list(theirs.channels),
        }
    )
    return {
        "address": answer.address,
        "ip": answer.ip,
        "verdict": found.verdict,
        "detail": found.detail,
        "node": about,
        "seed": found.is_seed,
        "speaks": found.spoken or None,
        "first_bytes": found.beginning.decode("latin-1") or None,
        "milliseconds": {step: round(seconds * 1000, 3) for step, seconds in found.seconds.items()},
    }


def _word(step: Step) -> str:
    return {Step.ID: "ID", Step.NODE_INFO: "node info"}.get(step, step)
