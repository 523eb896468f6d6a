"""What a method of RPC is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peerage.actors.rpc.protocol import Parameter

__all__ = ["Method"]


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Args:
        call: takes the backend and the arguments in the order of `parameters`, and returns the result as JSON values.
        about: what it is for, in a line of /openapi.json.
        result: JSON schema of the result, for the same.
    """

    parameters: tuple[Parameter, ...]
    call: Callable[..., Awaitable[Any]]
    about: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
