"""A node that dials us, and whom it finds there."""

from __future__ import annotations

from peerage.conformance import key_exchange, node_infos, opening, proofs
from peerage.conformance.case import TIMEOUT, Group
from peerage.conformance.visitor import Visitor

__all__ = ["GROUP"]

GROUP = Group("Dialled by the node", "dialled")


def another_id(visitor: Visitor) -> None:
    """Not the one that was dialled."""
    visitor.key = type(visitor.key).generate()
    visitor.join()


def says_nothing(_visitor: Visitor) -> None:
    """Accepted, and that is all."""


def leaves_after_joining(visitor: Visitor) -> None:
    visitor.join()
    visitor.sock.close()


GROUP.about("2", "the ID that proves itself is the dialled one")
GROUP.ends("another ID than the dialled one", another_id, is_dialled=True)
GROUP.about(*TIMEOUT.pair)
GROUP.ends("silence", says_nothing, is_dialled=True)
GROUP.about("5", "a connection that its remote has closed is given up")
GROUP.leaves("a close at once", opening.leave(sends_key=False, hard=False), is_dialled=True)
GROUP.leaves("a reset at once", opening.leave(sends_key=False, hard=True), is_dialled=True)
GROUP.ends("a half close at once", opening.half_close, is_dialled=True)
GROUP.about("2", "who is dialled is checked as who dials is")
GROUP.ends("the key, a byte at a time, slowly", opening.slow_key, is_dialled=True)
GROUP.ends("its own key", key_exchange.reflected, is_dialled=True)
GROUP.ends("the point 0", key_exchange.low_order(bytes(32)), is_dialled=True)
GROUP.ends("a mebibyte announced, then silence", key_exchange.send(b"\x80\x80\x40"), is_dialled=True)
GROUP.ends("no proof, for ever", proofs.stays_silent, is_dialled=True)
GROUP.ends("the signature of another key", proofs.by_another, is_dialled=True)
GROUP.ends("its own proof", proofs.reflected, is_dialled=True)
GROUP.ends("no NodeInfo, for ever", node_infos.none, is_dialled=True)
GROUP.ends("NodeInfo with another ID", node_infos.values(id="ab" * 20), is_dialled=True)
GROUP.ends("NodeInfo of another network", node_infos.of_network(node_infos.other), is_dialled=True)
GROUP.ends("NodeInfo of 10,241 bytes", node_infos.message(node_infos.filled(10_241)), is_dialled=True)
GROUP.ends("an HTTP answer", opening.send(opening.HELLOS["an HTTP answer"]), is_dialled=True)
GROUP.leaves("all that it should be, and a close", leaves_after_joining, is_dialled=True)
for name in ("HTTP GET", "TLS 1.3", "SSH", "libp2p"):
    GROUP.ends(f"the hello of {name}", opening.send(opening.HELLOS[name]), is_dialled=True)
