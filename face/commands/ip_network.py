"""An IP network on the command line: an address, or CIDR."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

import click

from peerage.commands.exit_status import MistakeError

__all__ = ["IPNetwork", "Network"]

IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Network(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click
    """The command gets an IPv4Network or IPv6Network; an address stands for the network of it alone."""

    name = "cidr"

    def convert(
        self, value: str | IPNetwork, param: click.Parameter | None, ctx: click.Context | None
    ) -> IPNetwork:
        """Raises: MistakeError."""
        if not isinstance(value, str):
            return value
        try:
            return ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            flag = param.opts[-1] if param is not None else "network"
            raise MistakeError(
                f"{flag}: found {value!r}, allowed: an IP address or network, like 10.0.0.0/8"
            ) from error
