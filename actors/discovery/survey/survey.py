"""Mapping a network: which node to visit next, what the visits have found, and when no node is left.

No I/O: the caller of `next` dials, and hands back the result. Everything that a node tells may be a lie. So all that is
kept is bounded, and no node can make us dial one place twice, or many ports of one machine.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import count

from peerage.actors.discovery.survey.network_map import NetworkMap, Told
from peerage.actors.discovery.survey.visit import MAX_REQUESTS, MAX_TOLD, Errand, Visited
from peerage.wire.errors import AddressError
from peerage.wire.ip_ranges import IPAddress, is_routable
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddress
from peerage.wire.remote_text import quoted

__all__ = ["Survey"]

MAX_PORTS_PER_IP = 16  # dialled at one public address: nobody can use us to scan a stranger's ports
HEARD_PER_VISIT = 8  # addresses kept for each visit that may be made
LEAST_HEARD = 20_000  # addresses kept even when few visits may be made
SHARE_OF_GROUP = (
    4  # one group of IP addresses may tell at most a quarter of them, so that others are heard too
)
MAX_VOICES = 8  # groups counted that told an address; more do not make it more urgent


class _Place:
    """An address that was told, whichever node is said to be there."""

    __slots__ = ("address", "order", "voices")

    def __init__(self, address: NetAddress, order: int) -> None:
        self.address = address
        self.order = order
        self.voices: set[str] = set()  # groups of the nodes that told it


class Survey:
    """Decides what to visit: the seeds first, then the places told by the most groups of IP addresses, each place once.

    A node is known by its ID; a place is an IP address and a port. A place is dialled whichever node is said to be there,
    and the node that answers is put on the map under the ID that it has proved.

    Addresses that cannot be reached from everywhere (private, loopback) are visited only when they were told by a node
    that was found at such an address itself: a stranger must not send us into our own network.

    Args:
        seeds: where to begin.
        networks: only nodes of these are asked for addresses; if empty, those of the seeds' networks.
        any_network: ask nodes of every network.
        max_visits: how many places are dialled at most.
    """

    def __init__(
        self,
        seeds: Iterable[NetAddress],
        *,
        networks: Collection[str] = (),
        any_network: bool = False,
        max_visits: int = 10_000,
    ) -> None:
        self._any_network = any_network
        self._given = frozenset(networks)
        self._networks = set(networks)
        self._max_visits = max_visits
        self._order = count()
        self._places: dict[str, _Place] = {}
        self._waiting: set[str] = set()  # the places that are to be visited
        self._queue: list[
            tuple[int, int, str]
        ] = []  # the same, most voices first, then in order of hearing; some are in it twice
        self._under_way: set[str] = set()
        self._visited: dict[str, Visited] = {}
        self._found: dict[NodeID, str] = {}  # each node, with the first place where it proved its ID
        self._told: list[Told] = []  # addresses as they were told; links refer to them by position
        self._numbers: dict[tuple[NodeID, str], int] = {}
        self._max_told = max(max_visits * HEARD_PER_VISIT, LEAST_HEARD)
        # by group of IP addresses: how many addresses it was the first to tell
        self._brought: Counter[str] = Counter()
        self._links: dict[NodeID, array[int]] = {}  # teller → numbers
        self._ports: Counter[IPAddress] = Counter()
        self._passed_over: dict[str, str] = {}  # place → why it is not visited
        self._left_out = 0
        self._seeds: dict[str, NetAddress] = {}  # by place
        self._seeds_left: set[str] = set()
        # Of a seed, to be tried in turn while none has answered.
        self._other_places: dict[NodeID, list[str]] = {}
        self.begin_at(seeds)

    # --- how far it is ---

    @property
    def waiting(self) -> int:
        """How many places will be visited, not counting those under way."""
        left = self._max_visits - len(self._visited) - len(self._under_way)
        return max(0, min(len(self._waiting), left))

    @property
    def under_way(self) -> int:
        """How many places are being visited."""
        return len(self._under_way)

    @property
    def visits(self) -> int:
        """How many places were visited."""
        return len(self._visited)

    @property
    def answered(self) -> int:
        """How many nodes were found."""
        return len(self._found)

    @property
    def done(self) -> bool:
        """Whether nothing is left to visit and no visit is under way."""
        return not self._under_way and not self.waiting

    @property
    def networks(self) -> frozenset[str]:
        """The networks whose nodes are asked, as far as we know them by now."""
        return frozenset(self._networks)

    def seed_faults(self) -> dict[NetAddress, str]:
        """The seeds that no visit has led to, each address that was tried, and why."""
        tried = {place: self._visited[place] for place in self._seeds if place in self._visited}
        good = {
            self._seeds[place].id
            for place, visited in tried.items()
            if self._is_good_seed(self._seeds[place], visited)
        }
        return {
            self._seeds[place]: _seed_fault(self._seeds[place], visited)
            for place, visited in tried.items()
            if self._seeds[place].id not in good
        }

    @property
    def has_seed(self) -> bool:
        """Whether a seed has answered as it should."""
        return any(
            place in self._visited and self._is_good_seed(seed, self._visited[place])
            for place, seed in self._seeds.items()
        )

    # --- what to do ---

    def begin_at(self, seeds: Iterable[NetAddress]) -> None:
        """Visit these seeds before anything else. Of one that has several addresses, the next is visited if the one before
        has not led to it.
        """
        for seed in seeds:
            place = seed.dial_string
            if place in self._seeds:
                continue
            is_other = any(self._seeds[left].id == seed.id for left in self._seeds_left)
            self._seeds[place] = seed
            self._number(seed.id, place, "")
            if place in self._visited:  # as an ordinary node, before it was a seed
                self._learn_network(seed, self._visited[place])
                continue
            known = self._places.setdefault(place, _Place(seed, next(self._order)))
            if is_other:
                self._other_places.setdefault(seed.id, []).append(place)
                self._passed_over[place] = "the seed has another address, too"
                continue
            self._seeds_left.add(place)
            self._enqueue(place, known)

    def next(self) -> Errand | None:
        """The next place to dial; report it by `visited` or `give_back`. None: there is none now, or none left.

        Only seeds are visited until we know which networks they belong to.
        """
        if len(self._visited) + len(self._under_way) >= self._max_visits:
            return None
        while self._queue:
            place = self._queue[0][-1]
            is_seed = place in self._seeds
            if not is_seed and self._seeds_left and not self._given and not self._any_network:
                return None
            heapq.heappop(self._queue)
            if place not in self._waiting:
                continue  # it was in the queue twice
            self._waiting.remove(place)
            address = self._places[place].address
            if not is_seed and not self._may_knock(address):
                self._passed_over[place] = f"more than {MAX_PORTS_PER_IP} ports of its IP address were told"
                continue
            self._ports[address.host] += 1
            self._under_way.add(place)
            return Errand(address, self._asked_networks(is_seed=is_seed))
        return None

    def give_back(self, place: str) -> None:
        """A visit did not take place, for a reason on our side: it will be made later."""
        self._under_way.discard(place)
        known = self._places[place]
        self._ports[known.address.host] -= 1
        self._enqueue(place, known)

    def visited(self, visited: Visited) -> None:
        """Take the result of a visit: of this survey, or of an earlier one with these seeds, read from its journal."""
        place = visited.place
        self._under_way.discard(place)
        if place in self._visited:
            return
        self._visited[place] = replace(visited, told=visited.told and ())  # what was told is kept in `_links`
        self._waiting.discard(place)
        self._seeds_left.discard(place)
        if place in self._seeds:
            self._learn_network(self._seeds[place], visited)
            self._try_other_places(self._seeds[place].id, place, is_met=visited.id == self._seeds[place].id)
        if visited.id is None:
            return
        before = self._found.get(visited.id)
        if before is None or self._visited[before].info is None:
            self._found[visited.id] = place
        known = self._places.get(place)
        if visited.told and known is not None:
            self._hear(visited.id, known.address, visited.told)

    def network_map(self) -> NetworkMap:
        """The map. Call it at the end: the map shares the survey's data and does not copy it."""
        return NetworkMap(
            found={node_id: self._visited[place] for node_id, place in self._found.items()},
            told=self._told,
            links=self._links,
            outcomes={place: self._outcome(place) for place in self._places},
            seeds=tuple(self._seeds.values()),
            networks=tuple(sorted(self._networks)),
            left_out=self._left_out,
            waiting=self.waiting + len(self._under_way),
        )

    # --- inside ---

    def _may_knock(self, address: NetAddress) -> bool:
        return not address.routable or self._ports[address.host] < MAX_PORTS_PER_IP

    def _asked_networks(self, *, is_seed: bool) -> frozenset[str] | None:
        if self._any_network or (is_seed and not self._given):
            return None
        return frozenset(self._networks)

    def _try_other_places(self, seed_id: NodeID, place: str, *, is_met: bool) -> None:
        """A seed was visited at one of its places. Args: is_met, whether that has led to it."""
        others = [other for other in self._other_places.pop(seed_id, ()) if other != place]
        if others and not is_met:
            following = others.pop(0)
            del self._passed_over[following]
            self._seeds_left.add(following)
            self._enqueue(following, self._places[following])
            self._other_places[seed_id] = others

    def _is_good_seed(self, seed: NetAddress, visited: Visited) -> bool:
        if visited.info is None or visited.id != seed.id:
            return False
        return self._any_network or not self._given or visited.info.network in self._given

    def _learn_network(self, seed: NetAddress, visited: Visited) -> None:
        if not self._given and visited.info is not None and self._is_good_seed(seed, visited):
            self._networks.add(visited.info.network)

    def _hear(self, teller: NodeID, at: NetAddress, told: Sequence[PexAddress]) -> None:
        links = self._links.setdefault(teller, array("I"))
        known = set(links)
        from_outside = is_routable(at.host)
        group = at.group(strict=False)
        for raw in told[: MAX_TOLD * MAX_REQUESTS]:
            address = _usable(raw)
            if address is None or address.id == teller:
                continue
            number = self._number(address.id, address.dial_string, group)
            if number is None:
                self._left_out += 1
                continue
            if number not in known:
                known.add(number)
                links.append(number)
            if from_outside and not is_routable(address.host):
                self._pass_over(address)
            else:
                self._hear_of_place(address, group)

    def _number(self, node_id: NodeID, place: str, group: str) -> int | None:
        """The position of an address in `_told`, added if need be. Returns: None when there is no room for one more."""
        number = self._numbers.get((node_id, place))
        if number is not None:
            return number
        is_full = len(self._told) >= self._max_told
        if is_full or self._brought[group] >= self._max_told // SHARE_OF_GROUP:
            return None
        number = self._numbers[node_id, place] = len(self._told)
        self._brought[group] += 1
        self._told.append(Told(node_id, place))
        return number

    def _pass_over(self, address: NetAddress) -> None:
        place = address.dial_string
        if place not in self._places:
            self._places[place] = _Place(address, next(self._order))
            self._passed_over[place] = "not reachable from outside its own network"

    def _hear_of_place(self, address: NetAddress, group: str) -> None:
        place = address.dial_string
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = _Place(address, next(self._order))
        elif place in self._visited or place in self._under_way or place in self._seeds:
            return
        self._passed_over.pop(place, None)
        if group not in known.voices and len(known.voices) < MAX_VOICES:
            known.voices.add(group)
            self._enqueue(place, known)

    def _enqueue(self, place: str, known: _Place) -> None:
        urgency = MAX_VOICES + 1 if place in self._seeds else len(known.voices)
        self._waiting.add(place)
        heapq.heappush(self._queue, (-urgency, known.order, place))

    def _outcome(self, place: str) -> Visited | str:
        visited = self._visited.get(place)
        if visited is not None:
            return visited
        is_full = len(self._visited) >= self._max_visits
        return self._passed_over.get(place) or (
            f"{self._max_visits} others were visited" if is_full else "its turn has not come"
        )


def _usable(raw: PexAddress) -> NetAddress | None:
    """The address, if a node can be at it."""
    try:
        address = NetAddress(raw.id.lower(), raw.ip, raw.port)
    except AddressError:
        return None
    return address if address.valid and address.port else None


def _seed_fault(seed: NetAddress, visited: Visited) -> str:
    if visited.id is not None and visited.id != seed.id:
        return f"somebody else answers there: {visited.id}"
    if visited.info is not None:
        return f"it is of network {quoted(visited.info.network)}"
    return visited.trouble
