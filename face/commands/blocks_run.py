"""Does what the command `peerage blocks` is asked for."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from peerage.actors.runtime import ActorDeadError, ActorRef, Timeout
from peerage.blocks.block_file import BlockFileError
from peerage.blocks.block_folder import BlockStore, open_store
from peerage.blocks.chain import Position
from peerage.blocks.checker import CommitChecker
from peerage.blocks.errors import ValidatorSetError
from peerage.blocks.fetch import Proved
from peerage.blocks.fetch_plan import FetchLimits
from peerage.blocks.fetcher import AddSet, Begin, BlockFetcher, Fetched, TakeFetched
from peerage.blocks.outlook import Outlook, outlook
from peerage.blocks.validator_set import ValidatorSet
from peerage.commands.blocks_report import Done, report
from peerage.commands.blocks_start import Start, find_start
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.commands.validators_rpc import ValidatorsRpc, ValidatorsRpcError
from peerage.config import Config
from peerage.supervisors.node import DialError, ListenError, Node, NodeStartError
from peerage.wire.errors import AddressError
from peerage.wire.net_address import NetAddress

__all__ = ["Order", "run_blocks"]

REACTOR = "BLOCKSYNC"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128  # plus the signal's number is the exit code, as in a shell
POLL_S = 0.05
ASK_TIMEOUT_S = 30.0
DIALS = 16  # at once
GATHER_S = 5.0  # for those who were named to say what they have, so that not the first alone is asked
STALLED = 5  # times the timeout without a block
TIP_PATIENCE_S = 2.0  # until "nobody has more" is believed
HUNG_UP = "it ends the connection after the handshake, as a full node does"


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants, as the command's options."""

    network: str | None
    peers: str | None
    seeds: str | None
    genesis: Path | None
    trusted: str | None
    rpc: str | None
    first: int | None
    last: int | None
    output: str
    workers: int | None
    timeout: float
    per_peer: int
    as_json: bool


def run_blocks(order: Order) -> None:
    """Fetch and write. Raises: MistakeError, FailureError; SystemExit after a signal."""
    start = find_start(order.genesis, order.trusted, order.rpc, order.network)
    peers, seeds = _addresses("--peers", order.peers), _addresses("--seeds", order.seeds)
    if not (peers or seeds):
        raise MistakeError("--peers or --seeds: none given, expected are nodes to ask for blocks")
    first = start.position.height if order.first is None else order.first
    if first < start.position.height:
        raise MistakeError(f"--from {first}: the first block that can be checked is {start.position.height}")
    if order.last is not None and order.last < first:
        raise MistakeError(f"--to {order.last}: expected at least {first}, where it begins")
    file = _open_file(Path(order.output), first, is_folder=order.output.endswith(os.sep))
    began = time.monotonic()
    done = Done()
    with _signals() as stop, ExitStack() as stack:
        stack.callback(_close, file)
        try:
            _Run(order, start, first, file, stop, done).run(stack, peers, seeds)
        except (ListenError, NodeStartError) as error:
            raise FailureError(f"the node cannot start: {error}") from error
    done.seconds = time.monotonic() - began
    report(done, start.chain_id, file, first, as_json=order.as_json)
    if done.stopped:
        raise SystemExit(SIGNALLED + done.stopped)
    if done.undone:
        raise FailureError(done.undone)


