"""The roots of the error tree: whose fault an error is."""

from __future__ import annotations


class WireError(Exception):
    """A rule of the wire was broken."""


class LocalError(WireError):
    """We broke a rule: a call out of order, a value that may not be sent, a file that cannot be used."""


class RemoteError(WireError):
    """The remote broke a rule. What it sent must not be used, and its connection is over."""
