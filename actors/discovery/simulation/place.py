"""Addresses of a simulated network: routable by their making, and quick to compare, to group and to write out."""

from __future__ import annotations

from peerage.wire.ip_ranges import group_of, parse_ip
from peerage.wire.net_address import NetAddress


class Place(NetAddress):
    """An address whose group and text are known: a book asks for them millions of times in one simulation.

    There is one object for each address, so being equal is being the same.
    """

    __slots__ = ("_group", "_hash", "_text")

    def __init__(self, id: str, host: str, port: int) -> None:  # noqa: A002 - the field's name
        super().__init__(id, parse_ip(host), port)
        object.__setattr__(self, "_group", group_of(self.host, strict=True))
        object.__setattr__(self, "_text", f"{host}:{port}")
        object.__setattr__(self, "_hash", hash(int(id, 16)))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined,no-any-return]  # set in __init__: the class is frozen

    @property
    def dial_string(self) -> str:
        """ip:port."""
        return self._text  # type: ignore[attr-defined,no-any-return]  # as above

    def group(self, *, strict: bool) -> str:
        """The group, strict or not: only routable addresses are simulated."""
        return self._group  # type: ignore[attr-defined,no-any-return]  # as above

    def validate(self) -> None:
        """It was made valid."""

    @property
    def routable(self) -> bool:
        """It was made routable."""
        return True
