"""JSON-RPC 2.0 as CometBFT's server reads and writes it: bytes to requests, results to envelopes. HTTP is elsewhere.

CometBFT is less strict than the standard (keys in any case, any version, fractions as IDs). We follow it, because a script
that works with CometBFT must work here. Source: reference 11; recordings of CometBFT v0.38.26.

RpcError
├── ParseError            -32700  not JSON, or not a request
├── InvalidRequestError   -32600  the body or the batch is too large
├── RefusedRequestError   -32600  a web page's, and it would change something
├── MethodNotFoundError   -32601
├── InvalidParamsError    -32602
└── InternalError         -32603  the node could not answer
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final

from peerage.actors.rpc import go_json
from peerage.actors.rpc.go_json import Object, text_of

__all__ = [
    "ABSENT",
    "URI_REQUEST_ID",
    "InternalError",
    "InvalidParamsError",
    "InvalidRequestError",
    "Kind",
    "MethodNotFoundError",
    "Parameter",
    "ParseError",
    "RefusedRequestError",
    "RequestID",
    "RpcError",
    "RpcRequest",
    "arguments_of_params",
    "arguments_of_uri",
    "failure",
    "read_request",
    "read_requests",
    "success",
]

RequestID = int | str
URI_REQUEST_ID: Final = -1  # a GET has no ID, its answer has this one
_LOWEST_INT64: Final = -(2**63)  # Go turns a number that does not fit into this one
_TEXT_FIELDS: Final = frozenset({"jsonrpc", "method"})


class RpcError(Exception):
    """An error to be answered. `str()` is the text of `error.data`."""

    code: ClassVar[int]
    message: ClassVar[str]


class ParseError(RpcError):
    """The body is not JSON, or not a request."""

    code = -32700
    message = "Parse error. Invalid JSON"


class InvalidRequestError(RpcError):
    """The body could not be read to its end, or holds too many requests."""

    code = -32600
    message = "Invalid Request"


class RefusedRequestError(RpcError):
    """It would change something, and a web page of another site may have sent it."""

    code = -32600
    message = "Invalid Request"


class MethodNotFoundError(RpcError):
    """There is no such method, or it is unsafe and unsafe methods are off."""

    code = -32601
    message = "Method not found"


class InvalidParamsError(RpcError):
    """A parameter is missing, superfluous or of the wrong type, or a setting is unfit."""

    code = -32602
    message = "Invalid params"


class InternalError(RpcError):
    """The method was called and failed."""

    code = -32603
    message = "Internal error"


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """A request that wants an answer. `params` is decoded JSON, or ABSENT."""

    id: RequestID
    method: str
    params: Any


class Kind(Enum):
    """The type of a parameter. The values are Go's names, which appear in error messages."""

    INT = "int"
    STRINGS = "slice"
    STRING = "string"
    BOOL = "bool"

    def zero(self) -> Any:
        """The value of a parameter that is not given."""
        zeros: dict[Kind, Any] = {Kind.INT: 0, Kind.STRINGS: (), Kind.STRING: "", Kind.BOOL: False}
        return zeros[self]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method."""

    name: str
    kind: Kind


def read_requests(body: bytes, most: int) -> list[RpcRequest]:
    """The requests in a body: one, or a batch. Notifications (no ID, or null) are left out, since they get no answer.

    Args:
        body: as it came.
        most: how many requests a batch may hold; 0: any number.

    Raises: ParseError, InvalidRequestError (the batch is too large).
    """
    try:
        value = go_json.decode(body)
    except ValueError as error:
        raise ParseError(f"error unmarshaling request: {error}") from None
    if value is None:
        return []
    if not isinstance(value, list):
        value = [value]
    elif most and len(value) > most:
        raise InvalidRequestError(f"batch request exceeds maximum ({most}) allowed number of requests")
    requests = [_request(item) for item in value]
    return [request for request in requests if request is not None]


def read_request(message: bytes) -> RpcRequest | None:
    """The request in a message of a WebSocket; None: it wants no answer. There are no batches, and what follows is ignored.

    Raises: ParseError.
    """
    try:
        return _request(go_json.decode_first(message))
    except ValueError as error:
        raise ParseError(f"error unmarshaling request: {error}") from None


def _request(item: Any) -> RpcRequest | None:
    if item is None:
        return None
    if not isinstance(item, Object):
        raise ParseError(f"error unmarshaling request: expected an object, got {_name_of(item)}")
    fields: dict[str, Any] = {}
    for name, value in item:  # Go ignores the case of field names, and the last field of a name counts
        field = name.casefold()
        if field in _TEXT_FIELDS:
            if value is None:
                continue  # Go leaves a string field unchanged on null
            if not isinstance(value, str):
                text = f"error unmarshaling request: {field} must be a string, got {_name_of(value)}"
                raise ParseError(text)
        fields[field] = value
    if fields.get("id") is None:
        return None
    return RpcRequest(_request_id(fields["id"]), fields.get("method", ""), fields.get("params", ABSENT))


def _request_id(value: Any) -> RequestID:
    if isinstance(value, str):
        return text_of(value)
    if not isinstance(value, float):
        raise ParseError(
            f"error unmarshaling request: id must be a string or a number, got {_name_of(value)}"
        )
    if math.isinf(value):
        raise ParseError("error unmarshaling request: id is a number out of range")
    # Go reads every number as a float and truncates it: IDs of more than 53 bits come back rounded, as from CometBFT.
    number = int(value)
    return number if -(2**63) <= number < 2**63 else _LOWEST_INT64


def arguments_of_params(parameters: Sequence[Parameter], params: Any) -> tuple[Any, ...]:
    """The arguments of a POST: by name in an object, or all of them by position in a list.

    Raises: InvalidParamsError.
    """
    if params is ABSENT or params is None:
        params = Object([])
    if isinstance(params, Object | dict):
        given = dict(params)
        values = [given.get(parameter.name) for parameter in parameters]
    elif not isinstance(params, list):
        raise _json_error(f"expected an object or a list, got {_name_of(params)}")
    elif len(params) != len(parameters):
        names = " ".join(parameter.name for parameter in parameters)
        raise _json_error(f"expected {len(parameters)} parameters ([{names}]), got {len(params)}")
    else:
        values = params
    try:
        return tuple(_convert(parameter, value) for parameter, value in zip(parameters, values, strict=True))
    except _UnfitError as error:
        raise _json_error(str(error)) from None


def arguments_of_uri(parameters: Sequence[Parameter], values: Mapping[str, str]) -> tuple[Any, ...]:
    """The arguments of a GET. Each is JSON (`["a","b"]`, `true`), with bytes that are not UTF-8 as `surrogateescape` decodes
    them. An empty argument counts as missing.

    Raises: InvalidParamsError.
    """
    try:
        return tuple(_convert_text(parameter, values.get(parameter.name, "")) for parameter in parameters)
    except _UnfitError as error:
        raise InvalidParamsError(f"error converting http params to arguments: {error}") from None


class _UnfitError(Exception):
    """A value is not of its parameter's type."""


