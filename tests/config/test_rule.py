from typing import Any

import pytest

from peerage.config import rule
from peerage.config.rule import Rule

ID = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("of", "value", "offenders"),
    [
        (rule.NOT_NEGATIVE, 0, []),
        (rule.NOT_NEGATIVE, -1, [-1]),
        (rule.MORE_THAN_ZERO, 0.0, [0.0]),
        (rule.between(1, 3), 3, []),
        (rule.between(1, 3), 4, [4]),
        (rule.one_of("a", "b"), "b", []),
        (rule.one_of("a", "b"), "c", ["c"]),
        (rule.CHAIN_ID, "", []),
        (rule.CHAIN_ID, "x" * 50, []),
        (rule.CHAIN_ID, "x" * 51, ["x" * 51]),
        (rule.CHAIN_ID, "\u00e9" * 26, ["\u00e9" * 26]),
        (rule.PRINTABLE_ASCII, "my node", []),
        (rule.PRINTABLE_ASCII, "  ", ["  "]),
        (rule.PRINTABLE_ASCII, "n\u00f6de", ["n\u00f6de"]),
        (rule.NET_ADDRESSES, (), []),
        (rule.NET_ADDRESSES, (f"{ID}@host.example:1", f"tcp://{ID}@1.2.3.4:5"), []),
        (
            rule.NET_ADDRESSES,
            (f"{ID}@h:1", "nonsense", f"{ID}@h", f"{ID}@h:70000"),
            ["nonsense", f"{ID}@h", f"{ID}@h:70000"],
        ),
        (rule.NODE_IDS, (ID, "short"), ["short"]),
        (rule.NEVER_OR_A_SECOND, 0.0, []),
        (rule.NEVER_OR_A_SECOND, 1.0, []),
        (rule.NEVER_OR_A_SECOND, 0.5, [0.5]),
        (
            rule.NETWORKS,
            ("10.0.0.0/8", "10.0.0.1/8", "192.0.2.7", "2001:db8::/32", "::ffff:10.0.0.0/104"),
            [],
        ),
        (
            rule.NETWORKS,
            ("", "10.0.0.0/33", "10.0.0", "lb.example", "fe80::1%eth0"),
            ["", "10.0.0.0/33", "10.0.0", "lb.example", "fe80::1%eth0"],
        ),
        (rule.REACTORS, ("pkg.mod:Class", "ECHO=m:C", "m:Outer.Inner", "price_feed", "FEED=price-feed"), []),
        (
            rule.REACTORS,
            ("", "FEED=", ":C", "m:", "a b", "a b:C", "m:C:D", "1m:C"),
            ["", "FEED=", ":C", "m:", "a b", "a b:C", "m:C:D", "1m:C"],
        ),
        (rule.P2P_LISTEN, "tcp://0.0.0.0:26656", []),
        (rule.P2P_LISTEN, "tcp://:26656", ["tcp://:26656"]),
        (rule.P2P_LISTEN, "unix:///s", ["unix:///s"]),
        (rule.P2P_LISTEN, "", [""]),
        (rule.P2P_ADVERTISED, "", []),
        (rule.P2P_ADVERTISED, "159.89.10.97:26656", []),
        (rule.P2P_ADVERTISED, "159.89.10.97", ["159.89.10.97"]),
        (rule.MORE_LISTEN, ("tcp://[::]:26656", "0.0.0.0:0"), []),
        (
            rule.MORE_LISTEN,
            ("tcp://localhost:1", "::1", "unix:///s", "[::1]"),
            ["tcp://localhost:1", "::1", "unix:///s", "[::1]"],
        ),
        (rule.MORE_ADVERTISED, ("[2001:db8::1]:1", "tcp://192.0.2.1:1"), []),
        (
            rule.MORE_ADVERTISED,
            ("[::]:1", "192.0.2.1:0", "node.example:1", "auto"),
            ["[::]:1", "192.0.2.1:0", "node.example:1", "auto"],
        ),
        (rule.HTTP_LISTEN, "", []),
        (rule.HTTP_LISTEN, "tcp://127.0.0.1:26657,unix:///s", []),
        (rule.HTTP_LISTEN, "127.0.0.1", ["127.0.0.1"]),
        (rule.METRICS_LISTEN, ":26660", []),
        (rule.METRICS_LISTEN, "26660", ["26660"]),
        (rule.LOG_LEVEL, "p2p:debug,*:error", []),
        (rule.LOG_LEVEL, "loud", ["loud"]),
    ],
)
def test_rules(of: Rule[Any], value: object, offenders: list[object]) -> None:
    """A rule returns what breaks it: the value, or the offending items of a list."""
    assert list(of.offenders(value)) == offenders


