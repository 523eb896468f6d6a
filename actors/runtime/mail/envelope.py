"""What travels between ports: frames, of which the first begins with a packed header.

    frame 0:   kind 1 | flags 1 | extra frames 4 | source address 8 | correlation 8
               | len(target) 2 | len(sender) 2 | target name | sender's identity | body
    frame 1…:  the body, when it is large, then out-of-band buffers or the frames of a `Frames` value; small ones of
               these are joined to a bundle, which stands behind the pickle in the body, or first here if it is long

All integers are little-endian. Header and small body share one frame because every further frame costs a call on both
sides (tests/bench/runtime_messages.py). What is in a body, `codec.py` and `batch.py` say.
"""

from __future__ import annotations

import struct
from enum import IntEnum

HEADER = struct.Struct("<BBIQQHH")


class Kind(IntEnum):
    """What a message is. Everything but TELL, ASK, STOP and START is handled as soon as a port is pumped."""

    TELL = 1
    ASK = 2
    STOP = 3  # queued like a user message; answered when the actor has ended
    REPLY = 4
    FAIL = 5  # the reply is an exception
    DEAD = 6  # the target of this correlation does not exist or ended first
    ACK = 7
    WATCH = 8
    UNWATCH = 9
    DOWN = 10
    PROBE = 11
    HOST_UP = 12
    HOST_DOWN = 13
    HOST_READY = 14
    HOST_BYE = 15
    SPAWN = 16
    RESERVE = 17
    START = 18
    HOST_STOP = 19
    KILL = 20
    QUERY = 21
    PORT_BYE = 22
    WAKE = 23
    READ = 24  # a future that has travelled; answered when it is resolved
    SET = 25  # such a future's value
    SET_FAILED = 26  # or its exception
    HOST_STANDING = 27
    SYSTEM_ENDS = 28
    KEPT = 29  # definitions that need not come again
    HOST_SIGTERM = 30
    GIVE_UP = 31  # a SPAWN of the same port, by its correlation
    FOLLOW = 32  # tell, on and on, when an actor of this name is up and when it has ended
    UNFOLLOW = 33
    NEWS = 34  # for a follower: a DownReason, or None for an actor that is up
    TELL_IF_THERE = 35  # outside the window, and nobody counts whether it is handled


# How to read a message. Plain integers: arithmetic with enum members costs half a microsecond a message.
FRAMES = 1  # the value is a `Frames`
LARGE_FRAMES = 2  # some extra frame is at least LARGE bytes
BODY_APART = 4  # the first extra frame is the body
EXEMPT = 8  # outside the sender's window
BATCH = 16  # a TELL of several messages; the correlation is their number
JOINED = 32  # a batch that is one pickle
BUNDLE = 64  # small frames of a `Frames` are one; its sizes stand beside the header
