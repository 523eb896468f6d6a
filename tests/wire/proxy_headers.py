"""PROXY headers, written by the letter of the specification (sections 2.1 and 2.2), and what breaks its rules."""

from __future__ import annotations

from typing import Final

from peerage.wire.proxy_protocol import LONGEST, LONGEST_LINE, ProxySource

SIGNATURE: Final = bytes.fromhex("0d0a0d0a000d0a515549540a")


def v2(command: int, family: int, block: bytes, length: int | None = None) -> bytes:
    """A header of version 2. Args: block, all behind the length; length, another than that of the block."""
    size = len(block) if length is None else length
    return SIGNATURE + bytes([command, family]) + size.to_bytes(2, "big") + block


V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + (56324).to_bytes(2, "big") + (26656).to_bytes(2, "big")
V6 = bytes.fromhex("20010db800000000000000000000000720010db8000000000000000000000001") + V4[8:]
MAPPED = bytes(10) + b"\xff\xff" + V4[:4] + bytes(10) + b"\xff\xff" + V4[4:8] + V4[8:]
# The checksum's and the no-op's TLV, and AWS's with the ID of an endpoint.
TLV = b"\x03\x00\x04\x12\x34\x56\x78" + b"\x04\x00\x01\x00" + b"\xea\x00\x17\x01vpce-08d2bf15fac5001c9"
UNIX = b"/run/client".ljust(108, b"\0") + b"/run/server".ljust(108, b"\0")

LAST_IP = ":".join(["ffff"] * 8)
CLIENT, CLIENT6 = ProxySource("192.0.2.7", 56324), ProxySource("2001:db8::7", 56324)

GOOD: Final[tuple[tuple[bytes, ProxySource | None], ...]] = (
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 26656\r\n", CLIENT),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", ProxySource("255.255.255.255", 65535)),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n", ProxySource("192.0.2.7", 0)),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 26656\r\n", CLIENT6),
    (b"PROXY TCP6 2001:DB8:0::7 2001:db8::1 56324 26656\r\n", CLIENT6),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 56324 26656\r\n", CLIENT),
    (
        f"PROXY TCP6 {LAST_IP} {LAST_IP} 65535 65535\r\n".encode(),
        ProxySource(LAST_IP, 65535),
    ),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:: 192.0.2.7 \r \n 1\r\n", None),
    (b"PROXY UNKNOWN ".ljust(LONGEST_LINE - 2, b"x") + b"\r\n", None),
    (v2(0x21, 0x11, V4), CLIENT),
    (v2(0x21, 0x11, V4 + TLV), CLIENT),
    (v2(0x21, 0x21, V6), CLIENT6),
    (v2(0x21, 0x21, V6 + TLV), CLIENT6),
    (v2(0x21, 0x21, MAPPED), CLIENT),
    (v2(0x21, 0x11, V4.ljust(LONGEST - 16, b"\0")), CLIENT),
    (v2(0x21, 0x00, b""), None),
    (v2(0x21, 0x00, TLV), None),
    (v2(0x21, 0x31, UNIX + TLV), None),
    (v2(0x20, 0x00, b""), None),
    (v2(0x20, 0x11, V4), None),
    (v2(0x20, 0xFF, b"any"), None),
)
"""Headers, and whom they name; None: the TCP connection's own source counts."""

OTHER, LINE = "other bytes instead of it", "the line"

BAD: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x22\x0a\x20" + bytes(32), OTHER),
    (b"GET / HTTP/1.1\r\n\r\n", OTHER),
    (b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", OTHER),
    (b"PROXYTCP4\r\n", OTHER),
    (b"\0" + SIGNATURE, OTHER),
    (SIGNATURE[:11] + b"\x0b!\x11\0\0", OTHER),
    (b"PROXY \r\n", LINE),
    (b"PROXY  UNKNOWN\r\n", LINE),
    (b"PROXY UNKNOWNS\r\n", LINE),
    (b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", LINE),
    (b"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 example.org 1 2\r\n", LINE),
    (b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", LINE),
    (b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", LINE),
    (b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n", LINE),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 \xc2\xb2 2\r\n", LINE),
    (b"PROXY UNKNOWN ".ljust(LONGEST_LINE - 1, b"x") + b"\r\n", "no end of the line"),
    (b"PROXY " + b"\n" * 200, "no end of the line"),
    (v2(0x11, 0x11, V4), "version and command 0x11"),
    (v2(0x22, 0x11, V4), "version and command 0x22"),
    (v2(0x21, 0x12, V4), "family and transport 0x12"),
    (v2(0x21, 0x41, V4), "family and transport 0x41"),
    (v2(0x21, 0x11, V4[:-1]), "addresses of 11 bytes"),
    (v2(0x21, 0x21, V4), "addresses of 12 bytes"),
    (v2(0x21, 0x11, V4, length=LONGEST - 15), "bytes behind its head"),
    (v2(0x20, 0x00, b"", length=0xFFFF), "bytes behind its head"),
)
"""What is no header, and a part of what is said about it."""
