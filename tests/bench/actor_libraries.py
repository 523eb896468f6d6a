"""Messages between two processes, by actor libraries side by side: `python -m tests.bench.actor_libraries [--rounds 5]`.

Payload 100 bytes. An *ask* is a round trip, one at a time; *tell* is as many messages as fast as they go, until the actor
has had the last one; *tell_many* the same, handed over all at once. Bare is pyzmq: a PUSH and a PULL each way over ipc,
blocking, no pickling. Each round measures every library once, one after the other, each in processes of its own that end
before the next begins. Figures are medians over the rounds; ratios are taken within a round.

The others come with `pip install 'peerage[bench]'`; one that is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from peerage.actors.runtime import ProcessActor, System
from tests.bench.bare_pair import BarePair, measure_each

PAYLOAD = b"x" * 100
WARM_UP = 200
TIMEOUT_S = 120.0  # for one library in one round
LIBRARIES = {  # what is measured → what must be installed
    "bare": "zmq",
    "peerage": "peerage",
    "xoscar": "xoscar",
    "Thespian": "thespian",
    "Ray": "ray",
}
# Nothing leaves this machine, nothing is written to the user's home.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one library in one round: microseconds (median of the round trips), messages a second."""

    ask: float
    tell: float
    tell_many: float | None = None


# --- the entrants: each runs in a process of its own ------------------------------------------------------------------


def measure_bare() -> Figures:
    with BarePair() as pair:
        pair.round_trips(PAYLOAD, WARM_UP)
        trips = pair.round_trips(PAYLOAD, 3000)
        return Figures(_median_us(trips), pair.one_way(PAYLOAD, 100_000))


class Echo(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message


def measure_peerage() -> Figures:
    messages = 100_000
    with System():
        ref = Echo.start()

        def tell() -> None:
            for _ in range(messages):
                ref.tell(PAYLOAD)
            ref.ask(None)

        def tell_many() -> None:
            ref.tell_many([PAYLOAD] * messages)
            ref.ask(None)

        measure_each(lambda: ref.ask(PAYLOAD), WARM_UP)
        trips = measure_each(lambda: ref.ask(PAYLOAD), 3000)
        return Figures(_median_us(trips), _rate(tell, messages), _rate(tell_many, messages))


def measure_xoscar() -> Figures:
    import xoscar

    messages = 10_000

    class XoscarEcho(xoscar.Actor):  # type: ignore[misc]  # an untyped library
        async def echo(self, message: bytes) -> bytes:
            return message

    async def measure() -> Figures:
        pool = await xoscar.create_actor_pool(f"127.0.0.1:{_free_port()}", n_process=1)
        async with pool:
            strategy = xoscar.allocate_strategy.ProcessIndex(1)  # not the caller's process
            ref = await xoscar.create_actor(
                XoscarEcho, address=pool.external_address, allocate_strategy=strategy
            )
            trips: list[float] = []
            for number in range(WARM_UP + 2000):
                begun = time.perf_counter()
                await ref.echo(PAYLOAD)
                if number >= WARM_UP:
                    trips.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            for _ in range(messages):
                await ref.echo.tell(PAYLOAD)
            await ref.echo(PAYLOAD)
            return Figures(_median_us(trips), messages / (time.perf_counter() - begun))

    return asyncio.run(measure())


def measure_thespian() -> Figures:
    from thespian.actors import ActorSystem

    from tests.bench.thespian_echo import ThespianEcho

    messages = 5_000

    system = ActorSystem("multiprocTCPBase", capabilities={"Admin Port": _free_port()})
    try:
        actor = system.createActor(ThespianEcho)
        measure_each(lambda: system.ask(actor, PAYLOAD, 10), WARM_UP)
        trips = measure_each(lambda: system.ask(actor, PAYLOAD, 10), 1000)
        text = PAYLOAD.decode()

        def tell() -> None:
            for _ in range(messages):
                system.tell(actor, text)
            if system.ask(actor, PAYLOAD, 60) != PAYLOAD:
                raise TimeoutError("Thespian's actor has not answered within 60 s")

        return Figures(_median_us(trips), _rate(tell, messages))
    finally:
        system.shutdown()


def measure_ray() -> Figures:
    import ray

    messages = 5_000

    class RayEcho:
        def echo(self, message: bytes) -> bytes:
            return message

        def note(self, _message: bytes) -> None:
            """Told, not asked: whoever calls does not look at the outcome."""

    with tempfile.TemporaryDirectory(prefix="ray-") as directory:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            _temp_dir=directory,
            _node_ip_address="127.0.0.1",
            log_to_driver=False,
        )
        try:
            actor = ray.remote(num_cpus=1)(RayEcho).remote()
            measure_each(lambda: ray.get(actor.echo.remote(PAYLOAD)), WARM_UP)
            trips = measure_each(lambda: ray.get(actor.echo.remote(PAYLOAD)), 1000)

            def tell() -> None:
                for _ in range(messages):
                    actor.note.remote(PAYLOAD)
                ray.get(actor.echo.remote(PAYLOAD))

            return Figures(_median_us(trips), _rate(tell, messages))
        finally:
            ray.shutdown()


ENTRANTS: dict[str, Callable[[], Figures]] = {
    "bare": measure_bare,
    "peerage": measure_peerage,
    "xoscar": measure_xoscar,
    "Thespian": measure_thespian,
    "Ray": measure_ray,
}


def _median_us(times: list[float]) -> float:
    return statistics.median(times) * 1e6


def _rate(send_all: Callable[[], None], messages: int) -> float:
    begun = time.perf_counter()
    send_all()
    return messages / (time.perf_counter() - begun)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- the race ---------------------------------------------------------------------------------------------------------


def run_entrant(name: str) -> Figures:
    """Measure one library in a process of its own; nothing of it is left behind.

    Raises: RuntimeError with the end of what it said, when it fails or takes too long.
    """
    with tempfile.TemporaryDirectory() as directory:
        figures = Path(directory) / "figures"
        log = Path(directory) / "log"
        environment = {**os.environ, **QUIET, "THESPLOG_FILE": f"{directory}/thespian"}
        with log.open("wb") as output:
            entrant = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.actor_libraries", "--entrant", name, str(figures)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
            try:
                code: int | str = entrant.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                code = f"none within {TIMEOUT_S:g} s"
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(entrant.pid, signal.SIGKILL)
                entrant.wait()
        if code != 0 or not figures.exists():
            raise RuntimeError(f"{name}: exit code {code}\n{log.read_text(errors='replace')[-2000:]}")
        return Figures(**json.loads(figures.read_text()))


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
    for name, module in LIBRARIES.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name}: {module} is not installed, left out; pip install 'peerage[bench]'")
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
        many = [each[name].tell_many for each in rounds]
        figures.add_row(
            name,
            version("pyzmq" if name == "bare" else name),
            f"{statistics.median(each[name].ask for each in rounds):,.0f}",
            f"{statistics.median(each[name].tell for each in rounds):,.0f}",
            f"{statistics.median(m for m in many if m is not None):,.0f}" if many[0] is not None else "",
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
    parser.add_argument("--entrant", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.entrant:
        name, file = options.entrant
        Path(file).write_text(json.dumps(asdict(ENTRANTS[name]())))
        return 0
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    names = installed()
    rounds: list[dict[str, Figures]] = []
    try:
        for number in range(options.rounds):
            rounds.append({name: run_entrant(name) for name in names})
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
