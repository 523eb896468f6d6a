"""actors/rpc/openapi.py: a description that is valid, whole, and true."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.types import ASGIApp

from peerage.actors.discovery.book.addrbook_json import write_book
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.messages.steering import (
    AlterSettings,
    Change,
    ChildSnapshot,
    ClosedPeer,
    ClosePeers,
    DescribeNode,
    DropPersistent,
    GetPeerLists,
    NodeDescription,
    PeerListsSnapshot,
    Reconfigured,
    UpgradeProgress,
    UpgradeReactor,
)
from peerage.actors.rpc.app import rpc_app
from peerage.actors.rpc.event_stream import StreamQuery
from peerage.actors.rpc.methods import UNSAFE, methods
from peerage.actors.rpc.openapi import openapi
from peerage.actors.rpc.readiness import health_routes
from peerage.config import Config
from tests.actors.http.asgi_exchange import exchange
from tests.actors.rpc.fake_steering import ANNA, BERT, FakeParts
from tests.actors.rpc.test_app import SEED, FakeNode


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return rpc_app(FakeNode(), True, routes=health_routes({}))


ROUTES = ("/livez", "/readyz", "/events")


def test_only_what_is_served_is_described() -> None:
    """Routes are another's to add."""
    for routes in ((), ROUTES, ("/livez", "/mine")):
        assert {path for path in openapi({}, routes)["paths"] if path in {*ROUTES, "/mine"}} == set(
            routes
        ) & set(ROUTES)


def test_parameters_of_events_are_those_it_takes() -> None:
    (_path, operations) = next(each for each in openapi({}, ROUTES)["paths"].items() if each[0] == "/events")
    for parameter in operations["get"]["parameters"]:
        value = {
            "kind": "lost",
            "peer": "ab" * 20,
            "since": "2026-01-31T12:00:00Z",
            "last": "5",
            "follow": "false",
        }
        StreamQuery.parse(f"{parameter['name']}={value.get(parameter['name'], 'x')}")


@pytest.mark.parametrize("unsafe", [False, True])
def test_description_is_valid(unsafe: bool) -> None:
    """By the specification's own schema."""
    described = openapi(methods(unsafe=unsafe, hide_private=True), ROUTES)
    OpenAPIV31SpecValidator(described).validate()
    assert (set(UNSAFE) & {path[1:] for path in described["paths"]}) == (set(UNSAFE) if unsafe else set())


def test_every_path_is_described_and_answers(app: ASGIApp) -> None:
    """Nothing that is described is missing, and every method has a summary of its own."""
    described = json.loads(exchange(app, "GET", "/openapi.json").body)
    table = methods(unsafe=True, hide_private=True)
    others = {"/", "/websocket", "/openapi.json", "/livez", "/readyz"}
    assert set(described["paths"]) == others | {f"/{name}" for name in table}
    for path, operations in described["paths"].items():
        for verb, operation in operations.items():
            assert str(exchange(app, verb.upper(), path).status) in operation["responses"], path
            assert operation["summary"] != path[1:], f"{path} has no summary"


def test_every_result_that_is_described_has_an_example_below() -> None:
    """So that no schema goes unchecked; and every method has one."""
    described = set(methods(unsafe=True, hide_private=True))
    assert {path.partition("?")[0][1:] for path in EXAMPLES} == described


EXAMPLES: dict[str, Any] = {
    "/health": 200,
    "/status": 200,
    "/net_info": 200,
    "/bans": 200,
    "/actors": 200,
    "/peers?limit=5": 200,
    "/book": 200,
    "/history": 200,
    "/log_tail?after=0": 200,
    f'/dial_seeds?seeds=["{SEED}"]': 200,
    f'/dial_peers?peers=["{SEED}"]&persistent=true': 200,
    '/ban?subject="192.0.2.1"': 200,
    '/unban?subject="192.0.2.1"': 500,
    '/close_peer?peer="192.0.2.1"': 200,
    f'/remove_peers?peers=["{ANNA}"]&close=true': 200,
    "/peer_lists": 200,
    '/limits?inbound="7"': 200,
    '/log_level?level="debug"': 200,
    "/reload": 500,  # no file holds this configuration
    '/upgrade_reactor?name="PRICES"': 200,
    "/overview": 200,
    "/effective_config": 200,
    f"/add_addresses?addresses={quote(json.dumps([f'{ANNA}@192.0.2.1:7']))}": 200,
    f"/remove_addresses?ids={quote(json.dumps([ANNA]))}": 200,
    f"/import_addresses?book={quote(json.dumps(write_book('', [])))}": 200,
}
CONFIG = Config(network="test")
CHANGE = Change("moniker", '"a"', '"b"')
PARTS: dict[type, Any] = {
    ClosePeers: (ClosedPeer(ANNA, "192.0.2.1:7", is_persistent=True),),
    DropPersistent: (ANNA,),
    GetPeerLists: PeerListsSnapshot((f"{ANNA}@192.0.2.1:7",), (BERT,), (), (ANNA,)),
    AlterSettings: Reconfigured((CHANGE,), silent=("peers-0",)),
    UpgradeReactor: UpgradeProgress(7, done=False),
    DescribeNode: NodeDescription(
        7, 61.24, CONFIG, (ChildSnapshot("switch", "running", 2, "killed"),), ("full",), (CHANGE,)
    ),
}


class Banning(FakeNode):
    """One that has a ban to show, and can be steered."""

    steering = FakeParts(PARTS).steering()

    async def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        return Ban(subject, reason, 1_500_000_000, round(seconds) * 10**9)


@pytest.mark.parametrize("target", EXAMPLES)
def test_answers_are_as_described(target: str) -> None:
    """Every field, and no other."""
    path, _, _ = target.partition("?")
    described = openapi(methods(unsafe=True, hide_private=True))
    answer = exchange(rpc_app(Banning(), True), "GET", target)
    assert answer.status == EXAMPLES[target]
    response = described["paths"][path]["get"]["responses"][str(answer.status)]
    schema = response["content"]["application/json"]["schema"] | {"components": described["components"]}
    Draft202012Validator(schema).validate(json.loads(answer.body))
