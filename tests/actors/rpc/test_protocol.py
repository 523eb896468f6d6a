"""JSON-RPC in bytes and values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.rpc.protocol import (
    ABSENT,
    InternalError,
    InvalidParamsError,
    InvalidRequestError,
    Kind,
    MethodNotFoundError,
    Parameter,
    ParseError,
    RpcError,
    RpcRequest,
    arguments_of_params,
    arguments_of_uri,
    failure,
    read_requests,
    success,
)

LIST = Parameter("peers", Kind.STRINGS)
FLAG = Parameter("private", Kind.BOOL)
LIMIT = Parameter("limit", Kind.INT)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_request_is_read() -> None:
    """ID, method, parameters; those that are not given are told from null."""
    assert read_requests(b'{"id":1,"method":"m","params":[2]}', 10) == [RpcRequest(1, "m", [2])]
    assert read_requests(b'{"id":"a","method":"m","params":null}', 10) == [RpcRequest("a", "m", None)]
    assert read_requests(b'{"id":"a","method":"m"}', 10) == [RpcRequest("a", "m", ABSENT)]


def test_batch_is_read_in_order_without_notifications() -> None:
    """What wants no answer is not there."""
    body = b'[{"id":1,"method":"a"},{"method":"b"},null,{"id":null,"method":"c"},{"id":2,"method":"d"}]'
    assert [request.method for request in read_requests(body, 10)] == ["a", "d"]


def test_batch_is_bounded() -> None:
    """By the configured number; 0 is no bound."""
    body = b"[" + b",".join([b'{"id":1,"method":"a"}'] * 11) + b"]"
    with pytest.raises(InvalidRequestError, match="exceeds maximum \\(10\\)"):
        read_requests(body, 10)
    assert len(read_requests(body, 11)) == 11
    assert len(read_requests(body, 0)) == 11


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_gives_requests_or_an_rpc_error(body: bytes) -> None:
    """Hostile bodies cause no other exception."""
    try:
        requests = read_requests(body, 10)
    except RpcError as error:
        json.dumps(failure(None, error))
    else:
        assert all(isinstance(request.id, int | str) for request in requests)


@given(JSON, JSON, JSON)
def test_any_request_gives_a_request_or_a_parse_error(request_id: Any, method: Any, params: Any) -> None:
    """Fields of any type cause no other exception."""
    try:
        read_requests(json.dumps({"id": request_id, "method": method, "params": params}).encode(), 10)
    except ParseError:
        assert not isinstance(request_id, str) or not isinstance(method, str)


@given(JSON)
def test_any_params_give_arguments_or_an_error(params: Any) -> None:
    """Arguments are what their kind says, always all of them."""
    try:
        peers, private = arguments_of_params((LIST, FLAG), params)
    except InvalidParamsError as error:
        text = str(error)
    else:
        text = ""
        assert all(isinstance(peer, str) for peer in peers)
        assert isinstance(private, bool)
    assert len(text) < 200  # it never repeats what was sent


@given(st.text())
def test_any_uri_value_gives_an_argument_or_an_error(text: str) -> None:
    """The same for text in a URI."""
    for parameter in (LIST, FLAG):
        try:
            (value,) = arguments_of_uri((parameter,), {parameter.name: text})
        except InvalidParamsError:
            continue
        assert isinstance(value, tuple if parameter is LIST else bool)


def test_deep_nesting_is_no_json() -> None:
    """Where Go stops at 10,000 and CPython at less: a parse error, no crash."""
    with pytest.raises(ParseError):
        read_requests(b"[" * 1_000_000, 10)
    with pytest.raises(InvalidParamsError):
        arguments_of_uri((LIST,), {"peers": "[" * 1_000_000})


def test_parameters_by_name_may_be_left_out_by_place_not() -> None:
    """As CometBFT counts them."""
    assert arguments_of_params((LIST, FLAG), {"private": True, "other": 1}) == ((), True)
    assert arguments_of_params((LIST, FLAG), [["a", None], True]) == (("a", ""), True)
    with pytest.raises(InvalidParamsError, match=r"expected 2 parameters \(\[peers private\]\), got 1"):
        arguments_of_params((LIST, FLAG), [["a"]])


def test_envelopes_are_cometbfts() -> None:
    """Order of keys, no ID where it is unknown, no data where there is none."""
    assert json.dumps(success(1, {"a": 2})) == '{"jsonrpc": "2.0", "id": 1, "result": {"a": 2}}'
    assert json.dumps(failure("x", InternalError("why"))) == (
        '{"jsonrpc": "2.0", "id": "x", "error": {"code": -32603, "message": "Internal error", "data": "why"}}'
    )
    assert json.dumps(failure(None, MethodNotFoundError())) == (
        '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}}'
    )


def test_numbers_are_whole() -> None:
    """Nothing is 0, as for Go."""
    assert arguments_of_uri([LIMIT], {"limit": "50"}) == (50,)
    assert arguments_of_params([LIMIT], {}) == (0,)
    for wrong in ("1.5", '"50"', "true", "1e999"):
        with pytest.raises(InvalidParamsError, match="limit must be a whole number"):
            arguments_of_uri([LIMIT], {"limit": wrong})
