"""Nothing is lost unseen: `python -m tests.bench.runtime_losses --messages 1000000 --kills 20 [--seed 1]`.

Numbered messages go to four actors in processes of their own, by `tell` and by `tell_many`; their hosts are killed
at random moments and started again under the same name. Each actor counts what it handles in memory that
outlives it, and looks at the order. At the end, for each actor: sent = handled + reported.

A message in the hand of an actor at the very moment of the kill may have been handled and is reported all the same:
one a kill at most is allowed for, and counted apart.
"""

from __future__ import annotations

import argparse
import mmap
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import structlog

from peerage.actors.runtime import ActorRef, ProcessActor, System, watch
from peerage.actors.runtime.mail.process import current_port

RECEIVERS = 4
BURST = 500  # messages to one actor before the next one has its turn
DOWN_BURSTS = 4  # bursts for a killed actor's name before it is started again


class Tally(ProcessActor):
    """Counts messages, and those out of order, in a mapped file: handled, disordered, last number."""

    def __init__(self, path: str) -> None:
        super().__init__()
        with Path(path).open("r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), 24)).cast("Q")

    def on_receive(self, message: Any) -> Any:
        if message is None:
            return None
        if message <= self.words[2]:
            self.words[1] += 1
        self.words[2] = message
        self.words[0] += 1
        return None


class Run:
    """One run and its figures."""

    def __init__(self, directory: str, messages: int, kills: int, seed: int) -> None:
        self.names = [f"tally-{number}" for number in range(RECEIVERS)]
        self.paths = {name: f"{directory}/{name}" for name in self.names}
        for path in self.paths.values():
            Path(path).write_bytes(bytes(24))
        self.refs = {name: self.start(name) for name in self.names}
        self.sent: Counter[str] = Counter()
        self.reported: Counter[str] = Counter()
        self.down: dict[str, int] = {}
        choose = random.Random(seed)
        self.choose, bursts = choose, messages // BURST
        self.kill_at = set(choose.sample(range(bursts), min(kills, bursts)))
        self.kills = self.kills_due = 0
        self.messages = messages

    def start(self, name: str) -> ActorRef[Tally]:
        return Tally.options(name=name).start(self.paths[name])

    def report(self, target: str, messages: int) -> None:
        self.reported[target.rpartition("/")[2]] += messages

    def go(self) -> None:
        for burst in range(self.messages // BURST):
            name = self.names[burst % RECEIVERS]
            if self.down.get(name, 0) == 1:
                self.refs[name] = self.start(name)
            if name in self.down and (count := self.down.pop(name)) > 1:
                self.down[name] = count - 1
            self.kills_due += burst in self.kill_at
            is_killed = self.kills_due > 0 and name not in self.down
            self.kills_due -= is_killed
            self.send(name, kill_after=self.choose.randrange(BURST) if is_killed else -1)
        for name in self.names:
            if name in self.down:
                self.refs[name] = self.start(name)
            self.refs[name].ask(None, timeout=60)
        port = current_port()
        port.wait(lambda: all(route.window.tells == 0 for route in self.routes()), 10.0)

    def routes(self) -> list[Any]:
        routes = [current_port().route(ref) for ref in self.refs.values()]
        return [route for route in routes if route is not None]

    def send(self, name: str, kill_after: int) -> None:
        ref, first = self.refs[name], self.sent[name] + 1
        numbers = range(first, first + BURST)
        self.sent[name] += BURST
        cut = kill_after if kill_after >= 0 else BURST
        self.tell(ref, numbers[:cut])
        if kill_after >= 0:
            ended = watch(ref)
            ref.kill()
            self.kills += 1
            self.tell(ref, numbers[cut:])
            ended.wait(10.0)
            self.down[name] = DOWN_BURSTS

    def tell(self, ref: ActorRef[Tally], numbers: range) -> None:
        if self.choose.random() < 0.5:
            ref.tell_many(numbers)
        else:
            for number in numbers:
                ref.tell(number)

    def result(self) -> int:
        """Print the figures. Returns: 0 when nothing was lost unseen and the order held."""
        handled: Counter[str] = Counter()
        disordered = lost = in_hand = 0
        for name, path in self.paths.items():
            with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 24, prot=mmap.PROT_READ) as words:
                handled[name], wrong = memoryview(words[:16]).cast("Q")
            disordered += wrong
            difference = handled[name] + self.reported[name] - self.sent[name]
            lost += max(0, -difference)
            in_hand += max(0, difference)
        print(
            f"sent {self.sent.total()} = handled {handled.total()} + reported {self.reported.total()}"
            f" - in hand at a kill {in_hand}; kills {self.kills}; out of order {disordered}; lost unseen {lost}"
        )
        return int(lost > 0 or disordered > 0 or in_hand > self.kills)


def main() -> int:
    """Run once and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with System() as system, tempfile.TemporaryDirectory() as directory:
        run = Run(directory, options.messages, options.kills, options.seed)
        system.on_dead_letter(run.report)
        begun = time.perf_counter()
        run.go()
        seconds = time.perf_counter() - begun
        system.on_dead_letter(None)
        outcome = run.result()
    print(f"{seconds:.1f} s, {run.sent.total() / seconds:.0f} messages/s, kills included")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
