"""Who is beside the chaos in a soak: hostile peers, one case after the other, and a look at every process now and then."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.chaos.chaos_node import ChaosNode
from tests.hostile.case import Group, Outcome
from tests.hostile.suite import GROUPS
from tests.hostile.trial import Trials
from tests.soak.slopes import MEBIBYTE, Slopes

__all__ = ["Company"]

AT_ONCE = 8
PATIENCE_S = 40.0  # for the end of a connection: the node gives up a handshake after 20 s
LOOK_S = 5.0
MOST_MIB = 1.0  # of growth in ten minutes


class _Where:
    """Where the node listens, whether it is up or not."""

    def __init__(self, node: ChaosNode) -> None:
        host, _, port = node.address.partition("@")[2].rpartition(":")
        self.host, self.port = host, int(port)

    def dial(self, address: str) -> None:
        """It is not asked to."""
        raise NotImplementedError(address)


class Company:
    """A context manager, around the time in which the node is harmed. Args: samples, a file for all that was seen."""

    def __init__(self, node: ChaosNode, samples: Path) -> None:
        self._node, self._samples = node, samples
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._visit), threading.Thread(target=self._watch)]
        self._outcomes: Counter[str] = Counter()
        self._lenient: list[str] = []
        self._memory, self._descriptors = Slopes(), Slopes()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def lines(self) -> Iterator[str]:
        """What was seen, for people to read."""
        yield f"{self._outcomes.total()} hostile connections: " + ", ".join(
            f"{count} {outcome}" for outcome, count in sorted(self._outcomes.items())
        )
        descriptors = self._descriptors.found()
        for name, slope in self._memory.found().items():
            yield (
                f"  {name:14} {slope.per_period / MEBIBYTE:+.2f} MiB and {descriptors[name].per_period:+.1f} descriptors "
                f"in 10 min (over {slope.seconds / 60:.0f} min in {slope.lives} lives)"
            )

    def violations(self) -> Iterator[str]:
        """What must not be, a line each."""
        yield from self._lenient
        for name, slope in self._memory.found().items():
            growth = slope.per_period / MEBIBYTE
            if slope.is_telling and growth > MOST_MIB:
                yield f"{name}: {growth:+.2f} MiB in 10 min, at most {MOST_MIB:g} is allowed"

    def _visit(self) -> None:
        """All cases, in their order, again and again."""
        trials = Trials(_Where(self._node), PATIENCE_S)
        while not self._stop.is_set():
            for group in GROUPS:
                for some in _slices(group):
                    if self._stop.is_set():
                        return
                    for finding in trials.run(some, at_once=AT_ONCE):
                        self._outcomes[finding.outcome.value] += 1
                        if finding.outcome is Outcome.SERVED and finding.case.must == {Outcome.ENDED}:
                            self._lenient.append(f"served: {finding}")

    def _watch(self) -> None:
        with self._samples.open("w") as file:
            while not self._stop.wait(LOOK_S):
                now = time.monotonic()
                for pid, name in self._node.processes().items():
                    with contextlib.suppress(psutil.Error):
                        process = psutil.Process(pid)
                        resident, descriptors = process.memory_info().rss, process.num_fds()
                        self._memory.add(now, name, pid, resident)
                        self._descriptors.add(now, name, pid, descriptors)
                        print(
                            json.dumps([round(now, 1), name, pid, resident, descriptors]),
                            file=file,
                            flush=True,
                        )


def _slices(group: Group) -> Iterator[Group]:
    """A few cases at a time, for whoever waits for the end; those in which the node dials are left out."""
    cases = [case for case in group.cases if not case.is_dialled]
    for at in range(0, len(cases), AT_ONCE):
        some = Group(group.name)
        some.cases += cases[at : at + AT_ONCE]
        yield some
