"""A program that uses actors inside another library's worker: `python -m tests.actors.runtime.pool_program METHOD LIBRARY`.

Prints what the worker answers, as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from peerage.actors.runtime import PROCESS, THREAD, ProcessActor

FACTOR = 2


@dataclass
class Order:
    number: int


class RefusedError(Exception):
    pass


class Seller(ProcessActor):
    """Knows this module's classes and globals, wherever it runs."""

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, Order):
            raise RefusedError(message)
        if message.number < 0:
            return Seller.start().ask(Order(-message.number))
        return Order(message.number * FACTOR), os.getpid()


def use(number: int) -> list[Any]:
    answers: list[Any] = [multiprocessing.current_process().daemon]
    for place in (PROCESS, THREAD):
        ref = Seller.options(place=place).start()
        for asked in (number, -number):
            order, pid = ref.ask(Order(asked))
            answers.append([type(order) is Order, order.number, pid == os.getpid()])
        try:
            ref.ask("nonsense")
        except RefusedError as error:
            answers.append(str(error))
        ref.stop()
    return answers


def main() -> None:
    method, library = sys.argv[1:]
    context = multiprocessing.get_context(method)
    if library == "futures":
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            print(json.dumps(list(executor.map(use, [21]))))
    else:
        with context.Pool(1) as pool:
            print(json.dumps(pool.map(use, [21])))


if __name__ == "__main__":
    main()
