"""The command `peerage crawl`."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from peerage.actors.discovery.errors import JournalContentError, JournalError, SeedError
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.survey.journal import Beginning, Journal, merged
from peerage.actors.discovery.survey.network_map import NetworkMap
from peerage.actors.discovery.survey.survey import Survey
from peerage.actors.discovery.survey.visit import MAX_REQUESTS, Visited
from peerage.actors.name_lookups import NAME_TIMEOUT_S, resolved_within
from peerage.actors.private_memory import close_memory
from peerage.commands.crawl_report import answered_table, summary
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import load_config, warn
from peerage.commands.network_files import write_csv, write_edges, write_graphml, write_json
from peerage.commands.network_picture import draw_network
from peerage.commands.options import home_option
from peerage.commands.printing import output_options
from peerage.commands.span import Span
from peerage.commands.written import write_text
from peerage.config.config import Config
from peerage.config.home import Home
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.node_key_file import load_node_key
from peerage.wire.keys import NodeKey
from peerage.wire.remote_text import shown

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128  # plus the signal's number is the exit code, as in a shell

STANDARD = Path("-")  # standard output
output_file = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Output:
    """An output file that the user asked for."""

    flag: str
    path: Path
    write: Callable[[NetworkMap, TextIO], None]

    @property
    def is_standard(self) -> bool:
        return self.path == STANDARD


@dataclass(frozen=True, slots=True)
class _Manners:
    """How to make visits."""

    rate: float
    max_in_flight: int
    timeout: float
    requests: int
    seconds: float


@click.command(
    "crawl",
    epilog="Example: peerage crawl --seeds 00…ff@seed.example.org:26656 --state net.state --json --output net.json",
)
@home_option
@click.option(
    "--seeds",
    metavar="ID@HOST:PORT,…",
    help="Where to begin.  [default: p2p.seeds of the home's configuration, and its network]",
)
@click.option(
    "--network", metavar="ID", help="Ask only nodes of this network.  [default: the seeds' networks]"
)
@click.option("--any-network", is_flag=True, help="Ask nodes of all networks.")
@output_options
@click.option("--csv", "csv_", type=output_file, metavar="FILE", help="Write one line for each node.")
@click.option(
    "--edges", type=output_file, metavar="FILE", help="Write one CSV line for each edge: from, to, address."
)
@click.option(
    "--graphml", type=output_file, metavar="FILE", help="Write a graph that networkx and Gephi can read."
)
@click.option("--picture", type=output_file, metavar="FILE.svg", help="Draw the network.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Store what was found in this file; if it exists, continue with it.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=50.0,
    show_default=True,
    help="Dials per second.",
)
@click.option(
    "--max-in-flight",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    help="Most visits at the same time.",
)
@click.option(
    "--max-nodes",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    show_default=True,
    help="Most addresses to dial.",
)
@click.option("--for", "max_time", type=Span(), default="1h", show_default=True, help="Stop after this time.")
@click.option(
    "--timeout",
    type=Span(like="5s"),
    default="5s",
    show_default=True,
    help="Longest time for each step of a visit: connecting, handshake, answers.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, MAX_REQUESTS),
    default=MAX_REQUESTS,
    show_default=True,
    help="Requests for addresses per node; more would be against the protocol.",
)
@click.option("--own-key", is_flag=True, help="Use the home's node key.  [default: a new key for this crawl]")
def crawl(
    home: Home,
    seeds: str | None,
    network: str | None,
    output: Path | None,
    csv_: Path | None,
    edges: Path | None,
    graphml: Path | None,
    picture: Path | None,
    state: Path | None,
    rate: float,
    max_in_flight: int,
    max_nodes: int,
    max_time: float,
    timeout: float,
    requests: int,
    *,
    as_json: bool,
    any_network: bool,
    own_key: bool,
) -> None:
    """Map a network: which nodes there are, and who knows whom.

    Starts at the seeds, asks every node that answers for the addresses it knows, and visits those. Each address is dialled
    once, however often it is mentioned. A CometBFT node refuses nodes of other networks, so this command tells each node
    that it is of the same network, which it learns from that node's greeting. Nodes of other networks than the seeds' are
    on the map, but are not asked.

    From a large address book nodes give out only a part, so the map's edges are a part of the real ones; with fewer than
    32 addresses they give out all. Private addresses are dialled only if a node with a private address mentioned them.

    Prints a table of the nodes that answered, or with --json nodes and edges, unless a file is asked for. Ctrl-C ends the
    crawl with what has been found so far. Exit code 1 if no seed answered, 130 after Ctrl-C.
    """
    outputs = _outputs(
        ("--output", output or (STANDARD if as_json else None), write_json if as_json else _write_table),
        ("--csv", csv_, write_csv),
        ("--edges", edges, write_edges),
        ("--graphml", graphml, write_graphml),
        ("--picture", picture, draw_network),
    )
    manners = _Manners(rate, max_in_flight, timeout, requests, max_time)
    close_memory()
    key = load_node_key(load_config(home).node_key_path) if own_key else NodeKey.generate()
    with ExitStack() as stack:
        journal = None if state is None else stack.enter_context(_journal(state))
        survey = _survey(home, seeds, network, state, journal, max_nodes, any_network=any_network)
        notes = _Notes(journal)
        began = time.monotonic()
        stopped = _run(survey, key, manners, notes)
        undone = _report(survey, outputs, time.monotonic() - began, stopped=stopped > 0) + notes.undone()
        if survey.waiting:
            kept = "what was found is not kept" if state is None else f"--state {state} goes on"
            click.echo(f"waiting      {survey.waiting} addresses: {kept}", err=True)
        if undone:
            raise FailureError("; ".join(undone))
    if stopped:
        raise SystemExit(SIGNALLED + stopped)


def _survey(
    home: Home,
    seeds: str | None,
    network: str | None,
    state: Path | None,
    journal: Journal | None,
    max_nodes: int,
    *,
    any_network: bool,
) -> Survey:
    """The survey as it begins: what is asked for, and with a journal that is gone on with, what that knows already.

    Raises: MistakeError; FailureError, when no seed was found.
    """
    before = None if journal is None else journal.beginning
    config = load_config(home) if seeds is None and before is None else None
    given = _beginning(config, seeds, network, any_network=any_network, needed=before is None)
    if before is not None:
        _check_same(before, given, state)
    beginning = merged(before, given)
    survey = Survey(
        beginning.seeds,
        networks=beginning.networks,
        any_network=beginning.any_network,
        max_visits=max_nodes,
    )
    if journal is not None:
        known = journal.replay(survey)
        if known:
            click.echo(f"{state}: {known} visits are known already", err=True)
        journal.begin(beginning)
    return survey


class _Notes:
    """Writes visits to the journal, if there is one. A full disk must not cost an hour's work, so the crawl goes on."""

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._is_told = False

    def add(self, visited: Visited) -> None:
        """Record a visit. If that fails, say so once, and try again with the next visit."""
        if self._journal is None:
            return
        try:
            self._journal.note(visited)
        except JournalError as error:
            if not self._is_told:
                self._is_told = True
                warn(f"--state: {error}; the survey goes on, and tries again")

    def undone(self) -> list[str]:
        """At the end: a line that says what is missing in the journal, or nothing."""
        try:
            if self._journal is not None:
                self._journal.catch_up()
        except JournalError as error:
            return [f"--state: {error}: it does not hold all that was found"]
        return []


