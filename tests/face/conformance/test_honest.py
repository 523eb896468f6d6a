"""What a node does for an honest peer."""

from __future__ import annotations

import pytest

from peerage.conformance import honest
from peerage.conformance.visitor import WrongAnswerError
from peerage.wire.handshake_messages import AuthSignature
from tests.face.conformance.model import Kind, ModelNode, case_of, ending, is_caught


@pytest.mark.parametrize("name", [case.name for case in honest.GROUP.cases])
def test_a_node_that_keeps_the_rules_passes(name: str) -> None:
    """All of them."""
    assert ending(Kind.STRICT, honest.GROUP, name).wrong == ""


def test_a_node_that_hangs_up_behind_the_handshake_does_not_serve() -> None:
    """Whatever else is right."""
    assert list(is_caught(honest.GROUP, "a handshake as it should be, and a ping")) == []


def test_a_proof_that_does_not_hold_is_told() -> None:
    """The signature of another challenge."""
    with ModelNode() as node, node.visit() as visitor:
        join = visitor.join

        def with_another_proof() -> None:
            join()
            assert visitor.their_proof is not None
            visitor.their_proof = AuthSignature(visitor.their_proof.public_key, bytes(64))

        visitor.join = with_another_proof  # type: ignore[assignment]  # as a node would have it
        with pytest.raises(WrongAnswerError, match="its signature does not verify"):
            case_of(honest.GROUP, "its proof holds").act(visitor)
