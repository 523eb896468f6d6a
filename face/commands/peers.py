"""The commands `peerage peers list`, `add`, `remove` and `close`: the peers of a node that runs; `history`: who was here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.options import home_option
from peerage.commands.peer_names import PeerName
from peerage.commands.printing import age, check_output, output_options, put_json, put_lines, rate
from peerage.commands.running_node import node_of
from peerage.commands.table import table
from peerage.config.duration import NANOSECONDS_PER_SECOND
from peerage.config.home import Home
from peerage.wire.errors import AddressError
from peerage.wire.keys import is_node_id, normal_id
from peerage.wire.net_address import NetAddress, id_in
from peerage.wire.remote_text import shown

HEAD = ("ID", "DIR", "FLAGS", "ADDRESS", "MONIKER", "VERSION", "AGE", "PING", "SENT", "RECEIVED", "QUEUE")
SORT_KEYS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "id": lambda row: row["id"],
    "direction": lambda row: (row["direction"], -row["age_s"]),
    "address": lambda row: (ip_address(row["ip"]).version, int(ip_address(row["ip"]))),
    "moniker": lambda row: row["moniker"],
    "age": lambda row: -row["age_s"],
    "ping": lambda row: (row["ping_s"] is None, row["ping_s"]),
    "sent": lambda row: -row["send_rate"],
    "received": lambda row: -row["recv_rate"],
    "queue": lambda row: -row["queued"],
}
FLAGS = {"persistent": "P", "unconditional": "U", "private": "H"}  # H: hidden from others


@click.command("list", epilog="Example: peerage peers list --sort received")
@home_option
@click.option("--in", "inbound", is_flag=True, help="Only peers that have dialled us; with --out, all.")
@click.option("--out", "outbound", is_flag=True, help="Only peers that we have dialled; with --in, all.")
@click.option(
    "--sort", type=click.Choice(list(SORT_KEYS)), default="direction", show_default=True, help="Sort by this."
)
@click.option("-r", "--reverse", is_flag=True, help="Reverse the order.")
@output_options
def list_(
    home: Home, sort: str, output: Path | None, *, inbound: bool, outbound: bool, reverse: bool, as_json: bool
) -> None:
    """List who is connected to the running node.

    FLAGS: P persistent (dialled again when lost), U unconditional (no limit applies), H private (hidden from others).
    PING is the last round trip in milliseconds, SENT and RECEIVED are the average rates of the connection, QUEUE the
    messages that wait to be sent.
    """
    info, lists = node_of(home, "net_info"), node_of(home, "peer_lists")
    measured = {peer["id"]: peer for peer in node_of(home, "peers")["peers"]}
    flags = {name: frozenset(map(id_in, lists[name])) for name in FLAGS}
    rows = [_row(peer, flags, measured.get(peer["node_info"]["id"], {})) for peer in info["peers"]]
    if inbound is not outbound:
        rows = [row for row in rows if (row["direction"] == "in") is inbound]
    rows.sort(key=SORT_KEYS[sort], reverse=reverse)
    if as_json:
        put_json(rows, output)
        return
    put_lines(table(HEAD, map(_cells, rows)), output)
    ways = [row["direction"] for row in rows]
    click.echo(
        f"{len(rows)} peer{'s' * (len(rows) != 1)}, {ways.count('in')} in, {ways.count('out')} out", err=True
    )


@click.command("add", epilog="Example: peerage peers add --persistent ID@203.0.113.7:26656")
@home_option
@click.argument("addresses", nargs=-1, required=True, metavar="ID@HOST:PORT…")
@click.option("--persistent", is_flag=True, help="Dial it again whenever it is lost.")
@click.option("--unconditional", is_flag=True, help="No limit on the number of peers applies to it.")
@click.option("--private", is_flag=True, help="Tell nobody of it.")
def add(
    home: Home, addresses: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
) -> None:
    """Have the running node dial others. What is said of them here counts until the node ends.

    The dials go on in the background: `peerage peers list` shows who is connected.
    """
    for address in addresses:
        _check_address(address)
    flags = {"persistent": persistent, "unconditional": unconditional, "private": private}
    node_of(home, "dial_peers", peers=list(addresses), **flags)
    kinds = " and ".join(name for name, is_set in flags.items() if is_set)
    for address in addresses:
        click.echo(f"dialling {address}" + (f", {kinds} from now on" if kinds else ""))


@click.command("remove", epilog="Example: peerage peers remove ID --close")
@home_option
@click.argument("ids", type=PeerName(), nargs=-1, required=True, metavar="ID…")
@click.option("--close", "closes", is_flag=True, help="End their connections, too.")
@output_options
def remove(home: Home, ids: tuple[str, ...], output: Path | None, *, closes: bool, as_json: bool) -> None:
    """Have the running node stop dialling persistent peers again.

    Those of p2p.persistent_peers come back with the next reload or start, unless they are taken out of it. Exit code 1
    when there was nothing to end for one of them.
    """
    wanted = [normal_id(_checked_id(text)) for text in ids]
    check_output(output)
    done = node_of(home, "remove_peers", peers=wanted, close=closes)
    if as_json:
        put_json({"removed": done["removed"], "closed": done["closed"]}, output)
    else:
        lines = [f"{peer_id} is not persistent any more" for peer_id in done["removed"]]
        lines += [f"{peer['id']} at {peer['address']} is disconnected" for peer in done["closed"]]
        put_lines(lines, output)
    ended = {*done["removed"], *(peer["id"] for peer in done["closed"])}
    if nothing := [peer_id for peer_id in wanted if peer_id not in ended]:
        raise FailureError(f"not persistent{' or connected' * closes}: {', '.join(nothing)}")


@click.command("close", epilog="Example: peerage peers close 203.0.113.7")
@home_option
@click.argument("whom", type=PeerName(), metavar="ID|IP|IP:PORT")
@output_options
def close(home: Home, whom: str, output: Path | None, *, as_json: bool) -> None:
    """End the running node's connections with an ID, or with an address.

    A persistent peer is dialled again. `peerage peers remove --close` ends that, and `peerage bans add` keeps others out.
    """
    check_output(output)
    _check_whom(whom)
    closed = node_of(home, "close_peer", peer=whom)["closed"]
    if as_json:
        put_json({"closed": closed}, output)
        return
    again = {True: ", and will be dialled again: it is persistent", False: ""}
    put_lines(
        [f"{peer['id']} at {peer['address']} is disconnected{again[peer['persistent']]}" for peer in closed],
        output,
    )


@click.command("history", epilog="Example: peerage peers history --last 20")
@home_option
@click.option("--peer", metavar="ID", help="Of this peer only.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="The newest N only.")
@output_options
def history(home: Home, output: Path | None, *, peer: str | None, last: int | None, as_json: bool) -> None:
    """List who was here, in which direction, how long, and why he left. Works while the node runs, and after it."""
    from peerage.commands.peer_history import print_history

    print_history(home, output, peer=peer, last=last, as_json=as_json)


class PeersGroup(SubcommandGroup):
    """`peerage peers` is `peerage peers list`, and `peerage peers --history` is `peerage peers history`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Like click's."""
        args = ["history" if each == "--history" else each for each in args]
        if not ctx.resilient_parsing:  # which the shell's completion is
            first = args[0] if args else "-"
            is_option = first.startswith("-") and first not in ctx.help_option_names
            if is_option and self.commands.keys().isdisjoint(args):
                args = ["list", *args]
        return super().parse_args(ctx, args)


