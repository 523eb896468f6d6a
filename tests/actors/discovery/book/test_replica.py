"""What a book tells those that share with it, and what it takes over from them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.known_address import Kind, KnownAddress, Standing
from peerage.actors.discovery.book.replica import News
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.sharing.crawl_share import CrawlShare
from peerage.actors.discovery.sharing.lines import Key, Shared, key_of, pardon, read, write
from peerage.actors.discovery.sharing.rank import UNTRIED, rank
from peerage.actors.discovery.sharing.shared_book import SharedBook, Telling
from tests.actors.discovery.nodes import SMALL, Clock, address, book, node_id
from tests.actors.discovery.sharing.records import NOW

ME, OTHER = address(90), address(91)


class Reader:
    """Asks a book for its news, as the member does. Attributes: news, the last; heard, the last of each record."""

    def __init__(self, known: AddrBook, most: int = 1000) -> None:
        self._book, self._most = known, most
        self.news = News("", 0, (), more=True)
        self.heard: dict[Key, Shared] = {}

    def read(self) -> list[Shared]:
        """What is new."""
        self._book.drain()
        self.news = self._book.replica.news(self.news.life, self.news.number, self._most)
        found = list(read(self.news.lines))
        self.heard |= {key_of(item): item for item in found}
        return found


def adopt(known: AddrBook, *items: Shared) -> int:
    """Have a book take these over."""
    return known.replica.adopt(tuple(map(write, items)))


def get(known: AddrBook, number: int) -> KnownAddress:
    found = known.get(node_id(number))
    assert found is not None
    return found


# --- for the others --------------------------------------------------------------------------------------------------


def test_all_that_is_known_is_news_at_first_and_then_what_changes() -> None:
    """In its present state."""
    known = book()
    known.add(address(1), ME)
    reader = Reader(known)
    assert [each.address for each in reader.read() if isinstance(each, KnownAddress)] == [address(1)]
    assert reader.read() == []
    known.mark_good(node_id(1))
    (told,) = reader.read()
    assert isinstance(told, KnownAddress)
    assert (told.standing, told.buckets) == (Standing.VERIFIED, ())


def test_bans_and_pardons_are_news_and_other_facts_are_not() -> None:
    """Nor is an address that was given up: that is this node's reason not to dial it."""
    known = book()
    known.add(address(1), ME)
    reader = Reader(known)
    reader.read()
    known.bad_peers.ban(node_id(2), 60.0, "forged")
    known.bad_peers.give_up(node_id(1), 60.0, "too many failed dials")
    known.facts.keep([Fact(FactKind.FAILED, "1.2.3.4:5", (1, 2, 3))])
    known.replica.pardon(node_id(3))
    assert {key_of(each) for each in reader.read()} == {("ban", node_id(2)), ("pardon", node_id(3))}


def test_a_failed_dial_is_no_news_until_somebody_has_answered() -> None:
    """A node that has lost its own network must not tell that nobody is there. It tells what it has learnt all the same."""
    clock = Clock()
    known = book(clock)
    reader = Reader(known)
    reader.read()
    for number in (1, 2, 3):
        known.add(address(number), ME)
    known.mark_good(node_id(3))
    clock.pass_by(1.0)
    known.mark_attempt(node_id(1))
    known.mark_attempt(node_id(3))
    one, two, three = sorted(
        (each for each in reader.read() if isinstance(each, KnownAddress)), key=lambda row: row.id
    )
    assert rank(one) == rank(two) == UNTRIED
    assert (three.attempts, three.last_attempt) == (0, three.last_success)
    clock.pass_by(1.0)
    known.mark_good(node_id(2))
    told = {each.id: each.attempts for each in reader.read() if isinstance(each, KnownAddress)}
    assert told == {node_id(1): 1, node_id(2): 0, node_id(3): 1}


def test_a_book_that_was_restarted_tells_all_again() -> None:
    """Its numbers begin anew, and have another life's name."""
    known, reader = book(), None
    known.add(address(1), ME)
    reader = Reader(known)
    reader.read()
    successor = book()
    successor._rng.seed(8)
    successor.restore([get(known, 1)])
    told = successor.replica.news(reader.news.life, reader.news.number, 10)
    assert told.life != reader.news.life
    assert len(told.lines) == 1


