"""The commands `peerage show-node-id` and `peerage gen-node-key`."""

from __future__ import annotations

from pathlib import Path

import click

from peerage.commands.exit_status import FailureError
from peerage.commands.loading import load_config, warn
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.config.config import Config
from peerage.config.home import Home
from peerage.config.node_key_file import create_node_key, load_node_key
from peerage.config.quoting import quoted


@click.command("show-node-id", epilog="Example: peerage show-node-id --address --home /srv/node")
@home_option
@output_options
@click.option("--address", "with_address", is_flag=True, help="Show ID@host:port, as others dial this node.")
def show_node_id(home: Home, output: Path | None, *, as_json: bool, with_address: bool) -> None:
    """Show this node's ID.

    With --address, show what others write into their lists of peers: what a running node tells its peers, or what it would
    tell them if it were started with its config.toml and this environment. A second line is for peers of the other IP
    family, if the node has an address of both.
    """
    config = load_config(home)
    node_id = load_node_key(config.node_key_path).node_id
    if not with_address:
        _put(node_id, output, as_json=as_json)
        return
    address, *also = _addresses(home, config, node_id)
    if as_json:
        put_json({"id": node_id, "address": address} | ({"also": also} if also else {}), output)
    else:
        put_lines([address, *also], output)


@click.command("gen-node-key", epilog="Example: peerage gen-node-key --home /srv/node")
@home_option
@output_options
def gen_node_key(home: Home, output: Path | None, *, as_json: bool) -> None:
    """Generate a node key and show its ID; an existing key is never overwritten."""
    check_output(output)
    _put(create_node_key(load_config(home).node_key_path).node_id, output, as_json=as_json)


def _addresses(home: Home, config: Config, node_id: str) -> list[str]:
    """ID@host:port of a node, what peers of another IP family are told behind it, and a warning of each that is of no use.

    Raises: FailureError, nobody knows its port yet.
    """
    from peerage.config.home_lock import holder_of
    from peerage.supervisors.node.advertised import refusals_by_books, would_advertise, would_advertise_also

    holder = holder_of(home)
    addresses = [] if holder is None or not holder.address else [holder.address, *holder.also]
    if not addresses:
        try:
            told = would_advertise(config)
        except OSError as error:
            raise FailureError(f"p2p.laddr: {error.strerror or error}") from error
        if not told:
            raise FailureError(
                f"p2p.laddr: {quoted(config.p2p.laddr)} is any port: it is known once the node runs"
            )
        addresses = [f"{node_id}@{each}" for each in (told, *would_advertise_also(config))]
    places = [address.rpartition("@")[2] for address in addresses]
    warn(*(why for _place, why in refusals_by_books(config, places)))
    return addresses


def _put(node_id: str, output: Path | None, *, as_json: bool) -> None:
    if as_json:
        put_json({"id": node_id}, output)
    else:
        put_lines([node_id], output)
