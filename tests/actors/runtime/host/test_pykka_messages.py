"""Pykka's own messages are done, not handed to `on_receive`."""

from __future__ import annotations

from typing import Any

import pytest
from pykka import messages

from peerage.actors.runtime import ProcessActor
from peerage.actors.runtime.host.pykka_messages import PYKKA_MESSAGES, receive_pykka
from peerage.actors.runtime.mail.proxy import Introspect


class Counter(ProcessActor):
    """Has something to call, to read and to set."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 1

    def add(self, number: int) -> int:
        return self.count + number

    def on_receive(self, message: Any) -> Any:
        raise AssertionError(message)


def test_a_call_a_read_and_a_write_reach_the_object() -> None:
    counter = Counter()
    assert receive_pykka(counter, messages.ProxyCall(("add",), (2,), {})) == 3
    receive_pykka(counter, messages.ProxySetAttr(("count",), 5))
    assert receive_pykka(counter, messages.ProxyGetAttr(("count",))) == 5


def test_a_proxy_asks_once_what_the_object_has() -> None:
    attributes = receive_pykka(Counter(), Introspect())
    assert {("add",), ("count",)} <= set(attributes)


def test_what_the_method_raises_is_raised() -> None:
    with pytest.raises(TypeError):
        receive_pykka(Counter(), messages.ProxyCall(("add",), ("one",), {}))


def test_a_subclass_is_a_message_like_any_other() -> None:
    class Call(messages.ProxyCall):
        """Somebody's own."""

    assert type(Call(("add",), (), {})) not in PYKKA_MESSAGES
