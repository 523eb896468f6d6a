"""The names under which processes appear in `ps` and `top`."""

from __future__ import annotations

import setproctitle


def set_title(title: str) -> None:
    """Name this process `title`. The short name that the kernel keeps (`comm`) must not contain spaces.

    Since 3.12, Python counts its threads before a fork by splitting /proc/self/stat at spaces, and the short name stands
    before the count. With one space in the name it reads the niceness instead, with two the priority, which is 20, and warns
    that the process is multi-threaded.
    """
    setproctitle.setproctitle(title)
    setproctitle.setthreadtitle(title.replace(": ", ":").replace(" ", "-"))
