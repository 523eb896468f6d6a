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
    """Addresses are taken apart, and printing them gives the same address."""
    address = ListenAddress.parse(text)
    assert address == ListenAddress(scheme, host, port, path)
    assert ListenAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "tcp://", "host", "host:", "host:x", "host:65536", "host:-1", "host:+1", "host:\u0667"),
        *(
            "1.2.3.4:1,5.6.7.8:1",
            "::1:5",
            "a b:1",
            "udp://h:1",
            "unix://",
            "a@b:1",
            "[::1:5",
            "tcp://tcp://h:1",
        ),
    ],
)
def test_no_addresses(text: str) -> None:
    """Other texts are refused."""
    with pytest.raises(ValueError):
        ListenAddress.parse(text)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "{YOUR_IP}",
            "<ip>",
            "<your-ip>",
            "your.domain here",
            "$IP",
            "${IP}",
            "$(curl ifconfig.me)",
            "*",
            "1.2.3",
        ),
        *(
            "256.1.1.1",
            "1.2.3.4.5",
            "a..b",
            ".",
            "http",
            "münchen",
            "ID@1.2.3.4",
            "0x7f.1",
            '"1.2.3.4"',
            "1.2.3.4/24",
        ),
    ],
)
@pytest.mark.parametrize("port", ["26656", "0"])
def test_a_host_that_can_be_none_is_refused(host: str, port: str) -> None:
    """Above all a placeholder that nobody filled in. (A word may be a name; whether it resolves is checked at the start.)"""
    if host == "http":
        assert ListenAddress.parse(f"{host}:{port}").host == host
        return
    with pytest.raises(ValueError):
        ListenAddress.parse(f"{host}:{port}")


@pytest.mark.parametrize(
    "host", ["localhost", "node-1.example.org", "my_node", "1.2.3.4", "[2600::1]", "[fe80::1%eth0]"]
)
def test_a_host_is_an_ip_address_or_may_be_a_name(host: str) -> None:
    """A zone is allowed, since it has a meaning on this machine."""
    assert ListenAddress.parse(f"tcp://{host}:1").host == host.strip("[]")


def test_lists() -> None:
    """CometBFT's RPC listens on several addresses separated by commas; an empty text has none."""
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
