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
        (rule.REACTORS, ("pkg.mod:Class", "ECHO=m:C", "m:Outer.Inner"), []),
        (
            rule.REACTORS,
            ("pkg.mod", ":C", "m:", "a b:C", "m:C:D", "1m:C"),
            ["pkg.mod", ":C", "m:", "a b:C", "m:C:D", "1m:C"],
        ),
        (rule.P2P_LISTEN, "tcp://0.0.0.0:26656", []),
        (rule.P2P_LISTEN, "tcp://:26656", ["tcp://:26656"]),
        (rule.P2P_LISTEN, "unix:///s", ["unix:///s"]),
        (rule.P2P_LISTEN, "", [""]),
        (rule.P2P_ADVERTISED, "", []),
        (rule.P2P_ADVERTISED, "159.89.10.97:26656", []),
        (rule.P2P_ADVERTISED, "159.89.10.97", ["159.89.10.97"]),
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
    """A rule names what breaks it: the value, or the items of a list that do."""
    assert list(of.offenders(value)) == offenders
