"""What a method of RPC is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from peerage.actors.rpc.protocol import Parameter

__all__ = ["Method"]


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Args:
        call: takes the backend and the arguments in the order of `parameters`, and returns the result as JSON values.
    """

    parameters: tuple[Parameter, ...]
    call: Callable[..., Awaitable[Any]]
