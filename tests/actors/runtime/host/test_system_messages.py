"""Messages of hosts to each other, as one value."""

from __future__ import annotations

from peerage.actors.runtime.host.system_messages import SystemMessage, handler
from peerage.actors.runtime.mail import codec


def test_a_handler_gets_what_matters_as_one_value() -> None:
    """Of the eight arguments that a port has."""
    served: list[SystemMessage] = []
    handler(served.append)(1, 7, 3, b"target", b"sender", codec.dumps({"a": 1}), (), 4)
    [message] = served
    assert message[:3] == (7, 3, b"target")
    assert message.read() == {"a": 1}
