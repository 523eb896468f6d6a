"""Where others are told to dial a node."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from peerage.config import Config
from peerage.config.errors import ConfigError
from peerage.supervisors.node import advertised as module
from peerage.supervisors.node.advertised import (
    EXTERNAL_IP,
    advertised,
    advertised_also,
    host_name,
    refusals_by_books,
    refused_by_books,
    unresolved_hosts,
    would_advertise,
    would_advertise_also,
)
from peerage.wire.ip_ranges import IPAddress, parse_ip
from peerage.wire.net_address import NetAddress, split_host_port
from tests.nodes import StartNode

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


@pytest.mark.parametrize(
    ("given", "ips", "expected"),
    [
        ("198.51.100.7", ["8.8.4.4"], "198.51.100.7"),
        ("2600::7", ["8.8.4.4"], "2600::7"),
        ("", ["10.0.0.5", "8.8.4.4"], "8.8.4.4"),
        ("", ["10.0.0.5"], "10.0.0.5"),
    ],
)
def test_auto_takes_the_environments_address_then_a_public_one_of_an_interface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, ips: list[str], expected: str
) -> None:
    """With the listener's port. Nobody outside is asked."""
    found: list[IPAddress] = [parse_ip(ip) for ip in ips]
    monkeypatch.setattr(module, "_ips", lambda _family: iter(found))
    monkeypatch.setenv(EXTERNAL_IP, given)
    with closing(listener_at("0.0.0.0")) as listener:
        told = advertised(config_of(tmp_path, "auto"), listener)
        assert split_host_port(told) == (expected, str(listener.getsockname()[1]))


def test_auto_stays_with_the_one_address_that_is_listened_at(tmp_path: Path) -> None:
    """Nobody would be reached at another one, unless the environment knows better."""
    with closing(listener_at("127.0.0.1")) as listener:
        assert advertised(config_of(tmp_path, "auto"), listener).startswith("127.0.0.1:")


@pytest.mark.parametrize("given", ["0.0.0.0", "198.51.100.7:26656", "node.example.org"])
def test_an_environment_without_an_ip_address_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """It names setting, variable and value; without "auto" nobody looks at it."""
    monkeypatch.setenv(EXTERNAL_IP, given)
    with closing(listener_at("127.0.0.1")) as listener:
        with pytest.raises(ConfigError, match=f'p2p.external_address: found "{given}".*{EXTERNAL_IP}'):
            advertised(config_of(tmp_path, "auto"), listener)
        assert advertised(config_of(tmp_path), listener).startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("laddr", "external", "told"),
    [
        ("tcp://0.0.0.0:26656", "", "8.8.4.4:26656"),
        ("tcp://[::]:26656", "auto", "8.8.4.4:26656"),
        ("tcp://10.1.2.3:26656", "", "10.1.2.3:26656"),
        ("tcp://seed.example:26656", "", "9.9.9.9:26656"),
        ("tcp://0.0.0.0:0", "", ""),
        ("tcp://0.0.0.0:0", "1.2.3.4:5", "1.2.3.4:5"),
    ],
)
def test_what_a_node_would_tell_is_known_before_it_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, laddr: str, external: str, told: str
) -> None:
    """Unless its port is any that is free."""
    monkeypatch.setattr(module, "_ips", lambda _family: iter([parse_ip("8.8.4.4")]))
    config = Config(home=tmp_path, network="test", p2p={"laddr": laddr, "external_address": external})
    assert would_advertise(config, lambda _name: ["9.9.9.9"]) == told


def test_a_listeners_name_without_an_address_is_an_error(tmp_path: Path) -> None:
    config = Config(home=tmp_path, network="test", p2p={"laddr": "tcp://seed.example:26656"})
    with pytest.raises(OSError, match=r"'seed\.example' has no address"):
        would_advertise(config, lambda _name: [])


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("0.0.0.0:1", "an unspecified"),
        ("127.0.0.1:1", "a loopback"),
        ("[::1]:1", "a loopback"),
        ("192.168.1.2:1", "a private"),
        ("[fd00::2]:1", "a private"),
    ],
)
def test_an_address_that_books_refuse_is_named_with_the_remedy(tmp_path: Path, told: str, kind: str) -> None:
    """Where books are strict and addresses are exchanged."""
    config = config_of(tmp_path)
    why = refused_by_books(config, told)
    assert f"{told}, {kind} address" in why
    assert "external_address" in why
    assert refused_by_books(config.replace(p2p={"addr_book_strict": False}), told) == ""
    assert refused_by_books(config.replace(p2p={"pex": False}), told) == ""


@pytest.mark.parametrize("told", ["8.8.4.4:1", "[2600::1]:1", "node.example.org:1"])
def test_public_addresses_and_names_are_no_cause_for_a_warning(tmp_path: Path, told: str) -> None:
    assert refused_by_books(config_of(tmp_path), told) == ""


