"""Where others are told to dial a node."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from peerage.config import Config
from peerage.supervisors.node import advertised as module
from peerage.supervisors.node.advertised import advertised, host_name, unresolved_hosts
from peerage.wire.ip_ranges import IPAddress, parse_ip
from peerage.wire.net_address import NetAddress, split_host_port

ID = "0123456789abcdef0123456789abcdef01234567"


def config_of(home: Path, external: str = "") -> Config:
    return Config(home=home, network="test", p2p={"laddr": "tcp://0.0.0.0:0", "external_address": external})


def listener_at(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.bind((host, 0))
    except OSError:
        sock.close()
        raise
    sock.listen()
    return sock


def has(host: str) -> bool:
    """Whether this machine can listen there: some have no IPv6."""
    try:
        listener_at(host).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", *filter(has, ("::", "::1"))])
def test_an_address_that_is_told_leads_to_the_listener(tmp_path: Path, host: str) -> None:
    """It can be dialled, at least from this machine, and is never 0.0.0.0 or ::."""
    with closing(listener_at(host)) as listener:
        text = advertised(config_of(tmp_path), listener)
        told = NetAddress.parse(f"{ID}@{text}")
        assert told.valid
        with closing(socket.create_connection((str(told.host), told.port), timeout=10)):
            listener.accept()[0].close()


@pytest.mark.parametrize(
    ("ips", "expected"),
    [
        ([], "127.0.0.1"),
        (["10.0.0.5"], "10.0.0.5"),
        (["10.0.0.5", "8.8.4.4", "9.9.9.9"], "8.8.4.4"),
        (["192.168.1.2", "10.0.0.5"], "192.168.1.2"),
    ],
)
def test_a_routable_address_is_told_before_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ips: list[str], expected: str
) -> None:
    """Else that of the default route, which comes first; without any that of loopback."""
    found: list[IPAddress] = [parse_ip(ip) for ip in ips]
    monkeypatch.setattr(module, "_ips", lambda _family: iter(found))
    with closing(listener_at("0.0.0.0")) as listener:
        assert split_host_port(advertised(config_of(tmp_path), listener))[0] == expected


@pytest.mark.parametrize(
    ("external", "told"),
    [
        ("1.2.3.4:5", "1.2.3.4:5"),
        ("tcp://1.2.3.4:5", "1.2.3.4:5"),
        ("tcp://node.example.org:5", "node.example.org:5"),
        ("[2600::1]:5", "[2600::1]:5"),
    ],
)
def test_what_the_operator_set_is_told_as_it_is(tmp_path: Path, external: str, told: str) -> None:
    """The scheme taken off."""
    with closing(listener_at("127.0.0.1")) as listener:
        assert advertised(config_of(tmp_path, external), listener) == told


@pytest.mark.parametrize(
    ("external", "host"),
    [
        ("1.2.3.4:0", "1.2.3.4"),
        ("tcp://node.example.org:0", "node.example.org"),
        ("[2600::1]:0", "[2600::1]"),
        ("0.0.0.0:0", "127.0.0.1"),
    ],
)
def test_port_0_is_told_to_nobody(tmp_path: Path, external: str, host: str) -> None:
    """Nobody can dial it: the port on which we listen is told, and the operator hears of it."""
    assert any("port 0 of" in warning for warning in config_of(tmp_path, external).warnings)
    with closing(listener_at("127.0.0.1")) as listener:
        port = listener.getsockname()[1]
        assert advertised(config_of(tmp_path, external), listener) == f"{host}:{port}"


@pytest.mark.parametrize("external", ["0.0.0.0:5", "tcp://0.0.0.0:5", "[::]:5"])
def test_an_external_address_that_leads_nobody_here_gives_its_port_alone(
    tmp_path: Path, external: str
) -> None:
    """And earns a warning that names the key."""
    config = config_of(tmp_path, external)
    assert any(warning.startswith("p2p.external_address: ") for warning in config.warnings)
    with closing(listener_at("127.0.0.1")) as listener:
        assert advertised(config, listener) == "127.0.0.1:5"


def test_only_names_have_to_be_looked_up(tmp_path: Path) -> None:
    """No IP address, and nothing where there is no address."""
    for external, name in (
        ("", None),
        ("1.2.3.4:5", None),
        ("[::1]:5", None),
        ("tcp://a.example:5", "a.example"),
    ):
        assert host_name(config_of(tmp_path, external), "external_address") == name
    assert host_name(config_of(tmp_path), "laddr") is None


def test_a_host_that_does_not_resolve_is_a_mistake(tmp_path: Path) -> None:
    """IP addresses and names that resolve are none."""
    config = config_of(tmp_path, "no-such-host.invalid:5")
    (mistake,) = unresolved_hosts(config, "laddr", "external_address")
    assert (mistake.key, mistake.found) == ("p2p.external_address", '"no-such-host.invalid:5"')
    assert unresolved_hosts(config_of(tmp_path, "localhost:5"), "laddr", "external_address") == []
