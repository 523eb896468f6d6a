"""What `peerage start` does before it reads its command line: it starts the fork server of the node."""

from __future__ import annotations

from importlib import import_module

__all__ = ["start_fork_server"]

# What the command and the hosts both need. It is imported once, before the fork.
SHARED = (
    "peerage.actors.runtime.actor",
    "peerage.actors.runtime.processes.fork_server",
    "peerage.actors.context",
    "peerage.actors.messages",
    "peerage.config.logging",
    "peerage.supervisors.node.host_setup",
    "peerage.actors.discovery.book.calls",
    "peerage.actors.discovery.book.whole_file",
    "peerage.actors.switch.filters",
    "peerage.actors.peers.register",
    "peerage.actors.reactors.reactor",
    "concurrent.futures.thread",
)


def start_fork_server() -> None:
    """Import what is shared, and fork the server, which goes on with what only the hosts need."""
    from peerage.config.structlog_alone import without

    with without("typing_extensions"):
        import msgspec  # noqa: F401 - looks for it, and does without: 0.3 MiB that nobody else here needs
    for module in SHARED:
        import_module(module)
    from peerage.actors.runtime.processes import prelaunch
    from peerage.actors.runtime.processes.shared_pages import keep_shared
    from peerage.supervisors.node.parts import PRELOAD

    keep_shared()  # and what is there now, neither of both has to look through again
    prelaunch.start(PRELOAD, fork=True)
