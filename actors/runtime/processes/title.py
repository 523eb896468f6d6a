"""What a process is called where processes are listed."""

from __future__ import annotations

import setproctitle


def set_title(title: str) -> None:
    """Call this process `title`; the short name of it that the kernel keeps (`comm`) has no spaces.

    From 3.12 on, Python counts its threads before a fork in /proc/self/stat, where the short name comes before the count,
    field by field between spaces: with one in the name it read the niceness, with two the priority, which is 20, and warned
    that the process were multi-threaded.
    """
    setproctitle.setproctitle(title)
    setproctitle.setthreadtitle(title.replace(": ", ":").replace(" ", "-"))
