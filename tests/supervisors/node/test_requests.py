"""What a program may want of its node, without a node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.messages import DialPeer
from peerage.actors.messages.steering import ClosedPeer
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.supervisors.node import requests
from peerage.supervisors.node.errors import DialError
from peerage.supervisors.node.node import Node
from peerage.wire.keys import NodeID

ID = NodeID("ab" * 20)
ADDRESS = f"{ID}@127.0.0.1:1"
REFUSED = Refusal(RefusalReason.UNREACHABLE, "nobody there")


@pytest.mark.parametrize(
    ("persistent", "wait", "waits"), [(False, None, True), (True, None, False), (True, True, True)]
)
def test_a_dial_is_waited_for_unless_it_is_persistent_or_the_caller_says_so(
    persistent: bool, wait: bool | None, waits: bool
) -> None:
    """Only whoever waits hears of a refusal."""
    request = requests.dial(ADDRESS, persistent, wait, 3.0)
    assert request.message == DialPeer(ADDRESS, persistent, waits)
    assert request.timeout == 3.0
    if waits:
        with pytest.raises(DialError, match="nobody there"):
            request.result(REFUSED)
    else:
        assert request.result(None) is None


def test_ids_are_looked_at_before_anybody_is_asked() -> None:
    """They reach the book and the switch as CometBFT writes them."""
    with pytest.raises(ValueError, match="'nobody' is no node ID"):
        requests.remove_persistent(["nobody"])
    assert requests.remove_persistent([ID.upper()]).message.ids == (ID,)
    assert requests.remove_persistent([f"{ID}@127.0.0.1:26656"]).message.ids == (ID,)


@pytest.mark.parametrize(
    ("request_", "answer", "result"),
    [
        (requests.disconnect(ID), (ClosedPeer(ID, "127.0.0.1:1", is_persistent=False),), (ID,)),
        (requests.get_peers(), (), []),
        (requests.make_private([ID]), None, None),
        (requests.unban(ID), True, True),
    ],
)
def test_what_a_program_gets_of_an_answer(request_: requests.Request[Any], answer: Any, result: Any) -> None:
    """IDs, peers, and nothing where there is nothing to tell."""
    assert request_.result(answer) == result


@pytest.mark.parametrize("seconds", [0.0, -5.0, float("nan"), float("inf")])
def test_a_ban_lasts_for_some_time(seconds: float) -> None:
    """One that has ended before it begins keeps nobody out."""
    with pytest.raises(ValueError, match=r"a ban for .* seconds is none; a number above 0 is expected"):
        requests.ban(ID, seconds, "by this test")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: requests.dial(None, False, None, 3.0), "address is None; text is expected: ID@host:port"),  # type: ignore[arg-type]
        (lambda: requests.disconnect(5), "whom is 5; text is expected: a node ID or an IP address"),  # type: ignore[arg-type]
        (lambda: requests.ban(b"x", 1.0, ""), "subject is b'x'; text is expected"),  # type: ignore[arg-type]
        (lambda: requests.unban(None), "subject is None; text is expected"),  # type: ignore[arg-type]
        (
            lambda: requests.make_persistent(ADDRESS),
            f"addresses is '{ADDRESS}'; a list of texts is expected, each ID@host:port",
        ),
        (lambda: requests.make_private(ID), f"ids is '{ID}'; a list of texts is expected, each a node ID"),
        (lambda: requests.make_unconditional(None), "ids is None; a list of texts is expected"),  # type: ignore[arg-type]
        (lambda: requests.remove_persistent([5]), "one of ids is 5; text is expected: a node ID"),  # type: ignore[list-item]
        (lambda: requests.dial_in_background([None], False, False, False), "one of addresses is None; text"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_text_is_a_mistake_that_says_what_is_expected(
    call: Callable[[], object], said: str
) -> None:
    """One address in place of a list, too, which would be taken for as many addresses as it has characters."""
    with pytest.raises(TypeError, match=f"^{re.escape(said)}"):
        call()


@pytest.mark.parametrize("make", [Node, requests.reconfigure])
def test_what_is_no_configuration_is_a_mistake_that_says_what_is_expected(make: Any) -> None:
    """The path of one, say."""
    with pytest.raises(TypeError, match=r"config is '/srv/node'; a peerage.Config is expected"):
        make("/srv/node")
