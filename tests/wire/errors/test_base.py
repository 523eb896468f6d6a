"""The roots of the tree of errors."""

from __future__ import annotations

from peerage.wire.errors import AddressError, LocalError, RemoteError, WireError


def test_a_fault_is_ours_or_the_remotes_and_never_both() -> None:
    """The switch stops a peer for one and not for the other. Of an address, whoever handed it in knows."""
    assert issubclass(LocalError, WireError)
    assert issubclass(RemoteError, WireError)
    assert not issubclass(LocalError, RemoteError)
    assert not issubclass(RemoteError, LocalError)
    assert not issubclass(AddressError, (LocalError, RemoteError))
