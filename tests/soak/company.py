"""Who is beside the chaos in a soak: hostile peers, one case after the other, and a look at every process now and then."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from peerage.conformance import liveness, pex_answers
from peerage.conformance.case import Case, Group, Outcome
from tests.chaos.chaos_node import ChaosNode
from tests.hostile import messages
from tests.hostile.suite import GROUPS
from tests.hostile.trial import Trials
from tests.soak.slopes import MEBIBYTE, Slopes

__all__ = ["Company"]

AT_ONCE = 16
PATIENCE_S = 40.0  # for the end of a connection: the node gives up a handshake after 20 s
LOOK_S = 5.0
OF_REACTORS = (messages.GROUP, pex_answers.GROUP)  # which may be down: what comes for them then is lost
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
        self._threads = [threading.Thread(target=self._visit) for _ in range(AT_ONCE)]
        self._threads.append(threading.Thread(target=self._watch))
        self._lock = threading.Lock()
        self._trials = Trials(_Where(node), PATIENCE_S)
        self._cases = _all_cases()
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
        """The next case, until it is over."""
        while not self._stop.is_set():
            with self._lock:
                group, case = next(self._cases)
            finding = self._trials.attempt(group, case)
            with self._lock:
                self._outcomes[finding.outcome.value] += 1
                is_lenient = finding.outcome is Outcome.SERVED and case.must == {Outcome.ENDED}
                if is_lenient and group not in OF_REACTORS:
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


def _all_cases() -> Iterator[tuple[Group, Case]]:
    """Again and again; but for those in which the node dials, and those that need quick pings."""
    groups = [group for group in GROUPS if group is not liveness.GROUP]
    return itertools.cycle([(group, case) for group in groups for case in group.cases if not case.is_dialled])
