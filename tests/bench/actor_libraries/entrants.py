"""The libraries, each as a caller and an actor that echoes. An entrant runs in a process of its own.

Between two processes: bare pyzmq, peerage, xoscar, Thespian, Ray, and atomr over its TCP transport, whose Python face has
tells only, so that an ask is a tell there and a tell back. In one process: peerage's actor on a thread, Pykka, and atomr.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from socket import socket
from typing import Any, Protocol

from peerage.actors.runtime import THREAD, ActorRef, ProcessActor, System
from tests.bench.actor_libraries.figures import LARGE, PAYLOAD, rate
from tests.bench.bare_pair import BarePair, measure_each

TIMEOUT_S = 120.0  # of one ask: a thousand may wait before it


class Pair(Protocol):
    """A caller and its actor. `Figures` says what is measured; None: the library has no such thing."""

    def asks(self, payload: bytes, count: int) -> list[float]:
        """Returns: seconds of each round trip."""

    def tells(self, count: int) -> float:
        """Returns: messages a second."""

    def fan_out(self, count: int) -> float | None:
        """Returns: asks a second."""


class Bare(BarePair):
    def asks(self, payload: bytes, count: int) -> list[float]:
        return self.round_trips(payload, count)

    def tells(self, count: int) -> float:
        return self.one_way(PAYLOAD, count)

    def fan_out(self, count: int) -> None:
        """Nothing would match answers to questions."""


class Echo(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Peerage:
    def __init__(self, ref: ActorRef[Echo]) -> None:
        self._ref = ref

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._ref.ask(payload), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._ref.tell(PAYLOAD)
            self._ref.ask(None)

        return rate(tell, count)

    def tells_many(self, count: int) -> float:
        def tell() -> None:
            self._ref.tell_many([PAYLOAD] * count)
            self._ref.ask(None)

        return rate(tell, count)

    def fan_out(self, count: int) -> float:
        def ask() -> None:
            for answer in [self._ref.ask(PAYLOAD, block=False) for _ in range(count)]:
                answer.get()

        return rate(ask, count)


@contextmanager
def peerage_pair() -> Iterator[Peerage]:
    with System():
        yield Peerage(Echo.start())


@contextmanager
def peerage_thread() -> Iterator[Peerage]:
    with System():
        yield Peerage(Echo.options(place=THREAD).start())


class Xoscar:
    """Its loop runs while it has its turn."""

    def __init__(self, runner: asyncio.Runner, ref: Any) -> None:
        self._runner, self._ref = runner, ref

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._runner.run(self._echo(payload)), count)

    def tells(self, count: int) -> float:
        async def tell() -> None:
            for _ in range(count):
                await self._ref.echo.tell(PAYLOAD)
            await self._ref.echo(PAYLOAD)

        return rate(lambda: self._runner.run(tell()), count)

    def fan_out(self, count: int) -> float:
        async def ask() -> None:
            await asyncio.gather(*(self._ref.echo(PAYLOAD) for _ in range(count)))

        return rate(lambda: self._runner.run(ask()), count)

    async def _echo(self, payload: bytes) -> None:
        await self._ref.echo(payload)


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

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._ask(payload), count)

    def tells(self, count: int) -> float:
        text = PAYLOAD.decode()

        def tell() -> None:
            for _ in range(count):
                self._system.tell(self._actor, text)
            self._ask(PAYLOAD)

        return rate(tell, count)

    def fan_out(self, count: int) -> None:
        """A caller has one ask at a time."""

    def _ask(self, payload: bytes) -> None:
        if self._system.ask(self._actor, payload, TIMEOUT_S) != payload:
            raise TimeoutError(f"Thespian's actor has not answered within {TIMEOUT_S:g} s")


@contextmanager
def thespian_pair() -> Iterator[Thespian]:
    from thespian.actors import ActorSystem

    from tests.bench.actor_libraries.thespian_echo import ThespianEcho

    system = ActorSystem("multiprocTCPBase", capabilities={"Admin Port": _free_port()})
    try:
        yield Thespian(system, system.createActor(ThespianEcho))
    finally:
        system.shutdown()


class RayEcho:
    def echo(self, message: bytes) -> bytes:
        return message

    def note(self, _message: bytes) -> None:
        """Told, not asked: the caller does not look at the outcome."""


class Ray:
    def __init__(self, get: Callable[[Any], Any], actor: Any) -> None:
        self._get, self._actor = get, actor

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._get(self._actor.echo.remote(payload)), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._actor.note.remote(PAYLOAD)
            self._get(self._actor.echo.remote(PAYLOAD))

        return rate(tell, count)

    def fan_out(self, count: int) -> float:
        def ask() -> None:
            self._get([self._actor.echo.remote(PAYLOAD) for _ in range(count)])

        return rate(ask, count)


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


class Pykka:
    def __init__(self, ref: Any) -> None:
        self._ref = ref

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._ref.ask(payload), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._ref.tell(PAYLOAD)
            self._ref.ask(PAYLOAD)

        return rate(tell, count)

    def fan_out(self, count: int) -> float:
        def ask() -> None:
            for answer in [self._ref.ask(PAYLOAD, block=False) for _ in range(count)]:
                answer.get()

        return rate(ask, count)


@contextmanager
def pykka_pair() -> Iterator[Pykka]:
    import pykka

    class PykkaEcho(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> Any:
            return message

    ref = PykkaEcho.start()
    try:
        yield Pykka(ref)
    finally:
        ref.stop()


class Atomr:
    """Its actor runs on a thread of this process."""

    def __init__(self, ref: Any) -> None:
        self._ref = ref

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._ref.ask_blocking(payload, timeout=TIMEOUT_S), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._ref.tell(PAYLOAD)
            self._ref.ask_blocking(PAYLOAD, timeout=TIMEOUT_S)

        return rate(tell, count)

    def fan_out(self, count: int) -> float:
        async def ask() -> None:
            await asyncio.gather(*(self._ref.ask(PAYLOAD, TIMEOUT_S) for _ in range(count)))

        return rate(lambda: asyncio.run(ask()), count)


@contextmanager
def atomr_pair() -> Iterator[Atomr]:
    import atomr
    from atomr.system import props

    class AtomrEcho(atomr.Actor):  # type: ignore[misc]  # an untyped library
        async def handle(self, _context: Any, message: bytes) -> bytes:
            return message

    system = atomr.ActorSystem.create_blocking("bench")
    try:
        yield Atomr(system.actor_of(props(AtomrEcho), "echo"))
    finally:
        system.terminate_blocking()


@dataclass(frozen=True, slots=True)
class Letter:
    """What atomr's codec carries between processes."""

    body: bytes


