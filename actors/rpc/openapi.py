"""/openapi.json: what this RPC has, made from its table of methods, for programs that make clients of it.

Source: the OpenAPI Specification 3.1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from peerage.actors.rpc.methods import UNSAFE, Method
from peerage.actors.rpc.protocol import URI_REQUEST_ID, Kind, Parameter
from peerage.actors.rpc.response import respond
from peerage.config.release import VERSION

__all__ = ["Description", "openapi"]

_SCHEMAS: Final[Mapping[Kind, Mapping[str, Any]]] = {
    Kind.STRINGS: {"type": "array", "items": {"type": "string"}},
    Kind.STRING: {"type": "string"},
    Kind.BOOL: {"type": "boolean"},
    Kind.INT: {"type": "integer"},
}
_ID: Final = {"type": ["integer", "string"]}
_REQUEST: Final = {"$ref": "#/components/schemas/Request"}
_ERROR: Final = {"$ref": "#/components/schemas/Error"}
_ANSWER: Final = {"$ref": "#/components/schemas/Answer"}
_COMPONENTS: Final[Mapping[str, Any]] = {
    "Request": {
        "type": "object",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {**_ID, "description": "without one, the request is neither executed nor answered"},
            "method": {"type": "string"},
            "params": {"type": ["object", "array"], "description": "by name, or all of them by position"},
        },
        "required": ["method"],
    },
    "Error": {
        "type": "object",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": _ID,
            "error": {
                "type": "object",
                "properties": {
                    "code": {"enum": [-32700, -32600, -32601, -32602, -32603]},
                    "message": {"type": "string"},
                    "data": {"type": "string", "description": "what is wrong"},
                },
                "required": ["code", "message"],
                "additionalProperties": False,
            },
        },
        "required": ["jsonrpc", "error"],
        "additionalProperties": False,
    },
    "Answer": {
        "type": "object",
        "properties": {"jsonrpc": {"const": "2.0"}, "id": _ID, "result": {}},
        "required": ["jsonrpc", "id", "result"],
        "additionalProperties": False,
    },
}


def openapi(table: Mapping[str, Method], routes: Iterable[str] = ()) -> dict[str, Any]:
    """The description, as JSON values. Args: table, the methods that there are; routes, more paths that are served."""
    paths = {f"/{name}": {"get": _of_method(name, method)} for name, method in table.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "peerage",
            "version": VERSION,
            "description": "RPC of a peerage node, as CometBFT answers it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            **paths,
            **_always(),
            **{path: each for path, each in _more().items() if path in set(routes)},
        },
        "components": {"schemas": dict(_COMPONENTS)},
    }


def _of_method(name: str, method: Method) -> dict[str, Any]:
    result = {
        **_COMPONENTS["Answer"],
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {"const": URI_REQUEST_ID},
            "result": dict(method.result),
        },
    }
    responses = {
        "200": _json("The result", result),
        "500": _json("The parameters do not fit, or the node could not do it", _ERROR),
    }
    if name in UNSAFE:
        responses["403"] = _json("A web page of another site may have sent it", _ERROR)
    return {
        "operationId": name,
        "summary": method.about or name,
        "parameters": list(map(_parameter, method.parameters)),
        "responses": responses,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """Every parameter of a query is JSON."""
    content = {"application/json": {"schema": dict(_SCHEMAS[parameter.kind])}}
    return {"name": parameter.name, "in": "query", "content": content}


def _always() -> dict[str, Any]:
    several = {"oneOf": [_REQUEST, {"type": "array", "items": _REQUEST}]}
    answer = {"oneOf": [_ANSWER, _ERROR]}
    answers = {"oneOf": [*answer["oneOf"], {"type": "array", "items": answer}]}
    call = {
        "operationId": "call",
        "summary": "Any method, by JSON-RPC 2.0, alone or in a batch",
        "requestBody": {"required": True, "content": {"application/json": {"schema": several}}},
        "responses": {
            "200": _json("An answer to each request that has an ID", answers),
            "400": _json("The body is too large, or breaks off", _ERROR),
            "500": _json("The body is not JSON, or no request", _ERROR),
        },
    }
    upgrade = {
        "operationId": "websocket",
        "summary": "Any method, by JSON-RPC 2.0 over a WebSocket, one request a message",
        "responses": {
            "101": {"description": "The connection is a WebSocket from here on"},
            "400": _plain("This is no handshake"),
            "403": _plain("A page of another origin, which is not among rpc.cors_allowed_origins"),
        },
    }
    described = {
        "operationId": "openapi",
        "summary": "This description",
        "responses": {"200": _json("OpenAPI 3.1", {"type": "object"})},
    }
    return {
        "/": {"post": call},
        "/websocket": {"get": upgrade},
        "/openapi.json": {"get": described},
    }


def _more() -> dict[str, Any]:
    return {
        "/livez": {"get": _health("livez", "Whether the process serves", [])},
        "/readyz": {"get": _health("readyz", "Whether every part of the node answers", [_peers()])},
        "/events": {"get": _events()},
    }


def _events() -> dict[str, Any]:
    wanted = {
        "kind": "of events, with commas between",
        "peer": "an ID, an IP address or a network; may be repeated",
        "since": "a time",
        "last": "so many of those that are kept",
        "follow": "false: do not wait for more",
        "after": "the last event that is known",
    }
    stream = {
        "description": "Server-sent events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "events",
        "summary": "What happens in the node, as it happens",
        "parameters": [
            {"name": name, "in": "query", "description": about, "schema": {"type": "string"}}
            for name, about in wanted.items()
        ],
        "responses": {
            "200": stream,
            "400": _plain("A parameter is none, or has a value that it cannot have"),
            "503": _plain("As many listen as may"),
        },
    }


def _health(name: str, about: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    excluded = {
        "name": "exclude",
        "in": "query",
        "description": "a check that does not count; may be repeated",
        "schema": {"type": "array", "items": {"type": "string"}},
    }
    responses = {
        "200": _plain("A line for each check"),
        "503": _plain("The same, with the reason of each that failed"),
    }
    if parameters:
        responses["400"] = _plain("A parameter is no number")
    return {
        "operationId": name,
        "summary": about,
        "parameters": [excluded, *parameters],
        "responses": responses,
    }


def _peers() -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0}
    return {"name": "peers", "in": "query", "description": "so many are wanted as well", "schema": schema}


def _json(about: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": dict(schema)}}}


def _plain(about: str) -> dict[str, Any]:
    return {"description": about, "content": {"text/plain": {"schema": {"type": "string"}}}}


class Description:
    """The application that answers with it. It is made when it is asked for. Args: as of `openapi`."""

    def __init__(self, table: Mapping[str, Method], routes: Iterable[str]) -> None:
        self._table = table
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(openapi(self._table, self._routes))(scope, receive, send)
