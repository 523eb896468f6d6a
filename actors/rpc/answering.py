"""One request of JSON-RPC and its answer, whichever way it has come: by POST or over a WebSocket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from peerage.actors.http.hosts import HostNames
from peerage.actors.rpc.cross_site import why_refused
from peerage.actors.rpc.methods import UNSAFE, Method, RpcBackend
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

__all__ = ["Answering", "call_method"]


async def call_method(backend: RpcBackend, method: Method, arguments: tuple[Any, ...]) -> Any:
    """The result of a method. Raises: RpcError, InternalError if the node could not do it."""
    try:
        return await method.call(backend, *arguments)
    except RpcError:
        raise
    except Exception as error:
        raise InternalError(str(error) or type(error).__name__) from error


class Answering:
    """Answers for all methods of a table.

    Args:
        names: by which we are called, where something is changed.
        unfit: the error about parameters; CometBFT has another one over its WebSocket.
    """

    def __init__(
        self,
        backend: RpcBackend,
        table: Mapping[str, Method],
        names: HostNames,
        unfit: type[RpcError] = InvalidParamsError,
    ) -> None:
        self.methods = table
        self._backend = backend
        self._names = names
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
        if request.method in UNSAFE and (why := why_refused(scope, self._names)):
            raise RefusedRequestError(why)
        try:
            return method, arguments_of_params(method.parameters, request.params)
        except InvalidParamsError as error:
            raise self._unfit(str(error)) from None
