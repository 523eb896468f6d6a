"""The commands `peerage show-node-id` and `peerage gen-node-key`."""

from pathlib import Path

import click

from peerage.commands.loading import load_config
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.config.home import Home
from peerage.config.node_key_file import create_node_key, load_node_key


@click.command("show-node-id", epilog="Example: peerage show-node-id --home /srv/node")
@home_option
@output_options
def show_node_id(home: Home, output: Path | None, *, as_json: bool) -> None:
    """Show this node's ID."""
    _put(load_node_key(load_config(home).node_key_path).node_id, output, as_json=as_json)


@click.command("gen-node-key", epilog="Example: peerage gen-node-key --home /srv/node")
@home_option
@output_options
def gen_node_key(home: Home, output: Path | None, *, as_json: bool) -> None:
    """Generate a node key and show its ID; an existing key is never overwritten."""
    check_output(output)
    _put(create_node_key(load_config(home).node_key_path).node_id, output, as_json=as_json)


def _put(node_id: str, output: Path | None, *, as_json: bool) -> None:
    if as_json:
        put_json({"id": node_id}, output)
    else:
        put_lines([node_id], output)