class _Run:
    """One run, from the node's start to its end."""

    def __init__(
        self, order: Order, start: Start, first: int, file: BlockStore, stop: _Stop, done: Done
    ) -> None:
        self._order, self._start, self._first = order, start, first
        self._file, self._stop, self._done = file, stop, done
        self._rpc = ValidatorsRpc(order.rpc) if order.rpc is not None else None
        self._checkers: tuple[ActorRef, ...] = ()
        self._unreached: dict[str, str] = {}
        self._dials_done = threading.Event()
        self._reached: set[str] = set()

    def run(self, stack: ExitStack, peers: Sequence[str], seeds: Sequence[str]) -> None:
        """Fetch until all is there, nothing goes on, or a signal comes."""
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peerage-blocks-")))
        stack.callback(self._stop_checkers)  # after the node: its reactor would miss them
        node = stack.enter_context(Node(self._config(home, seeds), reactors={REACTOR: BlockFetcher}))
        threading.Thread(target=self._dial, args=(node, peers), name="blocks-dials", daemon=True).start()
        with self._progress() as show:
            self._fetch(node, node.reactor(REACTOR), show)

    def _config(self, home: Path, seeds: Sequence[str]) -> Config:
        return Config(
            home=home,
            network=self._start.chain_id,
            moniker="blocks",
            log_level="error",
            p2p={
                "laddr": "tcp://127.0.0.1:0",
                "pex": bool(seeds),
                "seeds": ",".join(seeds),
                "addr_book_strict": False,
                "allow_duplicate_ip": True,
                "send_rate": 0,
                "recv_rate": 0,
            },
            rpc={"laddr": ""},
            peerage={"peer_hosts": 1},
        )

    def _begin(self, reactor: ActorRef, position: Position, sets: tuple[ValidatorSet, ...]) -> None:
        """Have the reactor fetch from here, with processes that check signatures."""
        self._stop_checkers()
        count = self._order.workers or len(os.sched_getaffinity(0))
        self._checkers = tuple(CommitChecker.start() for _ in range(count))
        has_more = self._file.heights and position.height < self._file.heights.stop
        begin = Begin(
            self._start.chain_id,
            position,
            sets,
            self._order.last,
            FetchLimits(per_peer=self._order.per_peer, timeout=self._order.timeout),
            self._checkers,
            self._file if has_more else None,
        )
        reactor.ask(begin, timeout=ASK_TIMEOUT_S)

    def _stop_checkers(self) -> None:
        for checker in self._checkers:
            checker.stop(block=False)

    def _dial(self, node: Node, peers: Sequence[str]) -> None:
        """Call those who were named; they are called again when it fails."""

        def dial(address: str) -> None:
            try:
                node.dial(address, persistent=True, wait=True)
                self._reached.add(address)
            except (DialError, AddressError, Timeout) as error:
                self._unreached[address.partition("@")[0].lower()] = str(error)
            except Exception:  # noqa: S110 - the node is being stopped
                pass

        with ThreadPoolExecutor(DIALS) as pool:
            list(pool.map(dial, peers))
        self._dials_done.set()

    def _fetch(self, node: Node, reactor: ActorRef, show: Any) -> None:
        position, sets = self._start.position, self._start.sets
        self._gather(reactor)
        moved = time.monotonic()
        before = 0
        while not self._stop.number:
            try:
                fetched: Fetched = reactor.ask(TakeFetched(), timeout=ASK_TIMEOUT_S)
                if not fetched.has_begun:
                    self._begin(reactor, position, sets)
                    continue
            except Timeout as error:
                raise FailureError(f"the reactor did not answer within {ASK_TIMEOUT_S:g} s") from error
            except ActorDeadError as error:
                if not node.is_running:
                    raise FailureError(f"the node has ended: {error}") from error
                self._stop.wait(POLL_S)  # it is being restarted
                continue
            self._note_dropped(node, fetched)
            for block in fetched.blocks:
                self._write(block)
            show(fetched)
            if fetched.blocks:
                position = Position(
                    fetched.blocks[-1].height + 1,
                    fetched.blocks[-1].id,
                    fetched.blocks[-1].next_validators_hash,
                )
                sets = fetched.sets
            self._done.signatures, self._done.check_seconds = fetched.signatures, fetched.check_seconds
            if self._done.undone or fetched.is_done:
                return
            if fetched.wanted_set is not None and not fetched.blocks:
                if fault := self._find_set(reactor, fetched.wanted_set[0]):
                    self._done.undone = fault
                    return
                moved = time.monotonic()
                continue
            if fetched.next != before or fetched.blocks:
                before, moved = fetched.next, time.monotonic()
            elif self._is_at_its_end(fetched, time.monotonic() - moved):
                return
            if not fetched.blocks:
                self._stop.wait(POLL_S)
        self._done.stopped = self._stop.number

    def _gather(self, reactor: ActorRef) -> None:
        """Wait for the first peers, a little."""
        deadline = time.monotonic() + GATHER_S
        while not self._stop.number and time.monotonic() < deadline:
            if self._dials_done.is_set():
                fetched: Fetched = reactor.ask(TakeFetched(), timeout=ASK_TIMEOUT_S)
                if fetched.said >= len(self._reached):
                    return
            self._stop.wait(POLL_S)

    def _write(self, block: Proved) -> None:
        """Write a proved block, unless it is there already or before those that are wanted."""
        self._done.given[block.giver] += 1
        if block.height < self._first:
            return
        self._done.last = block.height, block.id.hash.hex().upper()
        if block.height in self._file.heights:
            self._done.checked_in_file += 1
            return
        try:
            self._file.append(block.height, block.id, block.encoded)
        except BlockFileError as error:
            raise FailureError(str(error)) from error
        except OSError as error:
            raise FailureError(f"{self._file.path} cannot be written: {error.strerror or error}") from error
        self._done.written += 1
        self._done.size += len(block.encoded)

    def _note_dropped(self, node: Node, fetched: Fetched) -> None:
        for drop in fetched.dropped:
            if drop.peer == self._file.name:
                self._done.undone = f"{drop.reason}, in {self._file.path}: nothing is written to it"
                continue
            warn(f"peer {drop.peer} let go: {drop.reason}")
            self._done.dropped.append((drop.peer, drop.reason, drop.is_liar))
            node.remove_persistent_peers([drop.peer])

    def _find_set(self, reactor: ActorRef, height: int) -> str:
        """Ask for the validators of a height. That they are the right ones, their hash says. Returns: what went wrong."""
        if self._rpc is None:
            return (
                f"the validators change at block {height}: give --rpc URL of a node to ask who they are"
                " (it need not be trusted), and run this again"
            )
        try:
            validators = self._rpc.at(height)
        except (ValidatorsRpcError, ValidatorSetError) as error:
            return f"the validators of block {height}: {error}"
        try:
            fault = reactor.ask(AddSet(validators), timeout=ASK_TIMEOUT_S)
        except ActorDeadError:
            return ""  # its successor will ask for them again
        return f"the validators of block {height}: {self._order.rpc} gave {fault}" if fault else ""

    def _is_at_its_end(self, fetched: Fetched, idle: float) -> bool:
        """Whether nothing more will come."""
        seen = outlook(fetched)
        if idle >= STALLED * self._order.timeout:  # who is silent is let go long before: these come and go
            self._done.undone = f"nobody gave block {fetched.next} within {idle:.0f} s"
            return True
        if seen is Outlook.WORKING or idle < TIP_PATIENCE_S or not self._dials_done.is_set():
            return False
        if seen is Outlook.TIP and self._order.last is None:
            return True
        if idle < self._order.timeout:
            return False
        self._done.undone = self._why(seen, fetched)
        return True

    def _why(self, seen: Outlook, fetched: Fetched) -> str:
        if seen is Outlook.NOBODY:
            reasons = [f"{peer}: {reason}" for peer, reason, _ in self._done.dropped]
            reasons += [f"{peer}: {reason}" for peer, reason in self._unreached.items()]
            named = {peer for peer, _, _ in self._done.dropped} | set(fetched.peers)
            reached = sorted(address.partition("@")[0].lower() for address in self._reached)
            reasons += [f"{peer}: {HUNG_UP}" for peer in reached if peer not in named]
            said = f"no peer gives block {fetched.next}" + (f" ({'; '.join(reasons)})" if reasons else "")
            if self._done.dropped and fetched.next == self._start.position.height:
                flag = "--genesis" if self._order.trusted is None else "--trusted"
                said += f"; if they all are right, {flag} is of another chain"
            return said
        if seen is Outlook.PRUNED:
            return (
                f"no peer has block {fetched.next}, the lowest they have is {fetched.lowest}:"
                f" begin with a block that you trust, with --trusted {fetched.lowest}:HASH and --rpc"
            )
        return (
            f"no peer has block {fetched.next + 1} yet, which proves block {fetched.next}:"
            f" they have up to {fetched.highest}"
        )

    @contextmanager
    def _progress(self) -> Iterator[Any]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(file=sys.stderr)
        first = self._start.position.height
        with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("blocks", total=None)

            def show(fetched: Fetched) -> None:
                last = self._order.last or fetched.highest - 1
                bar.update(
                    task,
                    description=f"{len(fetched.peers)} peers",
                    completed=fetched.next - first,
                    total=max(0, last - first + 1) or None,
                )

            yield show


