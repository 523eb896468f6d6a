"""Messages between two processes, by actor libraries side by side: `python -m tests.bench.actor_libraries [--rounds 5]`.

Payload 100 bytes. An *ask* is a round trip, one at a time; *tell* is as many messages as fast as they go, until the actor
has had the last one; *tell_many* the same, handed over all at once. Bare is pyzmq: a PUSH and a PULL each way over ipc,
blocking, no pickling. Every library has processes of its own, which wait while others have their turn. A round is some
short turns of each, one after the other, so that a machine whose speed drifts does so for all; figures are medians over
the rounds, ratios are taken within a round.

The others come with `pip install -e '.[bench]'`; one that is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import platform
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.table import Table

from peerage.actors.runtime import ActorRef, ProcessActor, System
from tests.bench.bare_pair import BarePair, measure_each

PAYLOAD = b"x" * 100
WARM_UP = 200  # asks
TURNS = 4  # of each library in a round
START_S = 60.0  # for a library to be ready
TURN_S = 60.0
# Nothing leaves this machine, nothing is written to the user's home.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one library in one turn, or the medians of several: microseconds of an ask, messages a second."""

    ask: float
    tell: float
    tell_many: float | None = None


# --- the entrants: each runs in a process of its own ------------------------------------------------------------------


class Pair(Protocol):
    """A caller and an actor in another process."""

    def asks(self, count: int) -> list[float]:
        """Returns: seconds of each."""

    def tells(self, count: int) -> float:
        """Returns: messages a second."""


class Bare(BarePair):
    def asks(self, count: int) -> list[float]:
        return self.round_trips(PAYLOAD, count)

    def tells(self, count: int) -> float:
        return self.one_way(PAYLOAD, count)


