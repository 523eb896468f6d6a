"""Texts of net addresses and of places to listen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from peerage.config.listen_address import ListenAddress, ListenAddressError
from peerage.wire.errors import AddressError
from peerage.wire.net_address import (
    NetAddress,
    id_at,
    id_in,
    is_host,
    join_host_port,
    name_in,
    parse_port,
    split_host_port,
    with_normal_id,
    without_scheme,
)
from tests.fuzz.target import Target, told
from tests.wire.vectors import load


def resolve(host: str) -> Sequence[str]:
    """What a name server may answer, by the name: addresses, nothing, no answer, nonsense."""
    answers: tuple[Sequence[str], ...] = (("192.0.2.7", "1.2.3.4"), ("2001:db8::7",), (), ("no address",))
    if host.endswith("x"):
        raise OSError(f"no answer for {host}")
    return answers[len(host) % len(answers)]


def check(data: bytes) -> None:
    """An address or an `AddressError`; its text reads the same again; all questions about it have answers that agree."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        address = NetAddress.parse(text, resolve)
    except AddressError as error:
        told(error)
        _is_said(error)
        _is_no_address(text)
    else:
        _is_sound(address)
        assert name_in(text) is None or is_host(name_in(text) or "")
        assert NetAddress.parse(id_at(address.id, address.dial_string)) == address
    assert with_normal_id(with_normal_id(text)) == with_normal_id(text)
    assert id_in(with_normal_id(text)) == id_in(text)
    without_scheme(text)
    _split(text)
    _listen(text)


def _is_sound(address: NetAddress) -> None:
    assert NetAddress.parse(str(address)) == address
    assert address.same(address)
    assert address.group(strict=True)
    assert address.group(strict=False)
    try:
        address.validate()
    except AddressError as error:
        told(error)
        assert not address.valid
        assert not address.routable
    else:
        assert address.valid
    assert not (address.local and address.routable)


def _is_said(error: AddressError) -> None:
    problem = error.problem
    assert problem.isprintable()
    assert problem


def _is_no_address(text: str) -> None:
    """Without a name server it is none either."""
    try:
        NetAddress.parse(text)
    except AddressError as error:
        told(error)
    else:
        raise AssertionError("an address for which no name has to be looked up depends on the name server")


def _split(text: str) -> None:
    try:
        host, port = split_host_port(text)
        number = parse_port(text, port)
    except AddressError as error:
        told(error)
        return
    assert 0 <= number <= 65535
    with suppress(AddressError):  # an IPv6 address may have a zone that holds a bracket
        assert split_host_port(join_host_port(host, number)) == (host, str(number))


def _listen(text: str) -> None:
    try:
        place = ListenAddress.parse(text)
    except ListenAddressError as error:
        assert error.problem
        return
    assert ListenAddress.parse(str(place)) == place


def corpus() -> Iterator[bytes]:
    """Texts that CometBFT was asked about."""
    vectors = load("net_address")
    for row in vectors["parse"]:
        yield row["text"].encode("utf-8", "surrogateescape")
    for row in vectors["id_with_listen_addr"]:
        yield row["listen_addr"].encode()
    node_id = vectors["validity"][0]["id"]
    for row in vectors["ips"]:
        host = f"[{row['ip']}]" if ":" in row["ip"] else row["ip"]
        yield f"tcp://{node_id}@{host}:26656".encode()
    for text in (
        "tcp://0.0.0.0:26656",
        "unix:///run/x",
        ":1",
        f"{node_id}@example.com:1",
        f"{node_id}@[fe80::1%e]:1",
    ):
        yield text.encode()


TARGET = Target(corpus, check, longest=600)