class AtomrRemote:
    """Its actor is in another process; both have a cluster transport on loopback."""

    def __init__(self, tell: Callable[[bytes], object], answers: threading.Semaphore) -> None:
        self._tell, self._answers = tell, answers

    def asks(self, payload: bytes, count: int) -> list[float]:
        return measure_each(lambda: self._ask(payload), count)

    def tells(self, count: int) -> float:
        def tell() -> None:
            for _ in range(count):
                self._tell(b"-" + PAYLOAD)
            self._ask(PAYLOAD)

        return rate(tell, count)

    def fan_out(self, count: int) -> float:
        def ask() -> None:
            for _ in range(count):
                self._tell(PAYLOAD)
            for _ in range(count):
                self._wait()

        return rate(ask, count)

    def _ask(self, payload: bytes) -> None:
        self._tell(payload)
        self._wait()

    def _wait(self) -> None:
        if not self._answers.acquire(timeout=TIMEOUT_S):
            raise TimeoutError(f"atomr's actor has not answered within {TIMEOUT_S:g} s")


@contextmanager
def atomr_remote() -> Iterator[AtomrRemote]:
    answers = threading.Semaphore(0)
    with _atomr_end("caller", lambda _tell, _body: answers.release()) as (here, tell_to):
        command = [sys.executable, "-m", "tests.bench.actor_libraries", "--atomr-end", here]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            there = other.stdout.readline().strip()
            tell = tell_to(there)
            while not answers.acquire(timeout=0.2):  # what is sent before both have connected is lost
                tell(PAYLOAD)
            while answers.acquire(timeout=0.5):
                pass
            yield AtomrRemote(tell, answers)
            other.stdin.close()


