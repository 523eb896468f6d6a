"""Does what the command `peerage crawl` is asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
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
from peerage.actors.discovery.survey.visit import Visited
from peerage.actors.name_lookups import NAME_TIMEOUT_S, resolved_within
from peerage.actors.private_memory import close_memory
from peerage.commands.crawl_report import answered_table, summary
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.geography import Geography, Locations
from peerage.commands.loading import load_config, warn
from peerage.commands.network_files import write_csv, write_edges, write_graphml, write_json
from peerage.commands.network_page import write_page
from peerage.commands.network_picture import draw_network
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


@dataclass(frozen=True, slots=True)
class _Output:
    """An output file that the user asked for."""

    flag: str
    path: Path
    write: Callable[[NetworkMap, TextIO, Locations], None]

    @property
    def is_standard(self) -> bool:
        return self.path == STANDARD

    def write_to(self, found: NetworkMap, locations: Locations, file: TextIO) -> None:
        self.write(found, file, locations)


@dataclass(frozen=True, slots=True)
class Manners:
    """How to make visits."""

    rate: float
    max_in_flight: int
    timeout: float
    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants.

    Attributes: files, by the flag that names them; mmdb, that know where addresses are; manners, how visits are made.
    """

    home: Home
    seeds: str | None
    network: str | None
    any_network: bool
    files: Mapping[str, Path | None]
    as_json: bool
    state: Path | None
    max_nodes: int
    own_key: bool
    manners: Manners
    mmdb: tuple[Path, ...] = ()


def run_crawl(order: Order) -> None:
    """Crawl, and print or write what was found. Raises: MistakeError, FailureError; SystemExit after a signal."""
    files = order.files
    outputs = _outputs(
        (
            "--output",
            files["output"] or (STANDARD if order.as_json else None),
            write_json if order.as_json else _write_table,
        ),
        ("--csv", files["csv"], write_csv),
        ("--edges", files["edges"], write_edges),
        ("--graphml", files["graphml"], write_graphml),
        ("--picture", files["picture"], draw_network),
        ("--html", files["html"], write_page),
    )
    close_memory()
    key = load_node_key(load_config(order.home).node_key_path) if order.own_key else NodeKey.generate()
    state = order.state
    with ExitStack() as stack:
        geography = stack.enter_context(Geography(order.mmdb))
        journal = None if state is None else stack.enter_context(_journal(state))
        survey = _survey(order, journal)
        notes = _Notes(journal)
        began = time.monotonic()
        stopped = _run(survey, key, order.manners, notes)
        undone = _report(survey, outputs, geography, time.monotonic() - began, stopped=stopped > 0)
        undone += notes.undone()
        if survey.waiting:
            kept = "what was found is not kept" if state is None else f"--state {state} goes on"
            click.echo(f"waiting      {survey.waiting} addresses: {kept}", err=True)
        if undone:
            raise FailureError("; ".join(undone))
    if stopped:
        raise SystemExit(SIGNALLED + stopped)


def _survey(order: Order, journal: Journal | None) -> Survey:
    """The survey as it begins: what is asked for, and with a journal that is gone on with, what that knows already.

    Raises: MistakeError; FailureError, when no seed was found.
    """
    before = None if journal is None else journal.beginning
    config = load_config(order.home) if order.seeds is None and before is None else None
    given = _beginning(
        config, order.seeds, order.network, any_network=order.any_network, needed=before is None
    )
    if before is not None:
        _check_same(before, given, order.state)
    beginning = merged(before, given)
    survey = Survey(
        beginning.seeds,
        networks=beginning.networks,
        any_network=beginning.any_network,
        max_visits=order.max_nodes,
    )
    if journal is not None:
        known = journal.replay(survey)
        if known:
            click.echo(f"{order.state}: {known} visits are known already", err=True)
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


def _run(survey: Survey, key: NodeKey, manners: Manners, notes: _Notes) -> int:
    """Make the visits, with a progress bar on a terminal. Returns: the signal that ended it, 0 if none did."""
    if survey.done:
        return 0
    from peerage.actors.crawl.surveyor import Surveyor, VisitsFailError
    from peerage.actors.runtime.errors import LimitReachedError

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
    except LimitReachedError as error:  # as a node says it that has no room
        raise MistakeError(str(error)) from error


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


def _outputs(
    *wanted: tuple[str, Path | None, Callable[[NetworkMap, TextIO, Locations], None]],
) -> list[_Output]:
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


def _write_table(found: NetworkMap, file: TextIO, locations: Locations) -> None:
    for line in answered_table(found, locations):
        click.echo(line, file)


def _report(
    survey: Survey, outputs: list[_Output], geography: Geography, seconds: float, *, stopped: bool
) -> list[str]:
    """Write and print what was found. Returns: a line for each file that could not be written."""
    for seed, fault in survey.seed_faults().items():
        warn(f"seed {seed}: {fault}")
    if not survey.has_seed and not stopped:
        raise FailureError("no seed answered")
    found = survey.network_map()
    locations = geography.locate_all(found)
    undone: list[str] = []
    for each in outputs:
        if each.is_standard:
            each.write(found, sys.stdout, locations)
            continue
        try:
            write_text(each.path, partial(each.write_to, found, locations))
        except FailureError as error:
            undone.append(f"{each.flag}: {error.message}")
    if not outputs:
        _write_table(found, sys.stdout, locations)
    for line in summary(found, seconds, locations):
        click.echo(line, err=True)
    return undone