@pytest.mark.parametrize(
    ("of", "value", "part"),
    [
        (rule.NETWORKS, "10.0.0.0/33", "this is neither an address nor a network"),
        (rule.NET_ADDRESSES, f"{ID}@h", "the port is missing"),
        (rule.NET_ADDRESSES, f"{ID}@h:", "the port is missing"),
        (rule.NET_ADDRESSES, f"{ID}@[::1]", "the port is missing"),
        (rule.NET_ADDRESSES, f"{ID}@h:70000", "port '70000' is not a number from 0 to 65535"),
        (rule.NET_ADDRESSES, f"{ID}@h:26656/", "port '26656/' is not a number"),
        (rule.NET_ADDRESSES, "h:26656", "there is no node ID"),
        (rule.NET_ADDRESSES, "@h:26656", "nothing before the @"),
        (rule.NET_ADDRESSES, f"{ID[:-1]}@h:1", "is not 40 hexadecimal characters: it has 39"),
        (rule.NET_ADDRESSES, f"{ID[:-1]}g@h:1", "is not 40 hexadecimal characters: there is 'g' in it"),
        (rule.NET_ADDRESSES, "g1xa78fprcqcejfpk8xeycd4hzxtg56w9qe29xky@h:1", "is one of gno.land"),
        (rule.NET_ADDRESSES, f'"{ID}@h:1"', "there is '\"' in it"),
        (rule.NET_ADDRESSES, f"{ID}@2001:db8::1:26656", "an IPv6 host goes into brackets"),
        (rule.NET_ADDRESSES, f"{ID}@[2001:db8::1:26656", "the closing bracket is missing"),
        (rule.NET_ADDRESSES, f"{ID}@:1", "the host is empty"),
        (rule.NET_ADDRESSES, f"{ID}@tcp://h:1", "the ID stands in front of the scheme"),
        (rule.NET_ADDRESSES, f"{ID}@h:1 {ID}@i:1", "a blank or a line break inside"),
        (rule.NET_ADDRESSES, f"{ID}@h:1;{ID}@i:1", "there are 2 @"),
        (rule.NET_ADDRESSES, f"{ID}@a b:1", "a blank or a line break inside"),
        (rule.NET_ADDRESSES, f"{ID} @h:1", "a blank or a line break inside"),
        (rule.NODE_IDS, f"{ID}@h:1", "only the ID in front of its @"),
        (rule.NODE_IDS, ID[1:], "it has 39"),
        (rule.P2P_LISTEN, "", "the port is missing"),
        (rule.P2P_LISTEN, "1.2.3.4:1,5.6.7.8:1", "there is a comma: one address is expected"),
        (rule.P2P_LISTEN, "26656", "the port is missing"),
        (rule.P2P_LISTEN, "tcp://0.0.0.0", "the port is missing"),
        (rule.P2P_LISTEN, "tcp://:26656", "the host is missing"),
        (rule.P2P_LISTEN, "tcp://0.0.0.0:99999", "port '99999'"),
        (rule.P2P_LISTEN, "tcp://0.0.0.0:26 656", "a blank or a line break"),
        (rule.P2P_LISTEN, "http://0.0.0.0:26656", "the scheme is 'http', expected tcp"),
        (rule.P2P_LISTEN, "unix:///s", "the scheme unix is of no use here"),
        (rule.P2P_LISTEN, "tcp://:::26656", "an IPv6 host goes into brackets"),
        (rule.P2P_LISTEN, "tcp://::", "an IPv6 host goes into brackets"),
        (rule.P2P_LISTEN, "tcp://[::]", "the port is missing"),
        (rule.P2P_LISTEN, "tcp://[::1:26656", "its brackets do not match"),
        (rule.P2P_LISTEN, "tcp://h:1/", "a / behind the scheme"),
        (rule.P2P_ADVERTISED, f"{ID}@h:1", "no ID belongs here"),
        (rule.P2P_ADVERTISED, "https://h:1", "the scheme is 'https'"),
        (rule.HTTP_LISTEN, "tcp://h:1,unix://", "the path is missing"),
        (rule.METRICS_LISTEN, "localhost", "the port is missing"),
    ],
)
def test_each_mistake_in_an_address_has_its_own_sentence(of: Rule[Any], value: str, part: str) -> None:
    """It says what is wrong with this one, not what addresses look like in general."""
    as_list = isinstance(of, Rule) and of in (rule.NET_ADDRESSES, rule.NODE_IDS, rule.NETWORKS)
    (offender,) = of.offenders((value,) if as_list else value)
    assert part in of.reason(offender)
