"""Kills of the address book's process while it adds: `python -m tests.actors.book_kills [--kills 200] [--seed N]`.

Each kill is a SIGKILL at a random moment; the process is started again, and the adder waits for it as any actor does. In the
end every acknowledged address must be in the book. Exit code 1 if any is not.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.runtime import PROCESS, System
from peerage.testing import wait_until
from tests.actors.book_stage import Stage
from tests.actors.discovery.nodes import address, node_id

BATCH = 2  # addresses in one call
MOST_BETWEEN = 40  # addresses acknowledged between two kills: nobody must have to leave a full bucket


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    kills: int
    acknowledged: int
    lost: int


def kill_while_adding(home: Path, kills: int, seed: int) -> Done:
    """Add addresses without a pause, and kill the process so often."""
    rng = random.Random(seed)
    acknowledged: list[int] = []
    stopped = threading.Event()
    with Stage(home, PROCESS) as stage:

        def add() -> None:
            number = 0
            while not stopped.is_set():
                numbers = range(number + 1, number + 1 + BATCH)
                stage.book.call(AddrBook.add_each, tuple(map(address, numbers)))
                acknowledged.extend(numbers)
                number += BATCH

        adder = threading.Thread(target=add)
        adder.start()
        try:
            for _ in range(kills):
                enough = len(acknowledged) + rng.randrange(1, MOST_BETWEEN)

                def are_enough(enough: int = enough) -> bool:
                    return len(acknowledged) >= enough

                wait_until(are_enough)
                stage.kill()
                stage.start()
        finally:
            stopped.set()
            adder.join()
        lost = [number for number in acknowledged if not stage.book.call(AddrBook.has, node_id(number))]
    return Done(kills, len(acknowledged), len(lost))


def main() -> int:
    """Run, print, and say by the exit code whether all is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.actors.book_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="book-kills-") as home:
        done = kill_while_adding(Path(home), options.kills, options.seed)
        System.current().shutdown()
    print(
        f"seed {options.seed}: {done.kills} kills, {done.acknowledged} addresses acknowledged, {done.lost} lost"
    )
    return int(done.lost > 0 or done.acknowledged == 0)


if __name__ == "__main__":
    sys.exit(main())
