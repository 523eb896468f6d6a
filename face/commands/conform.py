"""The command `peerage conform`."""

from pathlib import Path
from typing import Any

import click

file = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command(
    "conform", epilog="Example: peerage conform 00…ff@127.0.0.1:26656 --skip connections --junit conform.xml"
)
@click.argument("address", metavar="ID@HOST:PORT", required=False)
@click.option("--list", "lists", is_flag=True, help="Print the cases and their rules, and do nothing.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only this group or case, or what fits a pattern of 'group: case'; may be repeated.",
)
@click.option(
    "--skip", multiple=True, metavar="NAME", help="Not this group or case; may be repeated. See --list."
)
@click.option("--all", "widely", is_flag=True, help="Also the variants of cases: some 420 in place of 310.")
@click.option("--slow", is_flag=True, help="Also the cases that wait for a ping and its pong: two minutes.")
@click.option(
    "--rpc",
    metavar="URL",
    help="The node's RPC, with unsafe routes: it is asked to dial us, so that its answers as a dialler are looked at.",
)
@click.option("--source", default="", metavar="IP", help="Dial from this address of ours.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 64),
    default=16,
    show_default=True,
    help="Most cases at the same time.",
)
@click.option(
    "--patience",
    default="25s",
    show_default=True,
    metavar="DURATION",
    help="Longest wait for the end of a connection: more than the node's handshake timeout.",
)
@click.option(
    "--max-time", default="3m", show_default=True, metavar="DURATION", help="Begin no case after that time."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--junit", type=file, metavar="FILE", help="Write JUnit's XML to this file; - is standard output."
)
@click.option("--output", type=file, metavar="FILE", help="Write what is printed to this file instead.")
def conform(**wished: Any) -> None:
    """Test whether a node keeps the rules of the protocol: handshakes, packets, peer exchange, limits and timeouts.

    Each case is a connection of its own, under a key made for it, that breaks or bends a rule; the report says what the
    node did, and what is right. It is meant for nodes of your own, and does a healthy node no harm: some hundred short
    connections, by default 16 cases at a time, a MiB or two in all, and no case is begun after --max-time. A node may
    count it as misbehaviour and bar this IP for a while; what it is most likely to bar us for comes last.

    Exit code 0: all cases passed; 1: some failed; 2: wrong use, or the node is not reachable or turned us away.
    """
    from peerage.commands.conform_run import Wishes, run_conform

    run_conform(Wishes(**wished))
