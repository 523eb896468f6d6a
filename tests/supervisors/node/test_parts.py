"""The actors of a node, by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.mail.class_path import class_of
from peerage.actors.runtime.named_actor import NamedActor
from peerage.supervisors.node import parts

PARTS = (parts.ADDRBOOK, parts.SWITCH, parts.METRICS, parts.PEX_REACTOR, parts.TRANSPORT, parts.RPC)


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_each_name_leads_to_an_actor_that_is_as_the_root_takes_it(part: NamedActor) -> None:
    """It stops no others: the root cannot look."""
    actor = class_of(part.path)
    assert issubclass(actor, HostedActor)
    assert actor.stops_others == part.stops_others


def modules_after(code: str) -> set[str]:
    """What is imported in a fresh interpreter after this."""
    code = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    return set(done.stdout.split())


def test_the_process_that_supervises_a_node_imports_none_of_its_actors() -> None:
    """Nor what they alone need: a start would take twice as long."""
    found = modules_after("import peerage.supervisors.node.node")
    assert not found & {part.module for part in PARTS}
    assert not found & {"starlette.responses", "uvicorn", "prometheus_client", "cryptography", "sqlite3"}


def test_the_fork_server_imports_no_http_server() -> None:
    """Nobody needs one to connect; its host imports it while the others start."""
    found = modules_after("".join(f"import {module}\n" for module in parts.PRELOAD))
    assert not found & {
        "starlette.responses",
        "uvicorn",
        "prometheus_client",
        "cryptography",  # with OpenSSL in it
        *(part.module for part in parts.HTTP_PARTS),
    }
    assert not found & {"peerage.supervisors.supervisor", "peerage.actors.discovery.survey.survey", "click"}
