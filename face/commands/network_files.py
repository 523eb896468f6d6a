"""Writes a network map as JSON, CSV or GraphML. Nodes choose their own texts, so unprintable characters are replaced."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from peerage.actors.discovery.book.timestamps import SECOND, format_time, nanoseconds
from peerage.actors.discovery.survey.network_map import MappedNode, NetworkMap
from peerage.commands.geography import NOWHERE, Location, Locations
from peerage.wire.node_info import NodeInfo
from peerage.wire.remote_text import MAX_SHOWN, cut

MILLISECONDS = 1000.0
NOTHING = NodeInfo()
GRAPHML_TYPES = {bool: "boolean", int: "long", float: "double", str: "string", list: "string"}


def printable(text: str) -> str:
    """The text, with a replacement character for anything that could confuse a terminal or a parser."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(each if each.isprintable() else "\ufffd" for each in decoded)


def label(text: str) -> str:
    """The text for a table or a picture: printable, and cut, because a node may call itself anything."""
    return cut(printable(text[: MAX_SHOWN + 1]))


def channels_of(info: NodeInfo) -> list[str]:
    """The channels that a node announces, written as 0x20."""
    return [f"{channel:#04x}" for channel in info.channels]


def row_of(node: MappedNode, locations: Locations = NOWHERE) -> dict[str, Any]:
    """A node's values by column name, the same in all formats; None for what is not known.

    Args: locations, of all nodes; without them there are no columns that say where a node is.
    """
    info = node.info
    known = info or NOTHING
    texts = {
        name: None if info is None else printable(getattr(known, name))
        for name in ("moniker", "version", "network", "listen_addr", "rpc_address", "tx_index")
    }
    versions = known.protocol_version
    return {
        "id": str(node.id),
        "address": node.place,
        "status": str(node.status),
        "reason": node.reason,
        **texts,
        "channels": None if info is None else channels_of(info),
        "p2p_version": None if info is None else versions.p2p,
        "block_version": None if info is None else versions.block,
        "app_version": None if info is None else versions.app,
        "latency_ms": _milliseconds(node.connect_s),
        "handshake_ms": _milliseconds(node.handshake_s),
        "knows": node.knows,
        "known_by": node.known_by,
        "seed": node.is_seed,
        "seen": None if node.seen is None else format_time(nanoseconds(node.seen) // SECOND * SECOND),
        "other_addresses": list(node.others),
        **(_located(locations.get(node.id, Location())) if locations else {}),
    }


def _located(location: Location) -> dict[str, Any]:
    texts = {name: getattr(location, name) for name in ("country", "city", "organisation")}
    shown = {name: None if text is None else printable(text) for name, text in texts.items()}
    return {
        "country": shown["country"],
        "city": shown["city"],
        "latitude": location.latitude,
        "longitude": location.longitude,
        "asn": location.asn,
        "organisation": shown["organisation"],
    }


def write_json(found: NetworkMap, file: TextIO, locations: Locations = NOWHERE) -> None:
    """Write one object: networks, seeds, nodes, and edges, each from the node that told an address to the one it is of."""
    head = {
        "networks": [printable(network) for network in found.networks],
        "seeds": [str(seed) for seed in found.seeds],
        "waiting": found.waiting,
        "left_out": found.left_out,
    }
    file.write("{\n")
    file.writelines(f' "{name}": {json.dumps(value)},\n' for name, value in head.items())
    _write_list(file, "nodes", (row_of(node, locations) for node in found.nodes))
    file.write(",\n")
    _write_list(file, "edges", _edges(found))
    file.write("\n}\n")


def write_csv(found: NetworkMap, file: TextIO, locations: Locations = NOWHERE) -> None:
    """Write one line for each node."""
    rows = [row_of(node, locations) for node in found.nodes]
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["id"], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _flat(value) for name, value in row.items()})


def write_edges(found: NetworkMap, file: TextIO, _locations: Locations = NOWHERE) -> None:
    """Write one CSV line for each pair of nodes of which one told us the other's address."""
    writer = csv.DictWriter(file, ["from", "to", "address"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_edges(found))


def write_graphml(found: NetworkMap, file: TextIO, locations: Locations = NOWHERE) -> None:
    """Write a directed graph. Nodes have the columns of the CSV file, edges the address that was told."""
    rows = [row_of(node, locations) for node in found.nodes]
    types: dict[str, str] = {}
    for row in rows:
        types.update((name, GRAPHML_TYPES[type(value)]) for name, value in row.items() if value is not None)
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    file.write('<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
    file.writelines(
        f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
        for name, kind in types.items()
    )
    file.write('<key id="told" for="edge" attr.name="address" attr.type="string"/>\n')
    file.write('<graph edgedefault="directed">\n')
    for row in rows:
        file.write(f"<node id={quoteattr(row['id'])}>{''.join(_data(row))}</node>\n")
    for edge in _edges(found):
        told = f'<data key="told">{escape(edge["address"])}</data>'
        file.write(f'<edge source="{edge["from"]}" target="{edge["to"]}">{told}</edge>\n')
    file.write("</graph>\n</graphml>\n")


def _edges(found: NetworkMap) -> Iterator[dict[str, str]]:
    return ({"from": link.teller, "to": link.told, "address": link.place} for link in found.links())


def _write_list(file: TextIO, name: str, items: Iterable[Mapping[str, Any]]) -> None:
    file.write(f' "{name}": [')
    file.writelines(f"{',' if number else ''}\n  {json.dumps(item)}" for number, item in enumerate(items))
    file.write("\n ]")


def _data(row: Mapping[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        if value is not None:
            yield f'<data key="{name}">{escape(str(_flat(value)))}</data>'


def _flat(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else value


def _milliseconds(seconds: float) -> float | None:
    return round(seconds * MILLISECONDS, 3) if seconds else None