class _Stop:
    """Whether a signal has come."""

    def __init__(self) -> None:
        self.number = 0
        self._event = threading.Event()

    def set(self, number: int) -> None:
        self.number = number
        self._event.set()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)


@contextmanager
def _signals() -> Iterator[_Stop]:
    """Note signals instead of ending by them: a block that is being written is written."""
    stop = _Stop()
    before = {}
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup, for instance
            before[number] = signal.signal(number, lambda got, _frame: stop.set(got))
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _addresses(flag: str, text: str | None) -> list[str]:
    found = [part.strip() for part in (text or "").split(",") if part.strip()]
    for address in found:
        try:
            NetAddress.parse(
                address, lambda _name: ["192.0.2.1"]
            )  # names are looked up when they are dialled
        except AddressError as error:
            raise MistakeError(f"{flag}: {error}") from error
    return found


def _open_file(path: Path, first: int, *, is_folder: bool) -> BlockStore:
    if not path.parent.is_dir():
        raise MistakeError(f"--output: found {str(path)!r}, and {path.parent} is no directory")
    try:
        file = open_store(path, is_folder=is_folder)
    except BlockFileError as error:
        raise MistakeError(f"--output: {error}") from error
    except OSError as error:
        raise MistakeError(f"--output: {path}: {error.strerror or error}") from error
    if file.heights and file.heights[0] != first:
        raise MistakeError(
            f"--output: {path} begins with block {file.heights[0]}, and --from is {first}: give another file, or --from"
            f" {file.heights[0]}"
        )
    if file.cut_bytes:
        warn(f"{path}: {file.cut_bytes} bytes at its end were no whole block, and are cut off")
    return file


def _close(file: BlockStore) -> None:
    try:
        file.close()
    except OSError as error:
        raise FailureError(f"{file.path} cannot be written: {error.strerror or error}") from error