def test_news_come_in_parts_and_what_has_left_the_book_is_none() -> None:
    """A reader is told that there is more."""
    known = book()
    for number in range(5):
        known.add(address(number), ME)
    reader = Reader(known, most=2)
    known.remove(node_id(0))
    read_at_once = reader.read()
    assert (len(read_at_once), reader.news.more) == (2, True)
    while reader.news.more:
        reader.read()
    known.remove(node_id(4))
    assert {name for _, name in reader.heard} == {node_id(number) for number in (1, 2, 3, 4)}
    assert known.replica.news(reader.news.life, 0, 10).lines == tuple(
        write(get(known, number)) for number in (1, 2, 3)
    )


# --- from the others -------------------------------------------------------------------------------------------------


def test_an_address_that_is_not_known_is_taken_with_its_history() -> None:
    """As one that was reached, if it was."""
    known = book()
    reached = KnownAddress(address(1), OTHER, Kind.OLD, last_attempt=NOW, last_success=NOW)
    assert adopt(known, reached, KnownAddress(address(2), OTHER)) == 2
    assert (known.is_good(node_id(1)), get(known, 1).last_success) == (True, NOW)
    assert get(known, 2).kind is Kind.NEW
    assert known.statistics().verified == 1


def test_nobody_loses_a_place_for_what_others_know() -> None:
    """What has no room here is left out: the others have it."""
    known = book(shape=SMALL)
    for number in range(200):
        known.add(address(number), address(number))
    before = {each.id for each in known.addresses()}
    adopt(known, *[KnownAddress(address(number), address(number)) for number in range(200, 400)])
    assert before <= {each.id for each in known.addresses()}


def test_what_says_more_is_taken_over_and_what_says_less_is_not() -> None:
    """A later success makes it old; a later failure counts."""
    known = book()
    known.add(address(1), ME)
    reached = replace(get(known, 1), last_attempt=NOW, last_success=NOW, latency=5, next_try=NOW + 9)
    assert adopt(known, reached) == 1
    assert known.is_good(node_id(1))
    assert adopt(known, replace(reached, last_success=NOW - 5), reached) == 0
    failed = replace(reached, attempts=2, last_attempt=NOW + 1)
    assert adopt(known, failed) == 1
    assert (get(known, 1).attempts, get(known, 1).standing) == (2, Standing.FAILING)
    assert known.statistics().verified == 0
    other = replace(failed, incompatible=1, attempts=0, last_attempt=NOW + 2)
    assert adopt(known, other) == 1
    assert (known.statistics().incompatible, get(known, 1).kind) == (1, Kind.NEW)


def test_an_id_moves_to_where_it_was_reached_later_and_to_nowhere_else() -> None:
    """What others were told of it does not move it here."""
    known = book()
    known.add(address(1), ME)
    elsewhere = KnownAddress(address(1, port=9), OTHER, attempts=1, last_attempt=NOW)
    assert adopt(known, elsewhere) == 0
    assert get(known, 1).address == address(1)
    assert adopt(known, replace(elsewhere, attempts=0, last_success=NOW)) == 1
    assert get(known, 1).address == address(1, port=9)


def test_this_books_own_rules_hold() -> None:
    """Our own address, private IDs, whoever is banned here, and what is not routable stay out."""
    known = book()
    known.add_our_address(address(1))
    known.add_private_ids([node_id(2)])
    known.bad_peers.ban(node_id(3), 60.0, "forged")
    rows = [KnownAddress(address(number), OTHER) for number in (1, 2, 3)]
    assert adopt(known, *rows, KnownAddress(address(4, "10.0.0.1"), OTHER)) == 0
    assert len(known) == 0


def test_a_ban_holds_here_until_the_same_time() -> None:
    """Whoever is banned leaves the book with what is known here, and comes back with it."""
    clock = Clock()
    known = book(clock)
    known.add(address(1), ME)
    until = NOW + 60 * SECOND
    assert adopt(known, Ban(node_id(1), "forged", NOW, until)) == 1
    ban = known.bans.get(node_id(1))
    assert ban is not None
    assert (ban.until, ban.reason, known.has(node_id(1))) == (until, "forged", False)
    assert adopt(known, Ban(node_id(1), "forged", NOW, until)) == 0
    clock.pass_by(60.0)
    assert known.bad_peers.reinstate() == [node_id(1)]
    assert adopt(known, Ban(node_id(1), "forged", NOW, until)) == 0


