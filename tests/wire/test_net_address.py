"""Net addresses: every text CometBFT was asked about, and what two addresses have in common."""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import (
    AddressError,
    AddressHostError,
    AddressIDError,
    AddressInvalidError,
    AddressIPError,
    AddressLookupError,
    AddressMissingIDError,
    AddressPortError,
)
from peerage.wire.net_address import (
    NetAddress,
    id_at,
    id_in,
    join_host_port,
    name_in,
    no_names,
    split_host_port,
    with_normal_id,
)
from tests.wire.vectors import load

VECTORS = load("net_address")
ID = "0123456789abcdef0123456789abcdef01234567"
KINDS = {"no_id": AddressMissingIDError, "invalid": AddressInvalidError, "lookup": AddressLookupError}


def only_localhost(host: str) -> Sequence[str]:
    """A resolver that insists on never being asked for what an old one would take for an address."""
    assert not re.fullmatch("[0-9]+|0[xX][0-9a-fA-F]*", host.rstrip(".").rpartition(".")[2]), host
    return ["127.0.0.1", "::1"] if host == "localhost" else []


def address(row: dict[str, Any]) -> NetAddress:
    return NetAddress(row["id"], row["ip"], row["port"])


def folded(text: str) -> str:
    """The one purposeful difference: CometBFT keeps an ID's capitals, here they are the same ID in lower case."""
    return text.lower() if re.match("[0-9a-fA-F]{40}(@|$)", text) else text


@pytest.mark.parametrize("row", VECTORS["parse"], ids=lambda row: row["text"] or "empty")
def test_parsing_agrees_with_cometbft(row: dict[str, Any]) -> None:
    """The same parts except for capitals in an ID, or the same kind of error."""
    if "error_kind" in row:
        with pytest.raises(AddressError) as caught:
            NetAddress.parse(row["text"], only_localhost)
        assert isinstance(caught.value, KINDS[row["error_kind"]])
        assert str(caught.value)
        assert caught.value.temporary == (row["error_kind"] == "lookup")
        return
    parsed = NetAddress.parse(row["text"], only_localhost)
    assert (parsed.id, str(parsed.host), parsed.port) == (folded(row["id"]), row["ip"], row["port"])
    assert (str(parsed), parsed.dial_string) == (folded(row["string"]), row["dial_string"])
    assert NetAddress.parse(str(parsed)) == parsed


@pytest.mark.parametrize("row", VECTORS["parse_lists"], ids=lambda row: f"{len(row['texts'])} texts")
def test_a_list_gives_its_addresses_and_its_errors(row: dict[str, Any]) -> None:
    """A bad address does not affect the others."""
    addresses, errors = NetAddress.parse_all(row["texts"], only_localhost)
    assert [str(address) for address in addresses] == row["addresses"]
    kinds = [KINDS[kind] for kind in row["error_kinds"]]
    assert all(isinstance(error, kind) for error, kind in zip(errors, kinds, strict=True))


@pytest.mark.parametrize("row", VECTORS["id_with_listen_addr"], ids=lambda row: row["listen_addr"] or "empty")
def test_an_id_and_a_listen_address_make_a_text(row: dict[str, Any]) -> None:
    """The scheme is dropped, and nothing is checked."""
    assert id_at(ID, row["listen_addr"]) == row["text"]


@pytest.mark.parametrize("row", VECTORS["validity"], ids=str)
def test_validity_agrees_with_cometbft(row: dict[str, Any]) -> None:
    """An address without an IP cannot even be constructed."""
    if row["ip"] is None:
        with pytest.raises(AddressHostError):
            NetAddress(row["id"], "", 26656)
        return
    made = NetAddress(row["id"], row["ip"], 26656)
    assert (made.valid, made.routable) == (row["error"] is None, row["routable"])
    if made.valid:
        made.validate()
    else:
        with pytest.raises(AddressIDError if "ID" in row["error"] else AddressIPError):
            made.validate()


@pytest.mark.parametrize("row", VECTORS["ips"], ids=lambda row: row["ip"])
def test_flags_of_an_address_are_those_of_its_ip(row: dict[str, Any]) -> None:
    """If the ID is valid."""
    made = NetAddress(ID, row["ip"], 26656)
    assert (made.valid, made.local, made.routable) == (row["valid"], row["local"], row["routable"])
    assert (made.group(strict=True), made.group(strict=False)) == (row["group_strict"], row["group_lax"])


