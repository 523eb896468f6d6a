"""The sockets that a node listens on."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from peerage.config import Config
from peerage.supervisors.node import listening
from peerage.supervisors.node.errors import ListenError
from peerage.supervisors.node.listening import (
    PeerPlace,
    listen_for_http,
    listen_for_peers,
    names_to_listen_on,
)


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


def config_of(home: Path, laddr: str, *also: str) -> Config:
    return Config(home, network="n", p2p={"laddr": laddr}, peerage={"listen_also": ",".join(also)})


@pytest.mark.parametrize(
    ("laddr", "also", "v6_only"),
    [
        ("tcp://0.0.0.0:26656", (), [False]),
        ("tcp://[::]:26656", (), [False]),
        ("tcp://0.0.0.0:26656", ("tcp://[::]:26656",), [False, True]),
        ("tcp://[::]:26656", ("0.0.0.0:26656", "[::1]:26657"), [True, False, False]),
        ("tcp://localhost:26656", ("tcp://[::]:26656",), [False, True]),
    ],
)
def test_where_peers_connect(tmp_path: Path, laddr: str, also: tuple[str, ...], v6_only: list[bool]) -> None:
    """At laddr first. An IPv6 listener leaves IPv4 to the one that has the same port."""
    places = PeerPlace.all_of(config_of(tmp_path, laddr, *also))
    assert [(place.text, place.v6_only) for place in places] == list(
        zip((laddr, *also), v6_only, strict=True)
    )
    assert [place.key for place in places] == ["p2p.laddr", *["peerage.listen_also"] * len(also)]


def test_both_families_have_one_port(tmp_path: Path) -> None:
    """Each has its own listener."""
    with socket.create_server(("0.0.0.0", 0)) as once:
        port = once.getsockname()[1]
    places = PeerPlace.all_of(config_of(tmp_path, f"tcp://0.0.0.0:{port}", f"tcp://[::]:{port}"))
    with places[0].listen() as of_ipv4, places[1].listen() as of_ipv6:
        with socket.create_connection(("127.0.0.1", port)), of_ipv4.accept()[0]:
            pass
        with socket.create_connection(("::1", port)), of_ipv6.accept()[0]:
            pass
        with pytest.raises(ListenError) as caught:
            PeerPlace.all_of(config_of(tmp_path, "tcp://127.0.0.1:0", f"tcp://[::]:{port}"))[1].listen()
    assert (caught.value.key, caught.value.address) == ("peerage.listen_also", f"tcp://[::]:{port}")


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


def test_the_names_of_all_settings_are_looked_up_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """IP addresses, files and empty hosts are none; a name that several settings have is asked for once."""
    asked: list[str] = []

    def find(host: str) -> list[str]:
        asked.append(host)
        return ["::1", "127.0.0.1"] if host == "both" else []

    monkeypatch.setattr(listening, "resolve_host", find)
    settings = ("tcp://both:0", "tcp://both:0,tcp://127.0.0.1:0,unix:///tmp/x.sock", ":0", "", "tcp://none:0")
    resolve = names_to_listen_on(settings, lambda: False)
    assert sorted(asked) == ["both", "none"]
    (http,) = listen_for_http("rpc.laddr", "tcp://both:0", resolve)
    with http:
        assert http.getsockname()[0] == "127.0.0.1"
    for listen, key in (
        (listen_for_peers, "p2p.laddr"),
        (lambda *a: listen_for_http("rpc.laddr", *a), "rpc.laddr"),
    ):
        with pytest.raises(ListenError, match="the name 'none' has no address") as caught:
            listen("tcp://none:0", resolve)
        assert caught.value.key == key


def test_a_start_that_is_called_off_waits_for_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer holds up no stop."""
    speaks = threading.Event()
    monkeypatch.setattr(listening, "resolve_host", lambda _host: speaks.wait() and [])
    resolve = names_to_listen_on(["tcp://silent:0"], lambda: True)
    with pytest.raises(ListenError, match="no answer of a name server"):
        listen_for_peers("tcp://silent:0", resolve)
    speaks.set()
