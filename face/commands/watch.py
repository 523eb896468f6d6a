"""The command `peerage watch`."""

from __future__ import annotations

from pathlib import Path

import click

from peerage.commands.options import home_option
from peerage.commands.span import Span
from peerage.config.home import Home


@click.command(
    "watch",
    epilog="Example: peerage watch --network test --peers 00…ff@127.0.0.1:26656 --json --output seen.jsonl --for 7d",
)
@home_option
@click.option("--network", metavar="ID", help="The network.  [default: the home's]")
@click.option("--seeds", metavar="ID@HOST:PORT,…", help="Nodes to ask for peers.")
@click.option(
    "--peers",
    metavar="ID@HOST:PORT,…",
    help="Peers to watch the network through. Without --seeds, these alone are dialled.",
)
@click.option(
    "--laddr",
    metavar="ADDRESS",
    default="tcp://127.0.0.1:0",
    show_default=True,
    help="Where to listen: whoever dials is watched, too.",
)
@click.option(
    "--max-peers",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Most peers to dial, and most to let in, beside those of --peers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file instead of standard output: lines, or with a name that ends in .parquet a table.",
)
@click.option(
    "--wait",
    type=Span(0.1, 3600, "5s or 1m"),
    default="5s",
    show_default=True,
    help="How long a transaction waits for further peers, and for its block, before it is told.",
)
@click.option("--for", "secs", type=Span(), help="Stop after this time.  [default: at Ctrl-C]")
@click.option("--own-key", is_flag=True, help="Use the home's node key.  [default: a new key]")
def watch(
    home: Home,
    *,
    network: str | None,
    seeds: str | None,
    peers: str | None,
    laddr: str,
    max_peers: int,
    as_json: bool,
    output: Path | None,
    wait: float,
    secs: float | None,
    own_key: bool,
) -> None:
    """Watch what happens in a network: its transactions, proposals and votes, and who is late.

    Joins as a peer that listens: it tells its peers that it follows them, so that they send it everything, and never that it
    has what it has not. It sends no transactions, votes or blocks.
    """
    from peerage.commands.watch_run import WatchOrder, run_watch

    run_watch(
        WatchOrder(
            home=home,
            network=network,
            seeds=seeds,
            peers=peers,
            laddr=laddr,
            max_peers=max_peers,
            as_json=as_json,
            output=output,
            wait=wait,
            seconds=secs,
            own_key=own_key,
        )
    )
