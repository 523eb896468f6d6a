"""The command line `peerage COMMAND`: the list of commands."""

import click

from peerage.commands.group import CommandGroup, LazyCommand, underscored
from peerage.commands.options import group_home_option

_BOOK = ("peerage.actors.discovery.book.opening", "peerage.actors.discovery.book.any_book")

# In the order of --help. A command is imported when it is called; what --help says of it is its docstring's first sentence.
COMMANDS = {
    "init": LazyCommand(
        "peerage.commands.init:init",
        "Create a home directory: config/config.toml, config/node_key.json and data/.",
    ),
    "start": LazyCommand(
        "peerage.commands.start:start",
        "Run the node until SIGINT or SIGTERM.",
        ("peerage.commands.node_run",),
    ),
    "seed": LazyCommand(
        "peerage.commands.seed:seed",
        "Run a seed for several chains, each in processes of its own.",
        ("peerage.commands.seed_run",),
    ),
    "show-node-id": LazyCommand(
        "peerage.commands.node_key:show_node_id",
        "Show this node's ID.",
        ("peerage.supervisors.node.advertised",),
    ),
    "gen-node-key": LazyCommand(
        "peerage.commands.node_key:gen_node_key",
        "Generate a node key and show its ID; an existing key is never overwritten.",
    ),
    "config": LazyCommand(
        "peerage.commands.config:config",
        "Check, show or change the configuration.",
        ("peerage.supervisors.node.advertised", "peerage.commands.unresolved_peers"),
    ),
    "addrbook": LazyCommand(
        "peerage.commands.addrbook:addrbook",
        "List, check, clean or change the address book; import and export CometBFT's addrbook.json.",
        _BOOK,
    ),
    "status": LazyCommand("peerage.commands.status:status", "Say how a running node stands, on one screen."),
    "peers": LazyCommand(
        "peerage.commands.peers:peers",
        "List, add, remove or disconnect the peers of a running node, and list who was here.",
        ("peerage.commands.peer_history",),
    ),
    "bans": LazyCommand(
        "peerage.commands.bans:bans", "List, add or remove bans, and list what counts against whom.", _BOOK
    ),
    "top": LazyCommand(
        "peerage.commands.top:top", "Watch a running node: its actors and its peers, as they are now."
    ),
    "log-level": LazyCommand(
        "peerage.commands.log_level:log_level",
        "Show or change what a running node logs, in all its processes.",
    ),
    "reload": LazyCommand(
        "peerage.commands.reload:reload", "Have a running node read its configuration again, as SIGHUP does."
    ),
    "doctor": LazyCommand(
        "peerage.commands.doctor:doctor",
        "Look for what keeps a node from running well, and say what to do about each.",
        ("peerage.commands.health_checks",),
    ),
    "stack": LazyCommand(
        "peerage.commands.stack:stack",
        "Say what each actor of a running node is doing, in all its processes, also in those that hang.",
        ("peerage.commands.debug_dump",),
    ),
    "debug": LazyCommand("peerage.commands.debug:debug", "Collect what is needed to find a node's fault."),
    "events": LazyCommand(
        "peerage.commands.events:events",
        "Show what happened in a running node: who came, was refused, lost or banned, and what was restarted.",
        ("peerage.commands.events_run",),
    ),
    "new-reactor": LazyCommand(
        "peerage.commands.new_reactor:new_reactor",
        "Write the project of a new reactor into the folder NAME: typed messages, a reactor, tests that pass, a README.",
        ("peerage.scaffold.project",),
    ),
    "ping": LazyCommand("peerage.commands.ping:ping", "Dial nodes, shake hands, and say who is there."),
    "conform": LazyCommand(
        "peerage.commands.conform:conform",
        "Test whether a node keeps the rules of the protocol: handshakes, packets, peer exchange, limits and timeouts.",
        ("peerage.commands.conform_run",),
    ),
    "crawl": LazyCommand(
        "peerage.commands.crawl:crawl",
        "Map a network: which nodes there are, and who knows whom.",
        ("peerage.commands.crawl_run",),
    ),
    "watch": LazyCommand(
        "peerage.commands.watch:watch",
        "Watch what happens in a network: its transactions, proposals and votes, and who is late.",
        ("peerage.commands.watch_run",),
    ),
    "demo": LazyCommand(
        "peerage.commands.demo:demo",
        "Run a small network on this machine and watch it.",
        ("peerage.programs.demo",),
    ),
    "blocks": LazyCommand(
        "peerage.commands.blocks:blocks",
        "Fetch a network's blocks from its nodes, and check who signed them.",
        ("peerage.commands.blocks_run",),
    ),
    "simulate": LazyCommand(
        "peerage.commands.simulate:simulate",
        "Simulate how the nodes of a network find each other, on virtual time and without sockets.",
        ("peerage.actors.discovery.simulation.simulation", "rich.progress"),
    ),
    "bench": LazyCommand(
        "peerage.commands.bench:bench",
        "Measure how much traffic this machine can carry, with two nodes on loopback.",
        ("peerage.programs.benchmark",),
    ),
    "systemd": LazyCommand(
        "peerage.commands.systemd:systemd",
        "Print a systemd unit for the node of a home, or for the seed of many chains.",
    ),
    "completion": LazyCommand(
        "peerage.commands.completion:completion",
        "Print what makes a shell complete commands, options, settings, and the peers of a running node.",
    ),
    "version": LazyCommand("peerage.commands.version:version", "Show peerage's version."),
}


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """What `peerage version` says."""
    if value and not ctx.resilient_parsing:
        from peerage.config.release import VERSION

        click.echo(VERSION)
        ctx.exit()


@click.group(
    cls=CommandGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": underscored},
    no_args_is_help=True,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@group_home_option
def main() -> None:
    """CometBFT's peer-to-peer layer as a society of supervised actors.

    Exit codes: 0 done, 1 failed, 2 a mistake that you can mend.
    """
