"""Whether the program has replaced what actors are built on, as gevent does (`monkey.patch_all`, `gunicorn -k gevent`)."""

from __future__ import annotations

import sys

NEEDED = ("threading", "socket", "select")


def refusal() -> str:
    """Why there can be no actors here; empty when there can."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not any(map(monkey.is_module_patched, NEEDED)):
        return ""
    return (
        "gevent has replaced Python's threads and sockets (monkey.patch_all), which actors need as they are: "
        "have the actors in a process without it, or use asyncio in place of gevent"
    )
