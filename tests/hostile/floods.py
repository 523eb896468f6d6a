"""Much of what is small and legal, as fast as it goes: what it costs the others is bounded (docs/topics/floods.md)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from peerage.conformance.case import Act, Group, Outcome
from peerage.conformance.sealed_frames import frame, plain
from peerage.conformance.visitor import Visitor
from peerage.wire.packet import PacketMsg, encode_packet
from peerage.wire.pex import PexRequest
from tests.chaos.flooders import CHUNK, LITTLE_DATA, MESSAGES
from tests.hostile import visitor as echoing
from tests.hostile.limits import HIGH, LOW, LOW_CAPACITY

__all__ = ["GROUP"]

CROWD = 60

GROUP = Group("Floods", is_flood=True)
ANY = (Outcome.ENDED, Outcome.SERVED, Outcome.HELD)


def seconds_of(visitor: Visitor) -> float:
    """How long a flood of that visitor takes."""
    assert isinstance(visitor, echoing.Visitor)
    return visitor.flood_s


def flood(make: Callable[[Visitor], bytes]) -> Act:
    """Args: make, what is sent next, sealed."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        end = time.monotonic() + seconds_of(visitor)
        while time.monotonic() < end:
            visitor.send(make(visitor))

    return act


def packets(data: bytes) -> Act:
    chunk = data * (CHUNK // len(data))
    return flood(lambda visitor: visitor.sealer.seal(chunk))


def crumbs(data: bytes) -> Act:
    """A frame for each byte."""
    return flood(lambda visitor: b"".join(visitor.sealer.seal(bytes((byte,))) for byte in data * 20))


def empty_frames(visitor: Visitor) -> bytes:
    return b"".join(frame(visitor, plain(b"")) for _ in range(50))


def crowd(step: Callable[[Visitor], object]) -> Act:
    """More connections than one, all at the same point, from the same address."""

    def act(visitor: Visitor) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(CROWD):
                with contextlib.suppress(OSError):
                    step(stack.enter_context(visitor.again()))
        visitor.sock.close()

    return act


def nothing(_visitor: Visitor) -> None:
    """Only connected."""


def unfinished(visitor: Visitor) -> None:
    """A message on each channel that has no end, with other packets between."""
    visitor.join()
    end = time.monotonic() + seconds_of(visitor)
    parts = [PacketMsg(each, False, bytes(3)) for each in (HIGH, LOW)]
    said = 0  # bytes of each message: a busy machine may not get beyond what is allowed in that time
    while time.monotonic() < end or said <= LOW_CAPACITY:
        visitor.say(b"".join(map(encode_packet, parts)) * 50)
        said += 3 * 50


def unread(visitor: Visitor) -> None:
    """Messages that are to be echoed, of which nothing is read."""
    visitor.join()
    end = time.monotonic() + seconds_of(visitor)
    visitor.deadline = end
    message = encode_packet(PacketMsg(HIGH, True, bytes(1000))) * 50
    with contextlib.suppress(TimeoutError):  # it does not read either, as long as we do not
        while time.monotonic() < end:
            visitor.say(message)
    visitor.sock.close()


for name, data in {**LITTLE_DATA, **MESSAGES}.items():
    GROUP.add(f"a flood of {name}", packets(data), *ANY)
GROUP.add("a flood of a byte in each frame", crumbs(LITTLE_DATA["a byte"]), *ANY)
GROUP.add("a flood of frames without data", flood(empty_frames), *ANY)
GROUP.ends(
    "a flood of requests for addresses", packets(encode_packet(PacketMsg(0, True, PexRequest().encode())))
)
GROUP.add(
    "a flood of messages on a channel that only we have",
    packets(encode_packet(PacketMsg(0x7E, True, b"x"))),
    *ANY,
)
GROUP.ends("a flood of parts of messages that do not end", unfinished)
GROUP.leaves("a flood of messages whose echo is not read", unread)
GROUP.leaves(f"{CROWD} connections that say nothing", crowd(nothing))
GROUP.leaves(f"{CROWD} connections that stop behind the key", crowd(Visitor.exchange_keys))
GROUP.leaves(f"{CROWD} connections that stop behind the proof", crowd(Visitor.identify))
GROUP.leaves(f"{CROWD} peers that leave at once", crowd(Visitor.join))
