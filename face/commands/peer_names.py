"""Arguments that name a peer of a running node: the shell completes them from those that it has now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peerage.config.home import Home

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["PeerName"]

PATIENCE_S = 1.0  # whoever presses a key waits no longer
MOST = 200  # candidates
LONGEST_MONIKER = 40


class PeerName(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click
    """A text that may be a peer's ID. Completed by the beginning of an ID, or by a part of a moniker or an address."""

    name = "text"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The IDs of peers, each with its moniker; none when no node runs, or it does not answer."""
        from click.shell_completion import CompletionItem

        from peerage.commands.exit_status import FailureError
        from peerage.commands.running_node import call_node
        from peerage.wire.remote_text import shown

        home = ctx.params.get("home")
        if not isinstance(home, Home):
            home = Home.find()
        try:
            found = call_node(home, "peers", within=PATIENCE_S, sort="since", filter=incomplete, limit=MOST)
        except FailureError:
            return []
        return [
            CompletionItem(peer["id"], help=shown(str(peer["moniker"]), LONGEST_MONIKER))
            for peer in found["peers"]
        ]