def _json_error(text: str) -> InvalidParamsError:
    return InvalidParamsError(f"error converting json params to arguments: {text}")


def _convert_text(parameter: Parameter, text: str) -> Any:
    if not text:
        return parameter.kind.zero()
    if text[:2].lower() == "0x":
        raise _UnfitError(f"{parameter.name}: got a hex string arg, but expected '{parameter.kind.value}'")
    try:
        value = go_json.decode(text.encode(errors="surrogateescape"))
    except ValueError as error:
        raise _UnfitError(f"{parameter.name}: {error}") from None
    return _convert(parameter, value)


def _convert(parameter: Parameter, value: Any) -> Any:
    if value is None:
        return parameter.kind.zero()
    if parameter.kind is Kind.BOOL:
        if not isinstance(value, bool):
            raise _UnfitError(f"{parameter.name} must be true or false, got {_name_of(value)}")
        return value
    if parameter.kind is Kind.INT:
        if not isinstance(value, float) or not value.is_integer():
            raise _UnfitError(f"{parameter.name} must be a whole number, got {_name_of(value)}")
        return int(value)
    if parameter.kind is Kind.STRING:
        if not isinstance(value, str):
            raise _UnfitError(f"{parameter.name} must be a string, got {_name_of(value)}")
        return text_of(value)
    if not isinstance(value, list):
        raise _UnfitError(f"{parameter.name} must be a list of strings, got {_name_of(value)}")
    for item in value:
        if not isinstance(item, str | None):
            raise _UnfitError(f"{parameter.name} must be a list of strings, has {_name_of(item)} in it")
    return tuple("" if item is None else text_of(item) for item in value)


def _name_of(value: Any) -> str:
    """The name of a value's JSON type. Messages quote this and not the value, which may be long."""
    if isinstance(value, bool):
        return "a boolean"
    names = {Object: "an object", list: "a list", str: "a string", float: "a number"}
    return names.get(type(value), "null")


def success(request_id: RequestID, result: Any) -> dict[str, Any]:
    """The envelope of a result."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def failure(request_id: RequestID | None, error: RpcError) -> dict[str, Any]:
    """The envelope of an error. Its ID is null when the request's could not be read."""
    head: dict[str, Any] = {"jsonrpc": "2.0"} if request_id is None else {"jsonrpc": "2.0", "id": request_id}
    detail: dict[str, Any] = {"code": error.code, "message": error.message}
    if text := str(error):
        detail["data"] = text
    return {**head, "error": detail}