@pytest.mark.parametrize("row", VECTORS["pairs"], ids=str)
def test_equal_and_same_agree_with_cometbft(row: dict[str, Any]) -> None:
    """Equal means equal in all parts, same means the same place or the same ID."""
    a, b = address(row["a"]), address(row["b"])
    if row["a"]["id"] != row["b"]["id"] and folded(row["a"]["id"]) == folded(row["b"]["id"]):
        assert not row["equal"]  # there capitals make another ID of it, here they do not
        assert (a == b) == ((row["a"]["ip"], row["a"]["port"]) == (row["b"]["ip"], row["b"]["port"]))
        assert a.same(b)
        assert b.same(a)
    else:
        assert (a == b, a.same(b), b.same(a)) == (row["equal"], row["same"], row["same"])
    assert a != b or hash(a) == hash(b)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"{ID}@1.2.3.4", AddressPortError),
        (f"{ID}@1.2.3.4:٣", AddressPortError),
        (f"{ID}@1.2.3.4:" + "9" * 5000, AddressPortError),
        (f"{ID}@[::1]:1:2", AddressHostError),
        (f"{ID}@a[b:1", AddressHostError),
        (f"{ID}@ab:1]", AddressHostError),
        (f"{ID}@:1", AddressHostError),
        (f"{ID}@[fe80::1%]:80", AddressLookupError),
        (f"{ID}@1.2.3.4%lo:80", AddressLookupError),
        (f"{ID}@0x7f.1:80", AddressLookupError),
        (f"{ID}@1.2.3.0x4:80", AddressLookupError),
        (f"{ID}@a..b:80", AddressLookupError),
        (f"{ID}@" + "a." * 200 + "b:80", AddressLookupError),
        (f"{ID}@\0:80", AddressLookupError),
        (f"{ID}@münchen:80", AddressLookupError),
    ],
)
def test_odd_texts_have_their_own_error(text: str, error: type[AddressError]) -> None:
    """These go beyond the vectors: Python's own parsers would accept them."""
    with pytest.raises(error):
        NetAddress.parse(text, only_localhost)


@given(st.text(max_size=60) | st.text("0123456789af@:[].%/ ", max_size=60).map(lambda rest: f"{ID}@{rest}"))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    """Peers send us such texts."""
    try:
        parsed = NetAddress.parse(text, only_localhost)
    except AddressError:
        return
    assert NetAddress.parse(str(parsed)) == parsed


@given(st.ip_addresses(), st.integers(0, 65535))
def test_the_text_of_an_address_parses_to_the_same(ip: Any, port: int) -> None:
    """And an address can be sent to another process."""
    made = NetAddress(ID, ip, port)
    assert NetAddress.parse(str(made)) == pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_cannot_be_made(port: int) -> None:
    """So an address that exists has a valid port."""
    with pytest.raises(AddressPortError, match="not a number from 0 to 65535"):
        NetAddress(ID, "1.2.3.4", port)


@given(st.text("0123456789abcdefABCDEF", min_size=40, max_size=40), st.sampled_from(["", "tcp://"]))
def test_an_id_in_any_case_is_one_id(node_id: str, scheme: str) -> None:
    """Whether it is constructed, parsed, or only looked for in a text."""
    made = NetAddress(node_id, "1.2.3.4", 1)
    text = f"{scheme}{node_id}@1.2.3.4:1"
    assert made.id == NetAddress.parse(text).id == id_in(text) == node_id.lower()
    assert made == NetAddress(node_id.swapcase(), "1.2.3.4", 1)
    assert with_normal_id(text) == f"{scheme}{node_id.lower()}@1.2.3.4:1"


@pytest.mark.parametrize("text", ["", "NOBODY@Host:1", "TCP://Host:1", "A@B@C", "0123@1.2.3.4:1"])
def test_what_has_no_id_keeps_its_capitals(text: str) -> None:
    """So that a mistake is shown as it was written."""
    assert with_normal_id(text) == text


def test_a_failing_resolver_is_a_temporary_error() -> None:
    """Whether it raises, returns nothing, or returns nonsense."""
    for resolve in (no_names, lambda host: [], lambda host: ["nonsense"]):
        with pytest.raises(AddressLookupError, match=r"example\.com") as caught:
            NetAddress.parse(f"{ID}@example.com:80", resolve)
        assert caught.value.temporary


@pytest.mark.parametrize("host", ["::1", "2001:db8::7", "203.0.113.7", "node.example"])
def test_a_host_and_port_that_were_joined_are_split_again(host: str) -> None:
    assert split_host_port(join_host_port(host, 26656)) == (host, "26656")


def test_hosts_and_ports_are_split_as_they_stand() -> None:
    """Neither of them is checked."""
    assert split_host_port("[::1]:x") == ("::1", "x")
    assert split_host_port("host:") == ("host", "")
    assert split_host_port(":80") == ("", "80")


@pytest.mark.parametrize(
    ("host", "name"), [("seed.example.org", "seed.example.org"), ("10.0.0.1", None), ("[::1]", None)]
)
def test_the_name_in_an_address_is_told_without_looking_it_up(host: str, name: str | None) -> None:
    """None if there is an IP address."""
    assert name_in(f"tcp://{ID}@{host}:26656") == name


@pytest.mark.parametrize("text", ["seed.example.org:1", f"{ID}@seed.example.org:x", f"{ID}@seed.example.org"])
def test_what_is_no_address_is_none_whatever_its_name_resolves_to(text: str) -> None:
    """So a mistake is found before anything is looked up."""
    with pytest.raises(AddressError):
        name_in(text)
