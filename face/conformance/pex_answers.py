"""Peer exchange: addresses that nobody asked for, addresses that are none, requests in a hurry.

Only a node that has dialled a peer asks it for addresses: so what is wrong with an answer is tried on a node that dials us.
"""

from __future__ import annotations

from collections.abc import Sequence

from peerage.conformance.case import Act, Group
from peerage.conformance.visitor import Visitor, WrongAnswerError
from peerage.wire.delimited import delimit
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL, PexAddress, PexAddrs, PexRequest, decode_pex

__all__ = ["GROUP"]

ID = "0123456789abcdef0123456789abcdef01234567"
REQUEST = PexRequest().encode()
HURRY = 50

GROUP = Group("Peer exchange", "pex")
UNASKED = "addresses that nobody asked for end the connection"


def say(*messages: bytes) -> Act:
    """Each of them on the channel of PEX."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        for message in messages:
            visitor.message(message, PEX_CHANNEL)

    return act


def answer(*messages: bytes) -> Act:
    """The same, as an answer to a request."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        if not isinstance(decode_pex(visitor.expect(PEX_CHANNEL)), PexRequest):
            raise WrongAnswerError("a node that has dialled us does not ask for addresses first")
        for message in messages:
            visitor.message(message, PEX_CHANNEL)

    return act


def addresses(*some: tuple[str, str, int]) -> bytes:
    return PexAddrs(some).encode()


def ip_of(index: int) -> str:
    """Of documentation's networks: nobody is there."""
    return f"198.51.{100 + index // 65536}.{index % 256}"


def many(count: int) -> Sequence[tuple[str, str, int]]:
    return [PexAddress(f"{index:040x}", ip_of(index), 26656) for index in range(count)]


def most() -> bytes:
    """As many as a message holds."""
    size = len(addresses(*many(1000))) / 1000
    message = addresses(*many(int(MAX_PEX_BYTES / size) - 1))
    assert MAX_PEX_BYTES - 200 < len(message) <= MAX_PEX_BYTES, len(message)
    return message


def answered(visitor: Visitor) -> None:
    """A request, and addresses come."""
    visitor.join()
    visitor.message(REQUEST, PEX_CHANNEL)
    visitor.hear_addresses()


def their_own(visitor: Visitor) -> None:
    """Its own address in an answer."""
    visitor.join()
    assert visitor.theirs is not None
    visitor.expect(PEX_CHANNEL)
    host, _, port = visitor.theirs.listen_addr.rpartition("//")[2].rpartition(":")
    visitor.message(addresses((visitor.theirs.id, host, int(port))), PEX_CHANNEL)


WRONG: dict[str, tuple[str, str, int]] = {
    "without an IP": (ID, "", 26656),
    "with a name in place of an IP": (ID, "seed.invalid", 26656),
    "with an IP with a zone": (ID, "fe80::1%eth0", 26656),
    "with an IP of three numbers": (ID, "1.2.3", 26656),
    "with an IP and a port in it": (ID, "198.51.100.1:80", 26656),
    "with an IP that is not UTF-8": (ID, "\udcff", 26656),
    "with port 65536": (ID, "198.51.100.1", 65536),
    "with port 2^32 - 1": (ID, "198.51.100.1", (1 << 32) - 1),
}
ODD: dict[str, tuple[str, str, int]] = {
    "without an ID": ("", "198.51.100.1", 26656),
    "with an ID that is no number": ("z" * 40, "198.51.100.1", 26656),
    "with a short ID": ("ab", "198.51.100.1", 26656),
    "with an ID in capitals": (ID.upper(), "198.51.100.1", 26656),
    "with an unspecified IP": (ID, "0.0.0.0", 26656),
    "with a broadcast IP": (ID, "255.255.255.255", 26656),
    "with a private IP": (ID, "10.1.2.3", 26656),
    "with port 0": (ID, "198.51.100.1", 0),
}

GROUP.about("8", UNASKED, asks_pex=True, is_offence=True)
GROUP.ends("addresses that nobody asked for", say(addresses((ID, "198.51.100.1", 26656))))
GROUP.ends("no addresses, and nobody asked", say(addresses()))
GROUP.ends("the largest message of addresses, and nobody asked", say(most()))
GROUP.about("8", "a request is answered, and the first two are free", asks_pex=True)
GROUP.goes_on("a request", answered)
GROUP.goes_on("two requests at once", say(REQUEST, REQUEST))
GROUP.about("8", "requests that come too early end the connection", asks_pex=True, is_offence=True)
GROUP.ends(f"{HURRY} requests at once", say(*[REQUEST] * HURRY))
GROUP.about("decoding", "unknown fields are skipped, and a oneof given twice is replaced", asks_pex=True)
GROUP.goes_on("a request with an unknown field", say(b"\x0a\x05\x7a\x03abc"))
GROUP.goes_on("addresses and a request in one message", say(addresses((ID, "198.51.100.1", 26656)) + REQUEST))
GROUP.about("8", UNASKED, asks_pex=True, is_offence=True)
GROUP.ends("a request and addresses in one message", say(REQUEST + addresses((ID, "198.51.100.1", 26656))))
GROUP.about("8", "an answer is taken, with up to as many addresses as a message holds", asks_pex=True)
GROUP.goes_on("an answer", answer(addresses((ID, "198.51.100.1", 26656))), is_dialled=True)
GROUP.goes_on("an answer without addresses", answer(addresses()), is_dialled=True)
GROUP.goes_on("the largest answer", answer(most()), is_dialled=True)
GROUP.goes_on(
    "an address a thousand times", answer(addresses(*[(ID, "198.51.100.1", 26656)] * 700)), is_dialled=True
)
GROUP.goes_on("its own address", their_own, is_dialled=True)
GROUP.about("8", UNASKED, asks_pex=True, is_offence=True)
GROUP.ends("two answers to one request", answer(addresses(), addresses()), is_dialled=True)
GROUP.about("8", "an answer that is undecodable or too long ends the connection", asks_pex=True)
GROUP.ends("an answer that is garbage", answer(b"\x12\x05\x0a"), is_dialled=True)
GROUP.ends("an answer longer than may be", answer(b"\x12" + delimit(bytes(MAX_PEX_BYTES))), is_dialled=True)
GROUP.about(
    "8",
    "an address without a literal IP or with a port over 65535 ends the connection",
    asks_pex=True,
    is_offence=True,
)
for name, address in WRONG.items():
    GROUP.ends(f"an answer with an address {name}", answer(addresses(*many(3), address)), is_dialled=True)
GROUP.about("8", "an invalid ID or an unroutable IP is only skipped", asks_pex=True)
for name, address in ODD.items():
    GROUP.goes_on(f"an answer with an address {name}", answer(addresses(*many(3), address)), is_dialled=True)
