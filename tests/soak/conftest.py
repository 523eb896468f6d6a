"""Peers of the real library for the soak."""

from tests.interop.conftest import go_peer, go_version, pytest_runtestloop

__all__ = ["go_peer", "go_version", "pytest_runtestloop"]
