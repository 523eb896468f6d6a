"""A hostile peer on one connection."""

from __future__ import annotations

import pytest

from peerage.conformance.visitor import MOST_BYTES, MOST_MESSAGES
from peerage.wire.pex import MAX_PEX_BYTES, PexRequest, decode_pex
from tests.face.conformance.model import Kind, ModelNode


def test_a_sample_of_any_size_is_a_request_that_is_answered() -> None:
    """In one packet or in many."""
    with ModelNode() as node, node.visit() as visitor:
        visitor.join()
        for size in (2, 3000):
            message = visitor.sample(size)
            assert len(message) == size
            visitor.message(message)
            visitor.hear_back(message)
        assert visitor.was_answered


@pytest.mark.parametrize("size", [2, 6, 129, 300, 1024, 1027, MAX_PEX_BYTES])
def test_samples_are_requests(size: int) -> None:
    """As long as they are said to be."""
    with ModelNode() as node, node.visit() as visitor:
        message = visitor.sample(size)
    assert len(message) == size
    assert decode_pex(message) == PexRequest()


def test_a_node_is_confirmed_by_a_pong_or_ends() -> None:
    """And whoever waits for the end is told whether it came."""
    with ModelNode() as node, node.visit() as visitor:
        visitor.join()
        visitor.confirm()
        assert not visitor.wait_for_the_end(0.01)
    with ModelNode(Kind.RUDE) as node, node.visit() as visitor:
        visitor.join()
        assert visitor.wait_for_the_end(10.0)


def test_what_a_reactor_says_unasked_is_bounded() -> None:
    """In number and in bytes; the newest is kept."""
    with ModelNode() as node, node.visit() as visitor:
        for number in range(2 * MOST_MESSAGES):
            visitor._keep(1, b"%d" % number)
        assert len(visitor._messages) == MOST_MESSAGES
        for _ in range(4):
            visitor._keep(2, bytes(MOST_BYTES // 2))
        visitor._keep(3, b"last")
        assert [channel for channel, _data in visitor._messages] == [2, 3]


def test_another_connection_comes_from_an_address_that_is_to_spare() -> None:
    """By default from our own; it is noted, so that it can be counted."""
    with ModelNode() as node, node.visit() as visitor:
        with visitor.again() as other:
            assert other.sock.getsockname()[0] == "127.0.0.1"
        visitor.spare = lambda: "127.9.9.9"
        with visitor.again() as other:
            assert other.sock.getsockname()[0] == "127.9.9.9"
        assert len(visitor.made) == 2
