"""What a method of RPC is: its parameters in order, and what it calls."""

from __future__ import annotations

import asyncio

from peerage.actors.rpc.method import Method
from peerage.actors.rpc.protocol import Kind, Parameter, arguments_of_params


def test_a_method_takes_the_backend_and_its_parameters_in_order() -> None:
    async def call(backend: str, first: str, second: bool) -> tuple[str, str, bool]:
        return backend, first, second

    method = Method((Parameter("a", Kind.STRING), Parameter("b", Kind.BOOL)), call)
    arguments = arguments_of_params(method.parameters, {"b": True, "a": "x"})

    async def answer() -> object:
        return await method.call("node", *arguments)

    assert asyncio.run(answer()) == ("node", "x", True)