def test_nobody_whom_this_node_trusts_is_banned_for_others() -> None:
    """Its persistent and unconditional peers; the operator of this node may ban them here."""
    known = book()
    known.misbehaviour.trust([node_id(1)], ["0" * 39 + "2@5.6.7.8:1"])
    until = NOW + SECOND
    banned = [Ban(subject, "forged", NOW, until) for subject in (node_id(1), node_id(2), "5.6.7.8")]
    assert adopt(known, *banned) == 0
    assert not len(known.bans)


def test_a_pardon_ends_a_ban_and_what_counts_against_its_subject() -> None:
    """And the ban does not come back with a node that has not heard of it. A later ban holds."""
    known = book()
    old = Ban(node_id(1), "forged", NOW - 9, NOW + SECOND)
    adopt(known, old)
    word = pardon(node_id(1), NOW - 5)
    assert adopt(known, word) == 1
    assert adopt(known, word, old) == 0
    assert not len(known.bans)
    assert adopt(known, replace(old, since=NOW - 2)) == 1
    assert adopt(known, pardon(node_id(1), NOW - 4)) == 1
    assert known.bans.holds(node_id(1))


def test_a_share_decides_whom_to_visit() -> None:
    """Until it ends."""
    clock = Clock()
    known = book(clock)
    for number in range(40):
        known.add(address(number), ME)
    halves = []
    for place in (0, 1):
        known.replica.visit(CrawlShare(place, 2, b"key", clock() + 10.0))
        halves.append({each.id for each in known.dials.due(100)})
        feeler = known.dials.feeler()
        assert feeler is None or feeler.id in halves[-1]
    assert not halves[0] & halves[1]
    assert len(halves[0] | halves[1]) == 40
    clock.pass_by(10.0)
    assert len(known.dials.due(100)) == 40


# --- together --------------------------------------------------------------------------------------------------------

steps = st.tuples(
    st.sampled_from(("add", "good", "attempt", "ban", "pardon", "share", "share")),
    st.integers(0, 1),
    st.integers(0, 4),
)


@given(st.lists(steps, max_size=40))
def test_books_that_share_agree_in_the_end(acts: list[tuple[str, int, int]]) -> None:
    """On who is known, who was reached when, and who is banned until when: whatever each did, and whenever they met."""
    clock = Clock()
    hub = SharedBook("life", clock=clock, ticks=clock)
    books = [book(clock), book(clock)]
    books[1]._rng.seed(8)
    readers = [Reader(known) for known in books]
    has = [0, 0]

    def share(which: int) -> None:
        readers[which].read()
        telling = Telling(str(which), False, readers[which].news.lines, "life", has[which])
        answer = hub.exchange(telling)
        books[which].replica.adopt(answer.lines)
        has[which] = answer.number

    for act, which, number in acts:
        clock.pass_by(1.0)
        known = books[which]
        if act == "add":
            known.add(address(number), ME) if not known.bans.holds(node_id(number)) else None
        elif act == "good":
            known.mark_good(node_id(number))
        elif act == "attempt":
            known.mark_attempt(node_id(number))
        elif act == "ban":
            known.bad_peers.ban(node_id(number), 1000.0, "forged")
        elif act == "pardon":
            known.misbehaviour.forgive(node_id(number))
            known.replica.pardon(node_id(number))
        else:
            share(which)
    clock.pass_by(1.0)
    for known in books:  # somebody answers each, so that nothing is held back
        known.add(address(50), ME)
        known.mark_good(node_id(50))
    for which in (0, 1, 0, 1, 0, 1):
        share(which)

    def sight(known: AddrBook) -> dict[str, object]:
        seen: dict[str, object] = {each.id: each.last_success for each in known.addresses()}
        return seen | {ban.subject: ban.until for ban in known.bans}

    assert sight(books[0]) == sight(books[1])
