"""The sockets that a node listens on."""

from __future__ import annotations

import socket

import pytest

from peerage.supervisors.node.errors import ListenError
from peerage.supervisors.node.listening import listen_for_http, listen_for_peers


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"tcp://{host}:{port}"


def test_peers_are_listened_for_where_the_setting_says() -> None:
    """Port 0 is any free one."""
    with listen_for_peers("tcp://127.0.0.1:0") as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        with socket.create_connection(listener.getsockname()):
            pass


def test_a_taken_port_names_setting_address_and_cause() -> None:
    """The operator reads it."""
    with listen_for_peers("tcp://127.0.0.1:0") as first, pytest.raises(ListenError) as caught:
        listen_for_peers(address_of(first))
    assert (caught.value.key, caught.value.cause) == ("p2p.laddr", "Address already in use")


def test_a_setting_may_name_several_addresses_for_http() -> None:
    """Each has its socket."""
    listeners = listen_for_http("rpc.laddr", "tcp://127.0.0.1:0,tcp://127.0.0.1:0")
    assert len({listener.getsockname() for listener in listeners}) == 2
    for listener in listeners:
        listener.close()


def test_of_several_addresses_all_are_listened_on_or_none() -> None:
    """The first one is free again when the second is taken."""
    with listen_for_peers("tcp://127.0.0.1:0") as free, listen_for_peers("tcp://127.0.0.1:0") as taken:
        first, second = address_of(free), address_of(taken)
        free.close()
        with pytest.raises(ListenError) as caught:
            listen_for_http("rpc.laddr", f"{first},{second}")
        assert caught.value.key == "rpc.laddr"
        with listen_for_peers(first):
            pass
