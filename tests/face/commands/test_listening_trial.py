"""Addresses are tried and given up."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from peerage.commands.listening_trial import listening_settings, try_listening, who_listens
from peerage.config import Config


def config_of(tmp_path: Path, p2p: str, rpc: str) -> Config:
    return Config(home=tmp_path, network="n", p2p={"laddr": p2p}, rpc={"laddr": rpc})


def test_what_is_free_is_free_afterwards(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        place = f"127.0.0.1:{once.getsockname()[1]}"
    config = config_of(tmp_path, f"tcp://{place}", "tcp://127.0.0.1:0")
    for _ in range(2):
        p2p, rpc = try_listening(config)
        assert (p2p.fault, p2p.told, rpc.fault) == ("", (place,), "")
    (any_port, _) = try_listening(config_of(tmp_path, "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"))
    assert any_port.told == ()  # it would be another one


def test_who_has_a_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (_, rpc) = try_listening(config_of(tmp_path, "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{port}"))
        assert any(str(os.getpid()) in holder for holder in who_listens(port))
    assert "Address already in use" in rpc.fault
    assert f"taken by process {os.getpid()}" in rpc.fault


def test_a_unix_socket_is_left_alone(tmp_path: Path) -> None:
    """Trying would replace what a dead process has left there."""
    (_, rpc) = try_listening(config_of(tmp_path, "tcp://127.0.0.1:0", f"unix://{tmp_path}/rpc.sock"))
    assert rpc.fault == ""
    assert not (tmp_path / "rpc.sock").exists()


def test_what_is_off_is_left_out(tmp_path: Path) -> None:
    assert list(listening_settings(config_of(tmp_path, "tcp://127.0.0.1:0", ""))) == ["p2p.laddr"]


def test_each_place_for_peers_is_tried(tmp_path: Path) -> None:
    """All at once, as a node has them, with what each IP family is told."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    config = config_of(tmp_path, f"tcp://127.0.0.1:{port}", "").replace(
        peerage={"listen_also": f"tcp://[::1]:{port},127.0.0.1:{port}"}
    )
    first, second, third = try_listening(config)
    assert (first.fault, first.told, second.fault) == ("", (), "")
    assert (third.setting, third.address) == ("peerage.listen_also", f"127.0.0.1:{port}")
    assert third.fault.startswith("peerage.listen_also: cannot listen on")
    good = config.replace(peerage={"listen_also": f"tcp://[::1]:{port}"})
    assert try_listening(good)[0].told == (f"127.0.0.1:{port}", f"[::1]:{port}")


def test_two_settings_may_not_name_one_port(tmp_path: Path) -> None:
    """A node would not start; and it is no other process that has the port."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        place = f"tcp://127.0.0.1:{once.getsockname()[1]}"
    p2p, rpc, metrics = try_listening(
        config_of(tmp_path, place, place).replace(
            instrumentation={"prometheus": True, "prometheus_listen_addr": place}
        )
    )
    assert p2p.fault == ""
    for trial in (rpc, metrics):
        assert trial.fault.endswith("(taken by another of this node's addresses)")


def test_only_a_port_that_is_taken_has_somebody_who_took_it(tmp_path: Path) -> None:
    """An address that this machine does not have is nobody's."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"tcp://203.0.113.77:{other.getsockname()[1]}"
        (p2p,) = try_listening(config_of(tmp_path, place, ""))
    assert "Cannot assign requested address" in p2p.fault
    assert "taken by" not in p2p.fault
