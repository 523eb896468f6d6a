"""actors/rpc/readiness.py: /livez and /readyz, with checks of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from peerage.actors.rpc.readiness import PATIENCE_S, CheckFailedError, health_routes
from tests.actors.http.asgi_exchange import Answer, exchange, exchange_async


async def well() -> None:
    """All is well."""


async def ill() -> None:
    raise CheckFailedError("it is away")


async def silent() -> None:
    await asyncio.Event().wait()


def ask(target: str, checks: dict[str, Callable[[], Awaitable[Any]]], peers: int = 0) -> Answer:
    async def connected() -> int:
        return peers

    routes = health_routes(checks, connected, patience_s=0.02)
    return exchange(routes[target.partition("?")[0]], "GET", target)


def test_live_process_says_so_whatever_the_node_does() -> None:
    """Nothing is asked: Kubernetes restarts what is not alive, and a hung switch is restarted by its supervisor."""
    answer = ask("/livez", {"switch": silent})
    assert (answer.status, answer.text) == (200, "[+]http ok\nlivez check passed\n")


def test_ready_node_lists_its_parts() -> None:
    """In the order of the tree; probes are not to be answered from a cache."""
    answer = ask("/readyz", {"addrbook": well, "switch": well})
    assert (answer.status, answer.text) == (
        200,
        "[+]http ok\n[+]addrbook ok\n[+]switch ok\nreadyz check passed\n",
    )
    assert answer.headers["cache-control"] == "no-cache, private"
    assert answer.headers["content-type"].startswith("text/plain")


def test_each_part_that_fails_has_its_reason() -> None:
    """One that raises, one that hangs; the others are asked all the same. An answer takes less than a second."""
    answer = ask("/readyz", {"addrbook": ill, "switch": silent, "peers-0": well})
    assert answer.status == 503
    assert answer.text == (
        "[+]http ok\n[-]addrbook failed: it is away\n[-]switch failed: no answer within 0.02 s\n[+]peers-0 ok\n"
        "readyz check failed\n"
    )
    assert PATIENCE_S < 1


def test_checks_can_be_left_out() -> None:
    """As in Kubernetes: what they found is told, and does not count."""
    answer = ask("/readyz?exclude=switch&exclude=addrbook", {"addrbook": well, "switch": ill})
    assert answer.status == 200
    assert "[+]addrbook excluded: ok\n[+]switch excluded: it is away\n" in answer.text


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ("", 200, ""),
        ("?peers=0", 200, ""),
        ("?peers=3", 200, "[+]peers ok"),
        ("?peers=4", 503, "[-]peers failed: 3 connected, 4 wanted"),
        ("?peers=4&exclude=peers", 200, "[+]peers excluded: 3 connected, 4 wanted"),
        ("?peers=-1", 400, "peers: found '-1', expected a number"),
        ("?peers=%0a", 400, "peers: found "),
        (f"?peers={'9' * 10}", 400, f"peers: found '{'9' * 10}', expected a number"),
    ],
)
def test_so_many_peers_can_be_asked_for(query: str, status: int, line: str) -> None:
    """A sentry may be ready when it has one, a seed at once: whoever probes says what he wants."""
    answer = ask(f"/readyz{query}", {}, peers=3)
    assert answer.status == status
    assert line in answer.text
    assert line or "peers" not in answer.text


def test_probes_at_the_same_time_share_a_round() -> None:
    """A thousand probes ask each part once; one that goes away does not end it for the others."""
    asked = []

    async def test() -> list[int]:
        gate = asyncio.Event()

        async def count() -> None:
            asked.append(1)
            await gate.wait()

        app = health_routes({"switch": count})["/readyz"]
        probes = [asyncio.create_task(exchange_async(app, "GET", "/readyz")) for _ in range(1000)]
        for _ in range(5):
            await asyncio.sleep(0)
        probes.pop(0).cancel()
        await asyncio.sleep(0)
        gate.set()
        return [answer.status for answer in await asyncio.gather(*probes)]

    assert asyncio.run(test()) == [200] * 999
    assert asked == [1]
