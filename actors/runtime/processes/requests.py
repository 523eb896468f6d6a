"""What is asked for when a host is to be made, as values: what an actor's starter asks of the root, and what the root tells
the new process. They travel as plain tuples.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from peerage.actors.runtime.mail.ref import ActorRef

MEMORY = "shared memory"  # the name under which a process is passed the descriptor of it, beside those of its actor


class SpawnRequest(NamedTuple):
    """Message to the root: make a host in a process of its own and start an actor in it.

    Attributes: start_body, the packed `StartRequest`; fd_token, under which the descriptors of these names were passed;
    owner, an actor that the host must not outlive; log_setup, pickled, empty for the system's; signature, of the lines about
    the host; stops_others, whether the actor does; module, which the host imports at once;
    is_held, whether the host waits for a RELEASE, which brings the start_body; is_fresh, as of `Boot`.
    """

    host: str
    keep: bool
    actor: str
    start_body: bytes
    fd_names: tuple[str, ...]
    fd_token: str
    owner: ActorRef[Any] | None
    log_setup: bytes
    signature: dict[str, str]
    stops_others: bool
    module: str = ""
    is_held: bool = False
    is_fresh: bool = False


class Reservation(NamedTuple):
    """Message to the root: a host is to be made in a thread of the asker's process. The answer is its serial."""

    host: str
    signature: dict[str, str]
    owner: ActorRef[Any] | None = None
    stops_others: bool = False


class Boot(NamedTuple):
    """What a new host process must know.

    Attributes:
        system: the token of the one that it is a process of.
        key: of that system, with which all that is sent in it begins.
        directory_identity: of the directory that the root knows.
        directory_mended_at: when that was made again, monotonic seconds; -inf if it never was.
        environment: None if it is the fork server's.
        table: a pickled snapshot of the host table.
        log_setup: a pickled callable, empty for none, for the hosts that are started from there, too.
        module: to import while it waits.
        is_fresh: whether it is to have nothing of what the fork server has imported.
    """

    name: str
    serial: int
    keep: bool
    system: str
    key: bytes
    directory: str
    directory_identity: tuple[int, int]
    directory_mended_at: float
    title: str
    path: list[str]
    environment: dict[str, str] | None
    table: bytes
    fd_names: tuple[str, ...]
    log_setup: bytes
    module: str = ""
    is_fresh: bool = False