peers = PeersGroup(
    "peers",
    commands=[list_, add, remove, close, history],
    help="""List, add, remove or disconnect the peers of a running node, and list who was here.

    Without a command it lists them, as `peerage peers list` does.
    """,
    epilog="Example: peerage peers --sort received",
)


def _row(
    peer: Mapping[str, Any], flags: Mapping[str, frozenset[str]], measured: Mapping[str, Any]
) -> dict[str, Any]:
    """What is told of a peer. Args: measured, what its host tells of it; empty of a peer that has just come."""
    node, status = peer["node_info"], peer["connection_status"]
    return {
        "id": node["id"],
        "direction": "out" if peer["is_outbound"] else "in",
        **{name: node["id"] in ids for name, ids in flags.items()},
        "ip": peer["remote_ip"],
        "address": measured.get("address") or peer["remote_ip"],
        "listen_addr": node["listen_addr"],
        "moniker": node["moniker"],
        "network": node["network"],
        "version": node["version"],
        "age_s": round(int(status["Duration"]) / NANOSECONDS_PER_SECOND, 1),
        "ping_s": measured.get("round_trip"),
        "send_rate": int(status["SendMonitor"]["AvgRate"]),
        "recv_rate": int(status["RecvMonitor"]["AvgRate"]),
        "sent_bytes": int(status["SendMonitor"]["Bytes"]),
        "recv_bytes": int(status["RecvMonitor"]["Bytes"]),
        "queued": sum(int(channel["SendQueueSize"]) for channel in status["Channels"]),
    }


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["id"]
    yield row["direction"]
    yield "".join(letter for name, letter in FLAGS.items() if row[name]) or "-"
    yield row["address"]
    yield shown(row["moniker"]) or "-"
    yield shown(row["version"]) or "-"
    yield age(row["age_s"])
    yield "-" if row["ping_s"] is None else f"{row['ping_s'] * 1000:.1f}"
    yield rate(row["send_rate"])
    yield rate(row["recv_rate"])
    yield str(row["queued"])


def _check_address(text: str) -> None:
    """Raises: MistakeError. Names are not looked up here, but by the node."""
    try:
        NetAddress.parse(text, lambda _host: ["192.0.2.1"])
    except AddressError as error:
        wanted = "ID@host:port"
        told = str(error)
        raise MistakeError(told if wanted in told else f"{told}; {wanted} is expected") from error


def _checked_id(text: str) -> str:
    if not is_node_id(text):
        raise MistakeError(f"found {text!r}, allowed: a node ID, 40 hexadecimal characters")
    return text


def _check_whom(text: str) -> None:
    if is_node_id(text):
        return
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    for candidate in (text, bare if colon and port.isascii() and port.isdecimal() else ""):
        try:
            ip_address(candidate)
        except ValueError:
            continue
        return
    raise MistakeError(f"found {text!r}, allowed: a node ID or an IP address, with or without a port")