def _run(survey: Survey, key: NodeKey, manners: _Manners, notes: _Notes) -> int:
    """Make the visits, with a progress bar on a terminal. Returns: the signal that ended it, 0 if none did."""
    if survey.done:
        return 0
    from peerage.actors.crawl.surveyor import Surveyor, VisitsFailError

    set_up_logging(LogSettings("error"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(file=sys.stderr)
    try:
        with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("looking for a seed", total=None)

            def note(visited: Visited) -> None:
                notes.add(visited)
                bar.update(
                    task,
                    description=f"answered: {survey.answered}",
                    completed=survey.visits,
                    total=survey.visits + survey.under_way + survey.waiting,
                )

            surveyor = Surveyor(
                survey,
                key,
                timeout=manners.timeout,
                requests=manners.requests,
                rate=manners.rate,
                max_in_flight=manners.max_in_flight,
                note=note,
            )
            return asyncio.run(_until_signal(surveyor.run(manners.seconds)))
    except VisitsFailError as error:
        raise FailureError(str(error)) from error


async def _until_signal(work: Coroutine[None, None, None]) -> int:
    """Do the work, but stop at a signal. Returns: its number, 0 if the work was done."""
    loop, task, got = asyncio.get_running_loop(), asyncio.ensure_future(work), 0

    def stop(number: int) -> None:
        nonlocal got
        got = number
        task.cancel()

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup, for instance
            loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not got:
            raise
    return got


# --- what the user asked for ---


def _outputs(*wanted: tuple[str, Path | None, Callable[[NetworkMap, TextIO], None]]) -> list[_Output]:
    """The files to write. They are checked now, before an hour is spent on their content."""
    outputs = [_Output(flag, path, write) for flag, path, write in wanted if path is not None]
    for each in outputs:
        if each.flag == "--picture" and each.path.suffix.lower() != ".svg":
            raise MistakeError(f"--picture: found {str(each.path)!r}, allowed: a name that ends in .svg")
        if not each.is_standard and not each.path.parent.is_dir():
            raise MistakeError(f"{each.flag}: {each.path.parent} is no directory")
        if not each.is_standard and not os.access(
            each.path if each.path.exists() else each.path.parent, os.W_OK
        ):
            raise MistakeError(f"{each.flag}: {each.path} cannot be written: allowed is a file that can")
    if sum(each.is_standard for each in outputs) > 1:
        raise MistakeError("only one file can be standard output")
    return outputs


def _beginning(
    config: Config | None, seeds: str | None, network: str | None, *, any_network: bool, needed: bool
) -> Beginning:
    """Where to begin. Args: config, the home's, if seeds should come from it; needed, whether there must be seeds."""
    texts: Iterable[str] = ()
    if seeds is not None:
        texts = seeds.split(",")
    elif config is not None:
        texts = config.p2p.seeds
        network = network or (config.network if not any_network and config.p2p.seeds else None)
    networks = (network,) if network else ()
    if network and any_network:
        raise MistakeError("--network and --any-network exclude each other")
    try:
        listed = SeedList(texts)
    except SeedError as error:
        raise MistakeError(f"--seeds: {error}") from error
    if not len(listed):
        if needed:
            raise MistakeError("--seeds: none given, and none in the home's configuration")
        return Beginning((), networks, any_network)
    resolved = listed.resolve(resolved_within(NAME_TIMEOUT_S, listed.names.values()))
    warn(*(f"seed {seed}: {fault}" for seed, fault in resolved.failures))
    if not resolved.addresses and needed:
        raise FailureError("no seed was found")
    return Beginning(resolved.addresses, networks, any_network)


@contextmanager
def _journal(state: Path) -> Iterator[Journal]:
    """The journal; its errors become one line."""
    try:
        try:
            opened = Journal(state)
        except OSError as error:
            raise FailureError(f"--state: {state}: {error.strerror or error}") from error
        with opened as journal:
            yield journal
    except JournalContentError as error:
        raise MistakeError(f"--state: {error}") from error
    except JournalError as error:
        raise FailureError(f"--state: {error}") from error


def _check_same(before: Beginning, given: Beginning, state: Path | None) -> None:
    """Raise unless a resumed survey is of the same networks as before."""
    wanted = (given.networks, given.any_network)
    if wanted not in {((), False), (before.networks, before.any_network)}:
        kept = (
            "any network"
            if before.any_network
            else shown(", ".join(before.networks)) or "its seeds' networks"
        )
        raise MistakeError(
            f"--state: {state} holds a survey of {kept}; take another file for another network"
        )


# --- the result ---


def _write_table(found: NetworkMap, file: TextIO) -> None:
    for line in answered_table(found):
        click.echo(line, file)


def _report(survey: Survey, outputs: list[_Output], seconds: float, *, stopped: bool) -> list[str]:
    """Write and print what was found. Returns: a line for each file that could not be written."""
    for seed, fault in survey.seed_faults().items():
        warn(f"seed {seed}: {fault}")
    if not survey.has_seed and not stopped:
        raise FailureError("no seed answered")
    found = survey.network_map()
    undone: list[str] = []
    for each in outputs:
        if each.is_standard:
            each.write(found, sys.stdout)
            continue
        try:
            write_text(each.path, partial(each.write, found))
        except FailureError as error:
            undone.append(f"{each.flag}: {error.message}")
    if not outputs:
        _write_table(found, sys.stdout)
    for line in summary(found, seconds):
        click.echo(line, err=True)
    return undone
