"""The misbehaviour book: who has done what, how much of it still counts, and when that means a ban.

Every offence adds points to the node's ID and, where its IP address is routable, to its host and the networks around it.
Points halve every hour. Whoever has 100 is banned, for ten minutes at first and twice as long each time, up to what the
offence allows. Only IDs and hosts are banned, and only by their own points: a network is the home of many, and one bad
tenant must not shut out a cloud provider. The networks' points tell the operator where trouble comes from.

What was forgiven stays forgiven: who is let in again by the operator begins with nothing against him, and what has decayed
is not remembered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban, BanList, normal_subject
from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.actors.discovery.book.offences import WEIGHTS, Offence
from peerage.actors.discovery.book.timestamps import SECOND, nanoseconds
from peerage.wire.errors import AddressError
from peerage.wire.ip_ranges import IPAddress, is_routable, normal
from peerage.wire.keys import normal_id
from peerage.wire.net_address import NetAddress, id_in, no_names

BAN_AT = 100.0  # points
HALF_LIFE_S = 3600.0
FIRST_BAN_S = 600.0
FORGET_BANS_S = 24 * 3600.0  # after the end of a ban; the next one is as the first then
LEAST = 0.1  # points; less is nothing

# (prefix length, share of the host's points): the host, its site, its provider. In IPv6 a host has a /64.
_PREFIXES = {4: ((32, 1.0), (24, 1 / 4), (16, 1 / 16)), 6: ((64, 1.0), (48, 1 / 4), (32, 1 / 16))}
_BY_NUMBER = {offence.number: offence for offence in Offence}
_NUMBERS = 6  # of a fact


@dataclass(frozen=True, slots=True)
class Offender:
    """What counts against an ID, a host or a network.

    Args:
        score: points that count now.
        offences: how many there were since it had none.
        last: the last one, and last_at, Unix nanoseconds.
        bans: how often that led to a ban.
    """

    subject: str
    score: float
    offences: int
    last: Offence
    last_at: int
    bans: int


@dataclass(slots=True)
class _Record:
    """Args: score, as of `at`; banned_until: the end of the last ban. Times in Unix nanoseconds."""

    score: float
    at: int
    offences: int
    last: Offence
    bans: int = 0
    banned_until: int = 0

    def points(self, now: int) -> float:
        """The score now. A clock that was set back gives nobody points."""
        return float(self.score * 0.5 ** (max(0, now - self.at) / SECOND / HALF_LIFE_S))

    def bans_that_count(self, now: int) -> int:
        """How many bans the next one follows."""
        return self.bans if now - self.banned_until < FORGET_BANS_S * SECOND else 0


class Misbehaviour:
    """Keeps the scores with the book's facts, and has the book ban.

    The facts are all that is kept: with a second form of each, as many offenders as there may be took twice the memory.

    Args: clock, Unix seconds.
    """

    def __init__(
        self, bad_peers: BadPeers, bans: BanList, facts: FactList, *, clock: Callable[[], float]
    ) -> None:
        self._bad_peers, self._bans, self._facts, self._clock = bad_peers, bans, facts, clock
        self._trusted_ids: set[str] = set()
        self._trusted_hosts: set[str] = set()

    def __len__(self) -> int:
        return self._facts.count(FactKind.OFFENCES)

    def begin(self) -> None:
        """Take over what a store kept, but for what has decayed meanwhile."""
        now = self._now()
        facts = sorted(self._facts.of(FactKind.OFFENCES), key=_age)
        self._facts.restore(facts)  # now the one whose last offence is longest ago makes room
        for fact in facts:
            record = _read(fact)
            if record is None or not self._counts(record, now):
                self._forget(fact.name)

    def trust(self, node_ids: Iterable[str], addresses: Iterable[str] = ()) -> None:
        """Never count anything against these IDs and those of these addresses, nor what others do against their hosts.

        What counts against them already is forgotten; their bans are not. Of an address whose host is a name only the ID
        is known.
        """
        texts = tuple(addresses)
        self._trusted_ids.update(map(normal_id, node_ids), map(id_in, texts))
        for text in texts:
            with suppress(AddressError):
                places = _places(NetAddress.parse(text, no_names).host)
                self._trusted_hosts.update(subject for subject, _ in places[:1])
        for subject in self._trusted_ids | self._trusted_hosts:
            self._forget(subject)

    def trusts(self, subject: str) -> bool:
        """Whether nothing is counted against this subject."""
        return subject in self._trusted_ids or subject in self._trusted_hosts

    def charge(
        self, offence: Offence, node_id: str | None = None, ip: IPAddress | None = None
    ) -> tuple[Ban, ...]:
        """Count an offence. Args: node_id, if it is proved. Returns: the bans that it led to."""
        weight = WEIGHTS[offence]
        if node_id is not None and normal_id(node_id) in self._trusted_ids:
            return ()
        bans = []
        if node_id is not None and weight.points:
            bans.append(self._add(normal_id(node_id), weight.points, offence, may_ban=True))
        places = _places(ip)
        if places and places[0][0] not in self._trusted_hosts:
            for rank, (subject, share) in enumerate(places):
                bans.append(self._add(subject, weight.host_points * share, offence, may_ban=rank == 0))
        return tuple(ban for ban in bans if ban is not None)

    def score(self, node_id: str) -> float:
        """The points of an ID now."""
        return self._points(normal_id(node_id))

    def forgive(self, subject: str) -> bool:
        """End a ban, and forget what counts against its subject.

        Returns: whether there was a ban, or anything that counted.
        Raises: BanSubjectError.
        """
        lifted = self._bad_peers.lift(subject)
        return self._forget(normal_subject(subject)) or lifted

    def offenders(self) -> tuple[Offender, ...]:
        """All who have points now, the most first."""
        now = self._now()
        found = [
            Offender(fact.name, record.points(now), record.offences, record.last, record.at, record.bans)
            for fact in self._facts.of(FactKind.OFFENCES)
            if (record := _read(fact)) is not None and record.points(now) >= LEAST
        ]
        return tuple(sorted(found, key=lambda offender: (-offender.score, offender.subject)))

    # --- inside ---

    def _now(self) -> int:
        return nanoseconds(self._clock())

    def _points(self, subject: str) -> float:
        record = self._record(subject)
        return 0.0 if record is None else record.points(self._now())

    def _record(self, subject: str) -> _Record | None:
        fact = self._facts.get(FactKind.OFFENCES, subject)
        return None if fact is None else _read(fact)

    def _add(self, subject: str, points: float, offence: Offence, *, may_ban: bool) -> Ban | None:
        now = self._now()
        record = self._record(subject)
        if record is None or not self._counts(record, now):
            record = _Record(0.0, now, 0, offence)
        record.score, record.at = record.points(now) + points, now
        record.offences += 1
        record.last = offence
        ban = self._ban(subject, record, offence, now) if may_ban and record.score >= BAN_AT else None
        self._keep(subject, record)
        return ban

    def _ban(self, subject: str, record: _Record, offence: Offence, now: int) -> Ban | None:
        """Ban a subject, unless it is: several connections may offend in the same moment, and that is one ban."""
        ban = self._bans.get(subject)
        if ban is not None and ban.shuts_out_until > now:
            return None
        before = record.bans_that_count(now)
        seconds = min(FIRST_BAN_S * 2.0 ** min(before, 16), WEIGHTS[offence].longest_ban)
        ban = self._bad_peers.ban(subject, seconds, offence.text)
        record.bans, record.banned_until = before + 1, ban.until
        return ban

    def _keep(self, subject: str, record: _Record) -> None:
        numbers = (
            round(record.score * 1000),
            record.at,
            record.offences,
            record.last.number,
            record.bans,
            record.banned_until,
        )
        self._facts.keep([Fact(FactKind.OFFENCES, subject, numbers)])

    def _forget(self, subject: str) -> bool:
        known = self._facts.get(FactKind.OFFENCES, subject) is not None
        self._facts.keep([Fact(FactKind.OFFENCES, subject)])
        return known

    @staticmethod
    def _counts(record: _Record, now: int) -> bool:
        return record.points(now) >= LEAST or record.bans_that_count(now) > 0


def _places(ip: IPAddress | None) -> tuple[tuple[str, float], ...]:
    """What an IP address is charged as, and each one's share; nothing if it is not routable: it may stand for many.

    Behind a proxy or in a network of containers all connections come from one such address.
    """
    if ip is None or not is_routable(ip := normal(ip)):
        return ()
    return tuple((normal_subject(f"{ip}/{bits}"), share) for bits, share in _PREFIXES[ip.version])


def _age(fact: Fact) -> float:
    return fact.numbers[1] if len(fact.numbers) > 1 else -math.inf


def _read(fact: Fact) -> _Record | None:
    """What was written by `_keep`; None if it is by a later version, whose offences are not ours."""
    if len(fact.numbers) != _NUMBERS:
        return None
    score, at, offences, number, bans, banned_until = fact.numbers
    last = _BY_NUMBER.get(number)
    return None if last is None else _Record(score / 1000, at, offences, last, bans, banned_until)