class Echo(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Peerage:
    def __init__(self, ref: ActorRef[Echo]) -> None:
        self._ref = ref

    def asks(self, count: int) -> list[float]:
        return measure_each(lambda: self._ref.ask(PAYLOAD), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._ref.tell(PAYLOAD)
            self._ref.ask(None)

        return _rate(tell, count)

    def tells_many(self, count: int) -> float:
        def tell() -> None:
            self._ref.tell_many([PAYLOAD] * count)
            self._ref.ask(None)

        return _rate(tell, count)


@contextmanager
def peerage_pair() -> Iterator[Peerage]:
    with System():
        yield Peerage(Echo.start())


class Xoscar:
    """Its loop runs while it has its turn."""

    def __init__(self, runner: asyncio.Runner, ref: Any) -> None:
        self._runner, self._ref = runner, ref

    def asks(self, count: int) -> list[float]:
        async def ask() -> list[float]:
            times = []
            for _ in range(count):
                begun = time.perf_counter()
                await self._ref.echo(PAYLOAD)
                times.append(time.perf_counter() - begun)
            return times

        return self._runner.run(ask())

    def tells(self, count: int) -> float:
        async def tell() -> None:
            for _ in range(count):
                await self._ref.echo.tell(PAYLOAD)
            await self._ref.echo(PAYLOAD)

        return _rate(lambda: self._runner.run(tell()), count)


@contextmanager
def xoscar_pair() -> Iterator[Xoscar]:
    import xoscar

    class XoscarEcho(xoscar.Actor):  # type: ignore[misc]  # an untyped library
        async def echo(self, message: bytes) -> bytes:
            return message

    async def start() -> tuple[Any, Any]:
        pool = await xoscar.create_actor_pool(f"127.0.0.1:{_free_port()}", n_process=1)
        strategy = xoscar.allocate_strategy.ProcessIndex(1)  # not the caller's process
        address = pool.external_address
        return pool, await xoscar.create_actor(XoscarEcho, address=address, allocate_strategy=strategy)

    with asyncio.Runner() as runner:
        pool, ref = runner.run(start())
        try:
            yield Xoscar(runner, ref)
        finally:
            runner.run(pool.stop())


class Thespian:
    def __init__(self, system: Any, actor: Any) -> None:
        self._system, self._actor = system, actor

    def asks(self, count: int) -> list[float]:
        return measure_each(lambda: self._ask(10), count)

    def tells(self, count: int) -> float:
        text = PAYLOAD.decode()

        def tell() -> None:
            for _ in range(count):
                self._system.tell(self._actor, text)
            self._ask(TURN_S)

        return _rate(tell, count)

    def _ask(self, timeout: float) -> None:
        if self._system.ask(self._actor, PAYLOAD, timeout) != PAYLOAD:
            raise TimeoutError(f"Thespian's actor has not answered within {timeout:g} s")


@contextmanager
def thespian_pair() -> Iterator[Thespian]:
    from thespian.actors import ActorSystem

    from tests.bench.thespian_echo import ThespianEcho

    system = ActorSystem("multiprocTCPBase", capabilities={"Admin Port": _free_port()})
    try:
        yield Thespian(system, system.createActor(ThespianEcho))
    finally:
        system.shutdown()


class RayEcho:
    def echo(self, message: bytes) -> bytes:
        return message

    def note(self, _message: bytes) -> None:
        """Told, not asked: whoever calls does not look at the outcome."""


class Ray:
    def __init__(self, get: Callable[[Any], Any], actor: Any) -> None:
        self._get, self._actor = get, actor

    def asks(self, count: int) -> list[float]:
        return measure_each(lambda: self._get(self._actor.echo.remote(PAYLOAD)), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._actor.note.remote(PAYLOAD)
            self._get(self._actor.echo.remote(PAYLOAD))

        return _rate(tell, count)


@contextmanager
def ray_pair() -> Iterator[Ray]:
    import ray

    with tempfile.TemporaryDirectory(prefix="ray-") as directory:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            _temp_dir=directory,
            _node_ip_address="127.0.0.1",
            log_to_driver=False,
        )
        try:
            yield Ray(ray.get, ray.remote(num_cpus=1)(RayEcho).remote())
        finally:
            ray.shutdown()


@dataclass(frozen=True, slots=True)
class Library:
    """What is measured, what must be installed for it, and how much it does in a turn."""

    module: str
    pair: Callable[[], AbstractContextManager[Pair]]
    asks: int
    tells: int


LIBRARIES = {
    "bare": Library("zmq", Bare, 500, 50_000),
    "peerage": Library("peerage", peerage_pair, 500, 50_000),
    "xoscar": Library("xoscar", xoscar_pair, 300, 2_000),
    "Thespian": Library("thespian", thespian_pair, 100, 500),
    "Ray": Library("ray", ray_pair, 200, 1_000),
}


def _rate(send_all: Callable[[], None], messages: int) -> float:
    begun = time.perf_counter()
    send_all()
    return messages / (time.perf_counter() - begun)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def enter(name: str) -> None:
    """Be an entrant: a line comes for each turn, a line of figures answers it."""
    library = LIBRARIES[name]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # some of them print
    with library.pair() as pair:
        pair.asks(WARM_UP)
        pair.tells(library.tells)
        print("ready", file=answers)
        for _line in sys.stdin:
            ask = statistics.median(pair.asks(library.asks)) * 1e6
            many = pair.tells_many(library.tells) if isinstance(pair, Peerage) else None
            print(json.dumps(asdict(Figures(ask, pair.tells(library.tells), many))), file=answers)


# --- the race ---------------------------------------------------------------------------------------------------------


class Entrant:
    """A library in a session of its own: nothing of it is left behind.

    Raises (from `take_turn`, and when it does not become ready): RuntimeError with the end of what it said.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._directory = tempfile.TemporaryDirectory()
        self._log = Path(self._directory.name) / "log"
        environment = {**os.environ, **QUIET, "THESPLOG_FILE": f"{self._directory.name}/thespian"}
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.actor_libraries", "--entrant", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        with contextlib.suppress(OSError):
            self._popen.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(TURN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._popen.stdout.close()
        self._directory.cleanup()

    def wait_until_ready(self) -> None:
        self._line(START_S)

    def take_turn(self) -> Figures:
        assert self._popen.stdin is not None
        self._popen.stdin.write("turn\n")
        self._popen.stdin.flush()
        return Figures(**json.loads(self._line(TURN_S)))

    def _line(self, timeout: float) -> str:
        stdout = self._popen.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], timeout)
        line = stdout.readline() if ready else ""
        if not line:
            said = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self._name}: no figures within {timeout:g} s\n{said}")
        return line


def race(entrants: dict[str, Entrant]) -> dict[str, Figures]:
    """One round: each library has its turns between the others'."""
    turns: dict[str, list[Figures]] = {name: [] for name in entrants}
    for _ in range(TURNS):
        for name, entrant in entrants.items():
            turns[name].append(entrant.take_turn())
    return {name: _medians(each) for name, each in turns.items()}


def _medians(figures: list[Figures]) -> Figures:
    many = [each.tell_many for each in figures if each.tell_many is not None]
    return Figures(
        statistics.median(each.ask for each in figures),
        statistics.median(each.tell for each in figures),
        statistics.median(many) if many else None,
    )


@dataclass(frozen=True, slots=True)
class Floor:
    """What is asked of one ratio: `figure` of `above` ÷ `figure` of `below`, at most or at least so much."""

    text: str
    ratio: Callable[[dict[str, Figures]], float]
    needs: str
    asked: float
    aim: float | None = None
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A ratio over the rounds."""

    text: str
    median: float
    min: float
    max: float
    asked: float
    aim: float | None
    is_met: bool


FLOORS = (
    Floor("ask: peerage ÷ bare", lambda r: r["peerage"].ask / r["bare"].ask, "bare", 2.0, 1.4, at_most=True),
    Floor("ask: xoscar ÷ peerage", lambda r: r["xoscar"].ask / r["peerage"].ask, "xoscar", 2.0, 3.0),
    Floor("ask: Thespian ÷ peerage", lambda r: r["Thespian"].ask / r["peerage"].ask, "Thespian", 5.0),
    Floor("ask: Ray ÷ peerage", lambda r: r["Ray"].ask / r["peerage"].ask, "Ray", 4.0),
    Floor("tell: peerage ÷ bare", lambda r: r["peerage"].tell / r["bare"].tell, "bare", 0.5),
    Floor("tell_many ÷ tell", lambda r: (r["peerage"].tell_many or 0.0) / r["peerage"].tell, "peerage", 3.0),
)


def judge(floor: Floor, rounds: list[dict[str, Figures]]) -> Outcome:
    ratios = [floor.ratio(each) for each in rounds]
    median = statistics.median(ratios)
    is_met = median <= floor.asked if floor.at_most else median >= floor.asked
    return Outcome(floor.text, median, min(ratios), max(ratios), floor.asked, floor.aim, is_met)


def installed() -> list[str]:
    """The libraries that can be measured; one clear line for each that cannot."""
    found = []
    for name, library in LIBRARIES.items():
        if importlib.util.find_spec(library.module) is None:
            print(f"{name}: {library.module} is not installed, left out; pip install -e '.[bench]'")
        else:
            found.append(name)
    return found


def show(rounds: list[dict[str, Figures]], outcomes: list[Outcome]) -> None:
    """Print both tables."""
    figures = Table(
        title=f"medians of {len(rounds)} rounds, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, pyzmq {version('pyzmq')}"
    )
    for column in ("library", "version", "ask, µs", "tell, messages/s", "tell_many, messages/s"):
        figures.add_column(column)
    for name in rounds[0]:
        medians = _medians([each[name] for each in rounds])
        figures.add_row(
            name,
            version("pyzmq" if name == "bare" else name),
            f"{medians.ask:,.0f}",
            f"{medians.tell:,.0f}",
            f"{medians.tell_many:,.0f}" if medians.tell_many is not None else "",
        )
    ratios = Table(title="ratios within a round")
    for column in ("", "median", "least", "largest", "asked", "aim", ""):
        ratios.add_column(column)
    for floor, each in zip((f for f in FLOORS if f.needs in rounds[0]), outcomes, strict=True):
        sign = "≤" if floor.at_most else "≥"
        ratios.add_row(
            each.text,
            *(f"{value:.2f}" for value in (each.median, each.min, each.max)),
            f"{sign} {each.asked:g}",
            "" if each.aim is None else f"{sign} {each.aim:g}",
            "met" if each.is_met else "not met",
        )
    console = Console()
    console.print(figures)
    console.print(ratios)


def main() -> int:
    """Race, print, judge. Exit code 1 when something asked is not met, or a library fails."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.actor_libraries",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write figures and ratios to this file")
    parser.add_argument("--entrant", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.entrant:
        enter(options.entrant)
        return 0
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    names = installed()
    rounds: list[dict[str, Figures]] = []
    try:
        with contextlib.ExitStack() as stack:
            entrants = {name: stack.enter_context(Entrant(name)) for name in names}
            for entrant in entrants.values():
                entrant.wait_until_ready()
            for number in range(options.rounds):
                rounds.append(race(entrants))
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    outcomes = [judge(floor, rounds) for floor in FLOORS if floor.needs in names]
    show(rounds, outcomes)
    if options.json:
        found = {
            "rounds": [{name: asdict(figures) for name, figures in each.items()} for each in rounds],
            "ratios": [asdict(outcome) for outcome in outcomes],
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(outcome.is_met for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
