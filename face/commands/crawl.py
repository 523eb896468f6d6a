"""The command `peerage crawl`."""

from __future__ import annotations

from pathlib import Path

import click

from peerage.actors.discovery.survey.visit import MAX_REQUESTS
from peerage.commands.options import PagedCommand, home_option
from peerage.commands.printing import output_options
from peerage.commands.span import Span
from peerage.config.home import Home

output_file = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command(
    "crawl",
    cls=PagedCommand,
    epilog="Example: peerage crawl --seeds 00…ff@seed.example.org:26656 --state net.state --json --output net.json",
)
@home_option
@click.option(
    "--seeds",
    metavar="ID@HOST:PORT,…",
    help="Where to begin.  [default: p2p.seeds of the home's configuration, and its network]",
)
@click.option(
    "--network", metavar="ID", help="Ask only nodes of this network.  [default: the seeds' networks]"
)
@click.option("--any-network", is_flag=True, help="Ask nodes of all networks.")
@output_options
@click.option("--csv", "csv_", type=output_file, metavar="FILE", help="Write one line for each node.")
@click.option(
    "--edges", type=output_file, metavar="FILE", help="Write one CSV line for each edge: from, to, address."
)
@click.option(
    "--graphml", type=output_file, metavar="FILE", help="Write a graph that networkx and Gephi can read."
)
@click.option("--picture", type=output_file, metavar="FILE.svg", help="Draw the network.")
@click.option(
    "--html",
    type=output_file,
    metavar="FILE",
    help="Write one page for a browser: summary, picture, and a table of the nodes.",
)
@click.option(
    "--mmdb",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Say where nodes are, by this MaxMind DB file (country, city or ASN); may be repeated. Nothing is sent anywhere.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Store what was found in this file; if it exists, continue with it.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=50.0,
    show_default=True,
    help="Dials per second.",
)
@click.option(
    "--max-in-flight",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    help="Most visits at the same time.",
)
@click.option(
    "--max-nodes",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    show_default=True,
    help="Most addresses to dial.",
)
@click.option("--for", "max_time", type=Span(), default="1h", show_default=True, help="Stop after this time.")
@click.option(
    "--timeout",
    type=Span(like="5s"),
    default="5s",
    show_default=True,
    help="Longest time for each step of a visit: connecting, handshake, answers.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, MAX_REQUESTS),
    default=MAX_REQUESTS,
    show_default=True,
    help="Requests for addresses per node; more would be against the protocol.",
)
@click.option("--own-key", is_flag=True, help="Use the home's node key.  [default: a new key for this crawl]")
def crawl(
    home: Home,
    seeds: str | None,
    network: str | None,
    output: Path | None,
    csv_: Path | None,
    edges: Path | None,
    graphml: Path | None,
    picture: Path | None,
    html: Path | None,
    mmdb: tuple[Path, ...],
    state: Path | None,
    rate: float,
    max_in_flight: int,
    max_nodes: int,
    max_time: float,
    timeout: float,
    requests: int,
    *,
    as_json: bool,
    any_network: bool,
    own_key: bool,
) -> None:
    """Map a network: which nodes there are, and who knows whom.

    Starts at the seeds, asks every node that answers for the addresses it knows, and visits those. Each address is dialled
    once, however often it is mentioned. A CometBFT node refuses nodes of other networks, so this command tells each node
    that it is of the same network, which it learns from that node's greeting. Nodes of other networks than the seeds' are
    on the map, but are not asked.

    From a large address book nodes give out only a part, so the map's edges are a part of the real ones; with fewer than
    32 addresses they give out all. Private addresses are dialled only if a node with a private address mentioned them.

    Prints a table of the nodes that answered, or with --json nodes and edges, unless a file is asked for. Ctrl-C ends the
    crawl with what has been found so far. Exit code 1 if no seed answered, 130 after Ctrl-C.
    """
    from peerage.commands.crawl_run import Manners, Order, run_crawl

    files = {
        "output": output,
        "csv": csv_,
        "edges": edges,
        "graphml": graphml,
        "picture": picture,
        "html": html,
    }
    manners = Manners(rate, max_in_flight, timeout, requests, max_time)
    run_crawl(
        Order(
            home=home,
            seeds=seeds,
            network=network,
            any_network=any_network,
            files=files,
            mmdb=mmdb,
            as_json=as_json,
            state=state,
            max_nodes=max_nodes,
            own_key=own_key,
            manners=manners,
        )
    )
