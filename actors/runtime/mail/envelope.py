"""What travels between ports: frames, of which the first begins with a packed header.

    frame 0:   key 16 | kind 1 | flags 1 | extra frames 4 | source address 8 | correlation 8
               | len(target) 2 | len(sender) 2 | target name | sender's identity | body
    frame 1…:  the body, when it is large, then out-of-band buffers or the frames of a `Frames` value; small ones of
               these are joined to a bundle, which stands behind the pickle in the body, or first here if it is long

All integers are little-endian. Header and small body share one frame because every further frame costs a call on both
sides (tests/bench/runtime_messages.py). For what a body holds see `codec.py` and `batch.py`.

The key is the system's, which its processes alone have: what does not begin with it was not meant for the mailbox, or comes
from somebody who may not send there, and is refused unread (`inbox.py`). There is no version and no checksum: a message
never leaves its system, whose processes all run the same code.
"""

from __future__ import annotations

import secrets
import struct
from enum import IntEnum

# Names and identities have 16 bits for their length: a start with a longer name is refused before anything is sent.
HEADER = struct.Struct("<16sBBIQQHH")
KEY_BYTES = 16


def new_key() -> bytes:
    """The key of a new system, which nobody can guess."""
    return secrets.token_bytes(KEY_BYTES)


class Kind(IntEnum):
    """What a message is, and so which handler of a port gets it.

    TELL, TELL_IF_THERE, ASK, ASK_UNTIL and STOP are for an actor and wait for its turn in its mailbox, START for the next
    turn of the host's loop. Everything else is handled as soon as the port is read, even while an actor is blocked in a
    handler: otherwise neither the answer that it waits for nor the room in a window could come. Hence an answer may be
    handled before tells that its sender had sent earlier.
    """

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
    RELEASE = 36  # what to start in the host of a held SPAWN of the same port, by its correlation
    ASK_UNTIL = (
        37  # an ASK whose asker waits no longer than a point in time, which stands before the target's name
    )
    CANCEL = 38  # nobody wants the answer to an ask any more, by its correlation
    NAMES = 39  # to the root, about a name or a group: see `names.py`


UNTIL = struct.Struct("<d")  # monotonic seconds: one clock for all processes of a machine


# Flags: how to read a message, and what to count. Plain integers: arithmetic with enum members costs half a microsecond a
# message. They fill one byte of the header.
FRAMES = 1  # the value is a `Frames`
# The receiver takes small frames as bytes, and gets a view of ZeroMQ's own memory where that saves the copy of a large one.
LARGE_FRAMES = 2  # some extra frame is at least LARGE bytes
BODY_APART = 4  # the first extra frame is the body
EXEMPT = 8  # outside the sender's window: acknowledged in a count of its own
BATCH = 16  # a TELL of several messages; the correlation is their number
JOINED = 32  # a batch that is one pickle
BUNDLE = 64  # the small frames of a `Frames` are joined into one; their sizes stand beside its pickled header
SHARED = 128  # some frames lie in shared memory; their leases stand before the body
