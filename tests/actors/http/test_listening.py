"""Sockets of an HTTP service: opened where they are configured, or refused in words that an operator understands."""

import pickle
import socket

import pytest

from peerage.actors.http.listening import ListenFailedError, listen, listening_sockets
from peerage.config.listen_address import ListenAddress

ANY_PORT = ListenAddress.parse("tcp://127.0.0.1:0")


def test_port_in_use_is_named() -> None:
    """The error names the address and the reason, and survives pickling."""
    with listen(ANY_PORT) as sock:
        address = ListenAddress("tcp", "127.0.0.1", sock.getsockname()[1])
        with pytest.raises(ListenFailedError) as caught:
            listen(address)
    assert str(caught.value) == f"cannot listen at {address}: Address already in use"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_unknown_host_is_named() -> None:
    """A host that is no address of this machine, or none at all."""
    for host in ("192.0.2.1", "256.0.0.1"):
        with pytest.raises(ListenFailedError, match="cannot listen at tcp://"):
            listen(ListenAddress("tcp", host, 0))


def test_empty_host_means_all_interfaces() -> None:
    """`:26660` is reached over IPv4, and over IPv6 where there is some."""
    with listen(ListenAddress.parse(":0")) as sock:
        socket.create_connection(("127.0.0.1", sock.getsockname()[1])).close()


def test_several_addresses_are_all_or_none() -> None:
    """If one of them cannot be had, the others are closed again."""
    with listen(ANY_PORT) as taken, listen(ANY_PORT) as free:
        free_address = ListenAddress("tcp", "127.0.0.1", free.getsockname()[1])
        free.close()
        taken_address = ListenAddress("tcp", "127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ListenFailedError):
            listening_sockets({}, "rpc", [free_address, taken_address])
        listen(free_address).close()
