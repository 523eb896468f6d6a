"""What each host process of a node does first."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType

from peerage.actors.runtime.log import sign_process
from peerage.actors.runtime.processes import sigterm
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.node_logging import NODE

__all__ = ["HostSetup"]


@dataclass(frozen=True, slots=True)
class HostSetup:
    """Logs as the node's configuration says, each line with its name; none if it is for hosts of nobody's.

    A SIGTERM that a service manager sends to all processes means the embedder, which then stops the hosts in order; one
    that went by itself would be restarted. It is not ignored, for what reactors start would inherit that.
    """

    settings: LogSettings
    node: str = ""

    def __call__(self) -> None:
        sigterm.heed(_nothing)
        facts = {NODE: self.node} if self.node else {}
        sign_process(facts)
        set_up_logging(self.settings, facts)


def _nothing(_number: int, _frame: FrameType | None) -> None: ...
