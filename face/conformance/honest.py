"""What a node does for an honest peer: what it says itself is checked here, and nowhere else."""

from __future__ import annotations

from peerage.conformance.case import Group
from peerage.conformance.visitor import Visitor, WrongAnswerError
from peerage.wire.delimited import delimit
from peerage.wire.errors import RemoteError
from peerage.wire.handshake_messages import EphemeralKey
from peerage.wire.keys import node_id_of, verify
from peerage.wire.remote_text import shown

__all__ = ["GROUP"]

GROUP = Group("An honest peer", "honest")


def joins(visitor: Visitor) -> None:
    visitor.join()
    visitor.confirm()


def hears_first(visitor: Visitor) -> None:
    """Their key comes before ours is sent."""
    theirs = visitor.receive_key()
    right = delimit(EphemeralKey(visitor.remote_ephemeral).encode())
    if theirs != right:
        raise WrongAnswerError(f"the key came as {theirs.hex()}, not as {right.hex()}")
    visitor.send(delimit(EphemeralKey(visitor.public).encode()))
    visitor.derive(visitor.public)
    visitor.prove()
    visitor.introduce()


def hears_another_key(visitor: Visitor) -> None:
    visitor.join()
    with visitor.again() as other:
        other.exchange_keys()
        if other.remote_ephemeral == visitor.remote_ephemeral:
            raise WrongAnswerError("two connections have the same ephemeral key")


def checks_proof(visitor: Visitor) -> None:
    visitor.join()
    proof = visitor.their_proof
    assert proof is not None
    assert visitor.keys is not None
    if not verify(proof.public_key, visitor.keys.challenge, proof.signature):
        raise WrongAnswerError("its signature does not verify")


def checks_id(visitor: Visitor) -> None:
    visitor.join()
    assert visitor.their_proof is not None
    assert visitor.theirs is not None
    proved, said = node_id_of(visitor.their_proof.public_key), visitor.theirs.id
    if said != proved:
        raise WrongAnswerError(f"NodeInfo says {shown(said)}, the key is that of {proved}")


def checks_info(visitor: Visitor) -> None:
    visitor.join()
    assert visitor.theirs is not None
    try:
        visitor.theirs.validate()
    except RemoteError as error:
        raise WrongAnswerError(str(error)) from error


GROUP.about("2", "neither side waits for the other's key")
GROUP.goes_on("who waits hears their key first, in its one right form", hears_first)
GROUP.about("2.1", "an ephemeral key is made for each connection", takes_two=True)
GROUP.goes_on("two connections have two keys", hears_another_key)
GROUP.about("2.5", "the node signs the challenge of this connection")
GROUP.goes_on("its proof holds", checks_proof)
GROUP.about("3", "the ID in NodeInfo is that of the key")
GROUP.goes_on("its NodeInfo has the ID of its key", checks_id)
GROUP.about("3", "NodeInfo is valid")
GROUP.goes_on("its NodeInfo is valid", checks_info)
GROUP.about("4", "a peer is served")
GROUP.goes_on("a handshake as it should be, and a ping", joins)
