import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.config.listen_address import ListenAddress


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "path"),
    [
        ("tcp://0.0.0.0:26656", "tcp", "0.0.0.0", 26656, ""),
        ("127.0.0.1:0", "tcp", "127.0.0.1", 0, ""),
        (":26660", "tcp", "", 26660, ""),
        ("tcp://[::1]:65535", "tcp", "::1", 65535, ""),
        ("localhost:1", "tcp", "localhost", 1, ""),
        ("unix:///run/peerage.sock", "unix", "", 0, "/run/peerage.sock"),
    ],
)
def test_addresses(text: str, scheme: str, host: str, port: int, path: str) -> None:
    """Addresses come apart, and read the same again when printed."""
    address = ListenAddress.parse(text)
    assert address == ListenAddress(scheme, host, port, path)
    assert ListenAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "tcp://", "host", "host:", "host:x", "host:65536", "host:-1", "host:+1", "host:\u0667"),
        *("::1:5", "a b:1", "udp://h:1", "unix://", "a@b:1", "[::1:5", "tcp://tcp://h:1"),
    ],
)
def test_no_addresses(text: str) -> None:
    """What is no address is refused."""
    with pytest.raises(ValueError):
        ListenAddress.parse(text)


def test_lists() -> None:
    """CometBFT's RPC listens on several addresses with commas between; an empty text is none."""
    assert ListenAddress.parse_list("") == ()
    assert [str(each) for each in ListenAddress.parse_list("tcp://h:1, unix:///s")] == [
        "tcp://h:1",
        "unix:///s",
    ]


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """No text raises anything but ValueError."""
    with contextlib.suppress(ValueError):
        ListenAddress.parse(text)
