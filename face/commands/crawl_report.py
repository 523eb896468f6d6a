"""What `peerage crawl` prints about a network map: a table of the nodes that answered, and a summary."""

from collections import Counter
from collections.abc import Iterator, Sequence

from peerage.actors.discovery.survey.network_map import MappedNode, NetworkMap, Status
from peerage.commands.geography import NOWHERE, Location, Locations
from peerage.commands.network_files import MILLISECONDS, channels_of, label
from peerage.commands.table import table

HEAD = ("ADDRESS", "MONIKER", "VERSION", "NETWORK", "CHANNELS", "LATENCY", "KNOWS", "KNOWN BY", "REMARK")
WHERE = ("COUNTRY", "ASN", "ORGANISATION")
MOST_SHOWN = 5  # of versions and of reasons


def answered_table(found: NetworkMap, locations: Locations = NOWHERE) -> Iterator[str]:
    """One line for each node that answered, the best known first."""
    if not locations:
        return table(HEAD, map(_cells, found.answered()))
    rows = ((*_cells(node), *_where(locations.get(node.id, Location()))) for node in found.answered())
    return table((*HEAD, *WHERE), rows)


def _where(location: Location) -> Iterator[str]:
    yield location.country or "-"
    yield "-" if location.asn is None else f"AS{location.asn}"
    yield label(location.organisation or "") or "-"


def _cells(node: MappedNode) -> Iterator[str]:
    info = node.info
    assert info is not None
    yield f"{node.id}@{node.place}"
    yield label(info.moniker)
    yield label(info.version) or "-"
    yield label(info.network)
    yield ",".join(channels_of(info)) or "-"
    yield f"{node.connect_s * MILLISECONDS:.1f} ms"
    yield "-" if node.knows is None else str(node.knows)
    yield str(node.known_by)
    yield label(node.reason)


def summary(found: NetworkMap, seconds: float, locations: Locations = NOWHERE) -> Iterator[str]:
    """What was found, in a few lines."""
    nodes = found.answered()
    absent = [node for node in found.nodes if node.status is Status.UNREACHABLE]
    left = [node for node in found.nodes if node.status is Status.NOT_VISITED]
    yield f"network      {', '.join(map(label, found.networks)) or '-'}"
    yield f"answered     {_nodes(nodes)} in {seconds:.1f} s"
    versions = Counter(label(node.info.version) or "none" for node in nodes if node.info is not None)
    yield f"versions     {_counted(versions)}"
    if locations:
        where = [locations.get(node.id, Location()) for node in nodes]
        yield f"countries    {_counted(Counter(each.country or 'unknown' for each in where))}"
        yield f"operators    {_counted(Counter(label(operator_of(each)) for each in where))}"
    yield f"edges        {sum(1 for _ in found.links())}"
    if absent:
        yield f"unreachable  {_nodes(absent)}: {_counted(Counter(map(_kind, absent)))}"
    if left:
        yield f"not visited  {_nodes(left)}: {_counted(Counter(label(node.reason) for node in left))}"
    if found.left_out:
        yield f"left out     {found.left_out} addresses: there were too many, or too many of one group's"


def operator_of(location: Location) -> str:
    """Whose network an address is of, in words."""
    return location.organisation or ("unknown" if location.asn is None else f"AS{location.asn}")


def _nodes(nodes: Sequence[MappedNode]) -> str:
    return "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"


def _kind(node: MappedNode) -> str:
    """A reason without the part that is specific to the node."""
    return label(node.reason.partition(":")[0])


def _counted(counts: Counter[str]) -> str:
    shown = [f"{count} {what}" for what, count in counts.most_common(MOST_SHOWN)]
    others = sum(counts.values()) - sum(count for _what, count in counts.most_common(MOST_SHOWN))
    return ", ".join([*shown, f"{others} others"] if others else shown) or "none"