def atomr_echo(caller: str) -> None:
    """Be the other process: echo to the caller whatever does not begin with a dash, until stdin ends."""

    def on_letter(tell_to: Callable[[str], Callable[[bytes], object]], body: bytes) -> None:
        if body[:1] != b"-":
            tell_to(caller)(body)

    with _atomr_end("echo", on_letter) as (here, _tell_to):
        print(here, flush=True)
        sys.stdin.read()


@contextmanager
def _atomr_end(name: str, on_letter: Callable[[Any, bytes], object]) -> Iterator[tuple[str, Any]]:
    import atomr
    from atomr.cluster import Cluster
    from atomr.system import props

    class End(atomr.Actor):  # type: ignore[misc]  # an untyped library
        async def handle(self, _context: Any, letter: Letter) -> None:
            on_letter(tell_to, letter.body)

    targets: dict[str, Any] = {}

    def tell_to(path: str) -> Callable[[bytes], object]:
        if path not in targets:
            targets[path] = ref.with_path(path)
        return lambda body: system.tell_remote(targets[path], Letter(body))

    system = atomr.ActorSystem.create_blocking(name)
    try:
        cluster = Cluster.with_tcp_transport(system, "127.0.0.1:0")
        manifest = f"{Letter.__module__}.{Letter.__qualname__}"
        system.register_codec("letter", lambda letter: letter.body, Letter, manifests=[manifest])
        ref = system.actor_of(props(End), "end")
        yield f"{cluster.self_address}/user/end", tell_to
    finally:
        system.terminate_blocking()


@dataclass(frozen=True, slots=True)
class Library:
    """What is measured, what must be installed for it, what it isolates, and how much it does in a turn.

    Args:
        module: to be imported.
        distribution: whose version is shown.
        pair: makes caller and actor.
        isolates: what of an actor's end or fault does not reach the caller.
        asks, tells, fan_out, large: how many of each in a turn. 0: it has no such thing (atomr over TCP never delivers
            a message of 50 MB).
    """

    module: str
    distribution: str
    pair: Callable[[], AbstractContextManager[Pair]]
    isolates: str
    asks: int
    tells: int
    fan_out: int
    large: int


PROCESS, NOTHING = "process: memory, GIL, crash", "exceptions"
BETWEEN = {
    "bare": Library("zmq", "pyzmq", Bare, "process (no actors)", 500, 50_000, 0, 5),
    "peerage": Library("peerage", "peerage", peerage_pair, f"{PROCESS}; supervised", 500, 50_000, 100_000, 5),
    "xoscar": Library("xoscar", "xoscar", xoscar_pair, PROCESS, 300, 2_000, 20_000, 5),
    "Thespian": Library("thespian", "thespian", thespian_pair, PROCESS, 100, 500, 0, 2),
    "Ray": Library("ray", "ray", ray_pair, PROCESS, 200, 1_000, 5_000, 5),
    "atomr TCP": Library("atomr", "atomr", atomr_remote, PROCESS, 200, 1_000, 1_000, 0),
}
WITHIN = {
    "peerage thread": Library(
        "peerage", "peerage", peerage_thread, f"{NOTHING}; supervised", 500, 50_000, 20_000, 20
    ),
    "Pykka": Library("pykka", "pykka", pykka_pair, NOTHING, 500, 50_000, 20_000, 20),
    "atomr": Library("atomr", "atomr", atomr_pair, f"{NOTHING}; supervised", 300, 1_000, 1_000, 20),
}
LIBRARIES = BETWEEN | WITHIN


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


__all__ = ["BETWEEN", "LARGE", "LIBRARIES", "WITHIN", "Library", "Pair", "Peerage", "atomr_echo"]