def test_a_start_warns_once_of_an_address_that_books_refuse(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    """Not where books take such addresses, or no addresses are exchanged."""
    start_node(p2p={"pex": True})
    start_node(p2p={"addr_book_strict": True})
    assert "address of no use to others" not in caplog.text
    node = start_node(p2p={"pex": True, "addr_book_strict": True})
    (line,) = [record for record in caplog.records if "address of no use to others" in str(record.msg)]
    assert node.address.rpartition("@")[2] in str(line.msg)


OF_MACHINE = {
    socket.AF_INET: ("10.0.0.5", "8.8.4.4"),
    socket.AF_INET6: ("fd00::5", "2600::5"),
}


def also_of(
    home: Path, laddr: str, listen_also: str = "", external: str = "", also: str = ""
) -> tuple[str, ...]:
    """What a node that listens there would tell peers of the other family."""
    config = Config(
        home=home,
        network="test",
        p2p={"laddr": laddr, "external_address": external},
        peerage={"listen_also": listen_also, "external_address_also": also},
    )
    config.check()
    assert not config.warnings
    return would_advertise_also(config, lambda _name: ["9.9.9.9"])


@pytest.mark.parametrize(
    ("laddr", "listen_also", "external", "also", "told"),
    [
        ("tcp://0.0.0.0:1", "", "", "", ()),
        ("tcp://0.0.0.0:1", "tcp://[::]:2", "", "", ("[2600::5]:2",)),
        ("tcp://0.0.0.0:1", "tcp://[2600::7]:2", "", "", ("[2600::7]:2",)),
        ("tcp://0.0.0.0:1", "tcp://[::]:2", "1.2.3.4:9", "", ("[2600::5]:2",)),
        ("tcp://0.0.0.0:1", "tcp://[::]:2", "1.2.3.4:9", "[2600::9]:9", ("[2600::9]:9",)),
        ("tcp://0.0.0.0:1", "", "1.2.3.4:9", "[2600::9]:9", ("[2600::9]:9",)),
        ("tcp://0.0.0.0:1", "0.0.0.0:2", "", "", ()),
        ("tcp://0.0.0.0:1", "tcp://[::]:0", "", "", ()),
        ("tcp://[::]:1", "", "", "", ("8.8.4.4:1",)),
        ("tcp://[::]:1", "", "[2600::9]:9", "", ()),
        ("tcp://[::]:1", "0.0.0.0:1", "[2600::9]:9", "", ("8.8.4.4:1",)),
        ("tcp://[2600::7]:1", "0.0.0.0:2", "", "", ("8.8.4.4:2",)),
        ("tcp://name.example:1", "tcp://[::]:2", "", "", ("[2600::5]:2",)),
        ("tcp://0.0.0.0:1", "tcp://[::]:2", "name.example:9", "", ("[2600::5]:2",)),
        ("tcp://0.0.0.0:1", "tcp://[::]:2", "name.example:9", "1.2.3.4:9", ("1.2.3.4:9", "[2600::5]:2")),
    ],
)
def test_peers_of_the_other_family_are_told_an_address_of_theirs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    laddr: str,
    listen_also: str,
    external: str,
    also: str,
    told: tuple[str, ...],
) -> None:
    """What the operator says, otherwise where a listener of that family is reached."""
    monkeypatch.setattr(
        module, "_ips", lambda family: map(parse_ip, OF_MACHINE[socket.AddressFamily(family)])
    )
    assert also_of(tmp_path, laddr, listen_also, external, also) == told


@pytest.mark.parametrize(("given", "told"), [("1.2.3.4", ("[2600::5]:2",)), ("2600::9", ("8.8.4.4:1",))])
def test_an_ip_from_the_environment_is_of_one_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, told: tuple[str, ...]
) -> None:
    """The other one is found as without it."""
    monkeypatch.setenv(EXTERNAL_IP, given)
    monkeypatch.setattr(
        module, "_ips", lambda family: map(parse_ip, OF_MACHINE[socket.AddressFamily(family)])
    )
    assert also_of(tmp_path, "tcp://0.0.0.0:1", "tcp://[::]:2", "auto") == told


def test_a_machine_without_a_public_address_of_the_other_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who listens there on purpose tells what there is; who listens at :: alone tells nothing beside it."""
    monkeypatch.setattr(module, "_ips", lambda _family: iter(()))
    assert also_of(tmp_path, "tcp://[::]:1") == ()
    assert also_of(tmp_path, "tcp://0.0.0.0:1", "tcp://[::]:2") == ("[::1]:2",)


@pytest.mark.skipif(not has("::1"), reason="this machine has no IPv6")
def test_what_is_told_beside_it_leads_to_its_own_listener(tmp_path: Path) -> None:
    """With the port that the kernel has chosen."""
    with closing(listener_at("127.0.0.1")) as one, closing(listener_at("::1")) as other:
        assert advertised_also(config_of(tmp_path), [one, other]) == (f"[::1]:{other.getsockname()[1]}",)
        assert advertised_also(config_of(tmp_path), [one]) == ()


def test_each_address_that_books_refuse_has_its_own_remedy(tmp_path: Path) -> None:
    """What is not known yet is not judged."""
    told = "127.0.0.1:1", "[fd00::1]:1"
    found = list(refusals_by_books(config_of(tmp_path), told))
    assert [address for address, _why in found] == [*told]
    assert ["set p2p.external_address to" in why for _address, why in found] == [True, False]
    assert "set peerage.external_address_also to" in found[1][1]
    assert list(refusals_by_books(config_of(tmp_path), ("", "[2600::1]:1"))) == []
