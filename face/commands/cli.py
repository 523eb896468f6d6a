"""The command line `peerage COMMAND`: the list of commands."""

import click

from peerage.commands.group import CommandGroup, underscored
from peerage.commands.options import group_home_option

# name → module:attribute, in the order of --help; imported only when needed
COMMANDS = {
    "init": "peerage.commands.init:init",
    "start": "peerage.commands.start:start",
    "show-node-id": "peerage.commands.node_key:show_node_id",
    "gen-node-key": "peerage.commands.node_key:gen_node_key",
    "config": "peerage.commands.config:config",
    "addrbook": "peerage.commands.addrbook:addrbook",
    "bans": "peerage.commands.bans:bans",
    "ping": "peerage.commands.ping:ping",
    "crawl": "peerage.commands.crawl:crawl",
    "demo": "peerage.commands.demo:demo",
    "simulate": "peerage.commands.simulate:simulate",
    "bench": "peerage.commands.bench:bench",
    "version": "peerage.commands.version:version",
}


@click.group(
    cls=CommandGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": underscored},
    no_args_is_help=True,
)
@group_home_option
def main() -> None:
    """CometBFT's peer-to-peer layer as a society of supervised actors.

    Exit codes: 0 done, 1 failed, 2 a mistake that you can mend.
    """
