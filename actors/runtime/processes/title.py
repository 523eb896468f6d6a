"""The names under which processes appear in `ps` and `top`: `peerage[anna]: switch`, or without a node `peerage: switch`."""

from __future__ import annotations

from collections.abc import Mapping

import setproctitle

NAME_CHARS = 32  # of what a process belongs to: a moniker may be longer than a line


def set_title(program: str, part: str, *, short: str = "") -> None:
    """Name this process `program: part`. The short name that the kernel keeps (`comm`) must not contain spaces.

    Since 3.12, Python counts its threads before a fork by splitting /proc/self/stat at spaces, and the short name stands
    before the count. With one space in the name it reads the niceness instead, with two the priority, which is 20, and warns
    that the process is multi-threaded.

    The short name has room for 15 bytes. So it has the part, and not what the process belongs to.

    Args: short, the part in the short name, where it is not the same.
    """
    setproctitle.setproctitle(f"{program}: {part}")
    comm = f"{program.partition('[')[0]}:{short or part}"
    setproctitle.setthreadtitle(comm.replace(": ", ":").replace(" ", "-"))


def of_whom(program: str, signature: Mapping[str, str]) -> str:
    """The program's name in the title of a process that belongs to somebody: to whom its lines of the log are signed, a node
    for example. Control characters, which a terminal would obey, are escaped.
    """
    if not signature:
        return program
    name = "/".join(signature.values())[: NAME_CHARS + 1]
    if not name.isprintable():
        name = name.encode("unicode_escape").decode()
    return f"{program}[{name if len(name) <= NAME_CHARS else name[: NAME_CHARS - 1] + '…'}]"
