"""Addresses of a simulated network: always routable, and fast to compare, to group and to format."""

from __future__ import annotations

from typing import ClassVar

from peerage.wire.ip_ranges import group_of, parse_ip
from peerage.wire.net_address import NetAddress


class Place(NetAddress):
    """An address that computes its group and text once: books ask for them millions of times in one simulation.

    There is one object for each address, so two are equal only if they are the same object.
    """

    __slots__ = ("_group", "_hash", "dial_string")

    dial_string: str
    routable: ClassVar[bool] = True

    def __init__(self, id: str, host: str, port: int) -> None:  # noqa: A002 - the field's name
        super().__init__(id, parse_ip(host), port)
        object.__setattr__(self, "_group", group_of(self.host, strict=True))
        object.__setattr__(self, "dial_string", f"{host}:{port}")
        object.__setattr__(self, "_hash", hash(int(id, 16)))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined,no-any-return]  # set in __init__: the class is frozen

    def group(self, *, strict: bool) -> str:
        """The group, the same strict or not, because only routable addresses are simulated."""
        return self._group  # type: ignore[attr-defined,no-any-return]  # as above

    def validate(self) -> None:
        """Do nothing: it is valid."""
