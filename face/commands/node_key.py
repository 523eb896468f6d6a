"""The commands `peerage show-node-id` and `peerage gen-node-key`."""

import click

from peerage.commands.loading import load_config
from peerage.commands.options import home_option
from peerage.config.home import Home
from peerage.config.node_key_file import create_node_key, load_node_key


@click.command("show-node-id", epilog="Example: peerage show-node-id --home /srv/node")
@home_option
def show_node_id(home: Home) -> None:
    """Show this node's ID."""
    click.echo(load_node_key(load_config(home).node_key_path).node_id)


@click.command("gen-node-key", epilog="Example: peerage gen-node-key --home /srv/node")
@home_option
def gen_node_key(home: Home) -> None:
    """Generate a node key and show its ID; an existing key is never overwritten."""
    click.echo(create_node_key(load_config(home).node_key_path).node_id)
