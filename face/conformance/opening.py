"""Before the handshake: silence, half a word, the languages of other services."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping

from peerage.conformance.case import TIMEOUT, Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.delimited import delimit
from peerage.wire.handshake_messages import EphemeralKey

__all__ = ["GROUP"]

SLOW_S = 0.2

HELLOS: Mapping[str, bytes] = {
    "TLS 1.3": bytes.fromhex("16030100c8010000c40303") + bytes(194),
    "a TLS alert": bytes.fromhex("15030300020228"),
    "HTTP GET": b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
    "HTTP POST": b"POST / HTTP/1.1\r\nHost: node\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP CONNECT": b"CONNECT node:443 HTTP/1.1\r\n\r\n",
    "an HTTP answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "WebSocket": b"GET /websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "SSH": b"SSH-2.0-OpenSSH_9.7\r\n",
    "libp2p": b"\x13/multistream/1.0.0\n",
    "Bitcoin": b"\xf9\xbe\xb4\xd9version\x00\x00\x00\x00\x00\x55\x00\x00\x00" + bytes(89),
    "the PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 26656\r\n",
    "the PROXY protocol, version 2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    "Tendermint before v0.34": b"\x21\x20" + bytes(range(32)),
    "SMTP": b"EHLO mail.example.org\r\n",
    "FTP": b"USER anonymous\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "memcached": b"stats\r\n",
    "PostgreSQL": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "SOCKS5": b"\x05\x01\x00",
    "MQTT": b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02id",
    "DNS": bytes.fromhex("001d1234010000010000000000000765") + b"xample\x03org\x00\x00\x01\x00\x01",
    "RDP": b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    "SMB": b"\x00\x00\x00\x2f\xffSMB\x72" + bytes(42),
    "SIP": b"OPTIONS sip:node SIP/2.0\r\n\r\n",
    "JSON": b'{"jsonrpc":"2.0","id":1,"method":"status"}\n',
}
NOISE: Mapping[str, bytes] = {
    "zeros": bytes(1024),
    "ones": b"\xff" * 1024,
    "line breaks": b"\n" * 1024,
    "random bytes": hashlib.shake_256(b"1").digest(1024),
    "a mebibyte of random bytes": hashlib.shake_256(b"2").digest(1 << 20),
}
TRIED_ALWAYS = {"TLS 1.3", "HTTP GET", "SSH", "libp2p", "Tendermint before v0.34"}
MOST_NOISE = 4096

GROUP = Group("TCP, and before the handshake", "opening")


def silence(_visitor: Visitor) -> None:
    """Nothing at all."""


def key_of(visitor: Visitor) -> bytes:
    return delimit(EphemeralKey(visitor.public).encode())


def send(data: bytes) -> Act:
    return lambda visitor: visitor.send(data)


def part_of_the_key(size: int) -> Act:
    return lambda visitor: visitor.send(key_of(visitor)[:size])


def slow_key(visitor: Visitor) -> None:
    visitor.trickle(key_of(visitor), SLOW_S)


def half_close(visitor: Visitor) -> None:
    visitor.half_close()


def key_and_half_close(visitor: Visitor) -> None:
    visitor.send(key_of(visitor))
    visitor.half_close()


def leave(*, sends_key: bool, hard: bool) -> Act:
    def act(visitor: Visitor) -> None:
        if sends_key:
            visitor.send(key_of(visitor))
        if hard:
            visitor.reset()
        else:
            visitor.sock.close()

    return act


def urgent(visitor: Visitor) -> None:
    visitor.sock.send(b"\x22", socket.MSG_OOB)


def mirror(visitor: Visitor) -> None:
    """Say what they say."""
    while True:
        visitor.send(visitor.read_raw(1))


def two_keys(visitor: Visitor) -> None:
    visitor.send(key_of(visitor) * 2)


GROUP.about(*TIMEOUT.pair)
GROUP.ends("silence", silence)
GROUP.ends("a byte of the key, then silence", part_of_the_key(1))
GROUP.ends("half of the key, then silence", part_of_the_key(17))
GROUP.ends("all of the key but a byte, then silence", part_of_the_key(34), when=When.WIDELY)
GROUP.ends("the key, then silence", part_of_the_key(35))
GROUP.ends("the key, a byte at a time, slowly", slow_key)
GROUP.about("2", "what follows the key is a sealed frame")
GROUP.ends("the key twice", two_keys)
GROUP.about("5", "a connection that its remote has closed is given up")
GROUP.ends("a half close at once", half_close)
GROUP.ends("the key and a half close", key_and_half_close)
GROUP.leaves("a close at once", leave(sends_key=False, hard=False), when=When.WIDELY)
GROUP.leaves("a reset at once", leave(sends_key=False, hard=True))
GROUP.leaves("the key and a close", leave(sends_key=True, hard=False))
GROUP.leaves("the key and a reset", leave(sends_key=True, hard=True), when=When.WIDELY)
GROUP.about("2", "the first message is an ephemeral key, and nothing else")
GROUP.ends("a byte of urgent data", urgent, when=When.WIDELY)
GROUP.ends("whatever they send, sent back", mirror)
for name, data in NOISE.items():
    GROUP.ends(name, send(data), when=When.NEVER if len(data) > MOST_NOISE else None)
for name, data in HELLOS.items():
    named = name if name.startswith(("a ", "an ")) else f"the hello of {name}"
    GROUP.ends(named, send(data), when=None if name in TRIED_ALWAYS else When.WIDELY)
