"""What each host process of a node does first, and what it is told to do later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from peerage.actors.runtime.log import sign_process, signature
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.processes import sigterm
from peerage.actors.stack_dumps import write_stacks_on_signal
from peerage.config import Config
from peerage.config.log_level import parse_log_level
from peerage.config.logging import LogSettings, set_levels, set_up_logging
from peerage.config.node_logging import CHAIN, NODE
from peerage.config.private_lines import HiddenPeers, hidden_peers, hide_peers

__all__ = ["HostSetup", "LevelChange", "ProgramsSetup", "hidden_in"]


@dataclass(frozen=True, slots=True)
class HostSetup:
    """Logs as the node's configuration says, each line with its name; none if it is for hosts of nobody's.

    A SIGTERM that a service manager sends to all processes means the embedder, which then stops the hosts in order; one
    that went by itself would be restarted. It is not ignored, for what reactors start would inherit that.

    Args: stacks, the file that SIGUSR2 has the stacks written to; empty: none. chain, of a seed of several, which every line
        has, too; hidden, whom its lines do not name; has_signals, whether the process is one of ours, whose signals are.
    """

    settings: LogSettings
    node: str = ""
    stacks: str = ""
    chain: str = ""
    hidden: HiddenPeers | None = None
    has_signals: bool = True

    def __call__(self) -> None:
        if self.has_signals:
            sigterm.heed(_nothing)
        if self.stacks and self.has_signals:
            write_stacks_on_signal(Path(self.stacks))
        facts = {key: name for key, name in ((CHAIN, self.chain), (NODE, self.node)) if name}
        sign_process(facts)
        _hide(self.node, self.hidden)
        set_up_logging(self.settings, facts)

    def elsewhere(self) -> HostSetup:
        """The same for a process on a cluster: its signals are the cluster's, and so is what becomes of its stderr."""
        return replace(self, has_signals=False)

    def at_level(self, level: str) -> HostSetup:
        """The same with another log level."""
        return replace(self, settings=replace(self.settings, level=level))

    def taking(self, config: Config) -> HostSetup:
        """The same by another configuration: its log level, and whom it makes private."""
        hidden = None if self.hidden is None else hidden_in(config)
        return replace(self.at_level(config.log_level), hidden=hidden)


@dataclass(frozen=True, slots=True)
class ProgramsSetup:
    """The setup that the embedding program has chosen, and the node's private peers, in case the log is written as ours."""

    chosen: Callable[[], None]
    node: str
    hidden: HiddenPeers

    def __call__(self) -> None:
        for node in {self.node, ""}:  # whichever its lines have
            _hide(node, self.hidden)
        self.chosen()


def hidden_in(config: Config) -> HiddenPeers:
    """Whom a node with this configuration does not name in its log."""
    p2p = config.p2p
    return hidden_peers(
        p2p.private_peer_ids, (*p2p.persistent_peers, *p2p.seeds, *config.peerage.bootstrap_peers)
    )


def _hide(node: str, hidden: HiddenPeers | None) -> None:
    if hidden is not None:
        hide_peers(node, hidden.ids, hidden.addresses, hidden.key)


@dataclass(frozen=True, slots=True)
class LevelChange:
    """An errand for all hosts of a system: those of this node log at another level from now on.

    Args: hosts, those of the node's parts; whatever else logs under the name of the node belongs to it, too. setup, for the
        processes that are started from there; None if the system has one of its own.
    """

    level: str
    hosts: frozenset[str]
    setup: HostSetup | None

    def __call__(self, host: str) -> None:
        node = self.setup.node if self.setup is not None else ""
        if host in self.hosts or (node and signature().get(NODE) == node):
            set_levels(parse_log_level(self.level))
            process = current_process()
            if process is not None and self.setup is not None:
                process.log_setup = codec.dumps(self.setup)


def _nothing(_number: int, _frame: FrameType | None) -> None: ...
