"""One request of JSON-RPC and its answer, whichever way it has come: by POST or over a WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Scope

from peerage.actors.rpc.methods import Method, RpcBackend
from peerage.actors.rpc.protocol import (
    InternalError,
    InvalidParamsError,
    MethodNotFoundError,
    RefusedRequestError,
    RpcError,
    RpcRequest,
    arguments_of_params,
    failure,
    success,
)
from peerage.config.errors import OperatorError

__all__ = ["Answering", "Guard", "call_method"]

Guard = Callable[[Scope], str]  # why a request is refused; empty: it is not


async def call_method(backend: RpcBackend, method: Method, arguments: tuple[Any, ...]) -> Any:
    """The result of a method. Raises: RpcError, InternalError if the node could not do it."""
    try:
        return await method.call(backend, *arguments)
    except RpcError:
        raise
    except OperatorError as error:  # what it was to take is unfit, here or in the configuration file
        raise InvalidParamsError(str(error)) from error
    except Exception as error:
        raise InternalError(str(error) or type(error).__name__) from error


class Answering:
    """Answers for all methods of a table.

    Args:
        guards: of methods that are not for everybody.
        unfit: the error about parameters; CometBFT has another one over its WebSocket.
    """

    def __init__(
        self,
        backend: RpcBackend,
        table: Mapping[str, Method],
        guards: Mapping[str, Guard],
        unfit: type[RpcError] = InvalidParamsError,
    ) -> None:
        self.methods = table
        self._backend = backend
        self._guards = guards
        self._unfit = unfit

    async def answer(self, request: RpcRequest, scope: Scope) -> dict[str, Any]:
        """The envelope of the result, or of the error. Args: scope, of the HTTP request with which it has come."""
        try:
            result = await call_method(self._backend, *self._prepared(request, scope))
        except RpcError as error:
            return failure(request.id, error)
        return success(request.id, result)

    def _prepared(self, request: RpcRequest, scope: Scope) -> tuple[Method, tuple[Any, ...]]:
        method = self.methods.get(request.method)
        if method is None:
            raise MethodNotFoundError
        guard = self._guards.get(request.method)
        if guard is not None and (why := guard(scope)):
            raise RefusedRequestError(why)
        try:
            return method, arguments_of_params(method.parameters, request.params)
        except InvalidParamsError as error:
            raise self._unfit(str(error)) from None
