"""What processes ask the root about names and groups: one kind of message, of which the body says what for."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from peerage.actors.runtime.mail.ref import ActorRef

LONGEST_NAME = 1024  # bytes, as of an actor
LARGEST_VALUE = 64 * 1024  # bytes of a pickled value beside a name, which the root holds


class Order(IntEnum):
    """What the root is asked for, with its arguments."""

    REGISTER = 1  # name, ref, value; answer: None, or NameTakenError
    UNREGISTER = 2  # name, ref or None for whoever has it; answer: whether it was registered so
    FIND = 3  # name; answer: a Member, or None
    WAIT = 4  # name, seconds; answer: a Member as soon as there is one, None when the time is over
    NAMES = 5  # answer: {name: Member}
    JOIN = 6  # group, ref, value
    LEAVE = 7  # group, ref; answer: whether it was a member
    MEMBERS = 8  # group; answer: a tuple of Members, in the order of joining
    GROUPS = 9  # answer: {group: how many members}


class Member(NamedTuple):
    """An actor under a name or in a group, with what whoever entered it had to say about it."""

    ref: ActorRef[Any]
    packed: bytes = b""  # a pickle that the root does not read; empty for None


def name_key(name: str) -> str:
    return f"={name}"


def group_key(group: str) -> str:
    return f"+{group}"
