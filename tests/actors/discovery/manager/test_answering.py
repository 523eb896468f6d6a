"""Who is answered, who waits, and who is sent away."""

from __future__ import annotations

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.manager.answer_selection import AnswerSelection
from peerage.actors.discovery.manager.answering import MOST_SCARCE, Answering
from peerage.actors.discovery.manager.effects import (
    AnswerSeedRequest,
    Ban,
    Disconnect,
    Effect,
    Judged,
    RefuseSeedRequest,
    SelectAnswer,
    SendAnswer,
    Standing,
    Stop,
)
from peerage.actors.discovery.manager.events import ConnectedPeer, SeedRequest, Told
from peerage.actors.discovery.manager.exchange import SEED_BIAS, PeerExchange
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.request_rate import MAX_EARLY
from peerage.actors.discovery.manager.settings import Pace
from peerage.wire.pex import PexAddrs
from tests.actors.discovery.manager.scene import AT, Scene, answer_to, connected
from tests.actors.discovery.nodes import address, node_id

TOLD = [address(20), address(21)]
ONCE_MORE = "called once more over another connection"
AGAIN = "asked for addresses again before it was answered"


class Asked(Scene):
    """A node that is asked; its book tells 20 and 21."""

    def __init__(
        self,
        *,
        seed_mode: bool = False,
        most_waiting: int | None = None,
        burst: int = 250,
        load_per_second: int = 50,
    ) -> None:
        super().__init__()
        clock = self.agenda.clock
        self.exchange = PeerExchange(
            clock=clock, seed_mode=seed_mode, groups=GroupRate(clock, burst=burst), most_waiting=most_waiting
        )
        self.visited: list[SeedRequest] = []
        self.told: Told = TOLD
        self.answering = Answering(
            self.effects,
            self.agenda,
            self.exchange,
            AnswerSelection(self.effects, self.agenda, Pace(load_per_second=load_per_second)),
            peers=self.peers,
            never_banned={node_id(9)},
            visit_back=self.visited.append,
            alone_s=5.0,
            renewal_s=0.1,
        )

    def request(self, peer: ConnectedPeer) -> list[Effect]:
        """A peer asks. Returns: what is wanted, selections answered."""
        self.answering.request(peer)
        return self.selected(self.out())

    def call(self, request: SeedRequest) -> list[Effect]:
        """A node calls. Returns: as above."""
        self.answering.seed_request(request)
        return self.selected(self.out())

    def wait(self, seconds: float) -> list[Effect]:
        return self.selected(self.pass_by(seconds))

    def selected(self, effects: list[Effect]) -> list[Effect]:
        wanted: list[Effect] = []
        for effect in effects:
            wanted += answer_to(self, effect, self.told) if isinstance(effect, SelectAnswer) else [effect]
        return wanted

    def leave(self, peer: ConnectedPeer) -> None:
        del self.peers[peer.id]
        self.exchange.peer_removed(peer.id)
        self.answering.peer_removed(peer)


def seed_request(number: int, connection: str = "c", ip: str | None = None) -> SeedRequest:
    return SeedRequest(node_id(number), connection, address(number, ip), address(number))


def test_a_peer_is_answered() -> None:
    """Also one that is gone before its answer was selected, which reaches nobody then."""
    node = Asked()
    peer = node.connect(connected(1))
    assert node.request(peer) == [Judged("answered"), SendAnswer(peer, TOLD)]
    node.answering.request(peer)
    answered, question = node.out()
    node.leave(peer)
    assert answered == Judged("answered")
    assert answer_to(node, question, TOLD) == []
    assert node.request(peer) == []


def test_whoever_asks_early_is_answered_late() -> None:
    """The first two requests are free; then there are ten seconds between two answers."""
    node = Asked()
    peer = node.connect(connected(1))
    for _ in range(2):
        node.request(peer)
    assert node.request(peer) == [Judged("early")]
    assert node.wait(9.9) == []
    assert node.wait(0.1) == [Judged("answered"), SendAnswer(peer, TOLD)]


def test_a_peer_that_is_gone_waits_no_more() -> None:
    """It may wait anew on its next connection, and only there."""
    node = Asked()
    for _ in range(2):
        node.request(node.connect(connected(1)))
    gone = node.connect(connected(1))
    assert node.request(gone) == [Judged("early")]
    node.leave(gone)
    again = node.connect(connected(1))
    assert node.request(again) == [Judged("early")]
    assert node.wait(10.0) == [Judged("answered"), SendAnswer(again, TOLD)]


def test_whoever_asks_again_while_it_waits_is_stopped_and_banned_the_second_time() -> None:
    """No implementation does that."""
    node = Asked()
    for offence in range(2):
        peer = node.connect(connected(1))
        for _ in range(3 if offence == 0 else 1):
            node.request(peer)
        wanted: list[Effect] = [Judged(AGAIN), Stop(peer, AGAIN, Offence.TOO_MANY_REQUESTS)]
        assert node.request(peer) == wanted + [Ban(peer.id, 60.0, AGAIN)] * offence
        assert node.request(peer) == [Judged("ignored")]
        node.leave(peer)


def test_a_seed_answers_once_and_hangs_up() -> None:
    """On whoever came; whom it visits itself it does not send away for asking."""
    seed = Asked(seed_mode=True)
    guest, visited = seed.connect(connected(1, is_outbound=False)), seed.connect(connected(2))
    assert seed.request(guest) == [Judged("answered"), SendAnswer(guest, TOLD, then_disconnect=True)]
    assert seed.request(guest) == [Judged("ignored")]
    assert seed.request(visited) == [Judged("answered"), SendAnswer(visited, TOLD)]


def test_a_peer_of_a_seed_that_calls_once_more_over_another_connection_waits_there() -> None:
    """The peer is sent away."""
    seed = Asked(seed_mode=True)
    for _ in range(2):
        seed.call(seed_request(1))
    guest = seed.connect(connected(1, is_outbound=False))
    assert seed.request(guest) == [Judged("early")]
    assert seed.call(seed_request(1)) == [Judged("early")]
    assert seed.wait(10.0) == [
        Disconnect(guest),
        Judged("answered"),
        AnswerSeedRequest(seed_request(1), TOLD),
    ]


def test_a_group_that_asks_too_often_is_sent_away_under_whatever_ids() -> None:
    """Peers that we dialled are not counted: we chose them."""
    node = Asked(burst=2)
    reason = "its group of IP addresses asked for addresses too often"
    for number in range(3):
        peer = node.connect(connected(number, is_outbound=False, ip=f"9.9.9.{number}"))
        answer: list[Effect] = [Judged("answered"), SendAnswer(peer, TOLD)]
        assert node.request(peer) == (answer if number < 2 else [Judged(reason), Stop(peer, reason)])
    ours = node.connect(connected(7, ip="9.9.9.7"))
    assert SendAnswer(ours, TOLD) in node.request(ours)


def test_whoever_calls_a_seed_is_answered_and_visited() -> None:
    """At once."""
    seed, request = Asked(seed_mode=True), seed_request(1)
    seed.answering.seed_request(request)
    (question,) = seed.out()
    assert isinstance(question, SelectAnswer)
    assert question.bias == SEED_BIAS
    assert answer_to(seed, question, TOLD) == [Judged("answered"), AnswerSeedRequest(request, TOLD)]
    assert seed.visited == [request]


def test_whoever_calls_again_too_soon_is_answered_when_its_turn_has_come() -> None:
    """It is no offender, and was visited before."""
    seed, request = Asked(seed_mode=True), seed_request(1)
    for _ in range(2):
        seed.call(request)
    assert seed.call(request) == [Judged("early")]
    assert seed.wait(10.0) == [Judged("answered"), AnswerSeedRequest(request, TOLD)]
    assert len(seed.visited) == 2


def busy_seed(**options: int) -> Asked:
    """Its load is high from the first request on, and answers are messages."""
    seed = Asked(seed_mode=True, load_per_second=0, **options)
    seed.told = PexAddrs.of(TOLD).encode()
    return seed


def standing_of(effects: list[Effect]) -> Standing | None:
    (answer,) = (effect for effect in effects if isinstance(effect, AnswerSeedRequest))
    return answer.standing


def test_under_load_peer_hosts_may_give_an_answer_to_others() -> None:
    """As long as it is shared; then they go on for a moment, until the next one is there."""
    seed = busy_seed()
    assert standing_of(seed.call(seed_request(1))) == Standing(AT + 0.1, AT + 0.2)
    seed.pass_by(0.0625)
    assert standing_of(seed.call(seed_request(2))) == Standing(AT + 0.1, AT + 0.2)
    seed.pass_by(0.0625)
    fresh_until = AT + 0.125 + 0.1
    assert standing_of(seed.call(seed_request(3))) == Standing(fresh_until, fresh_until + 0.1)


def test_without_load_nobody_else_may_have_an_answer() -> None:
    """Each is to be told of those who asked before."""
    seed = Asked(seed_mode=True)
    seed.told = PexAddrs.of(TOLD).encode()
    assert standing_of(seed.call(seed_request(1))) is None


def test_an_answer_that_names_one_node_is_for_nobody_else() -> None:
    """Whoever that is would hear of nobody."""
    seed = busy_seed()
    seed.told = PexAddrs.of([address(2)]).encode()
    assert standing_of(seed.call(seed_request(1))) is None


def test_groups_that_have_few_requests_left_are_left_out() -> None:
    """Their requests are judged one by one. Where there are many such groups, all are."""
    seed, (one, other) = busy_seed(burst=60), (seed_request(1, ip="9.9.9.1"), seed_request(2, ip="8.8.8.1"))
    assert standing_of(seed.call(one)) == Standing(AT + 0.1, AT + 0.2, frozenset({"9.9.0.0"}))
    seed.pass_by(0.1)
    for number in range(MOST_SCARCE):
        seed.exchange.call_answered(node_id(100 + number), group=f"1.{number}.0.0")
    assert standing_of(seed.call(other)) is None


def test_whoever_was_answered_by_a_peer_host_has_asked() -> None:
    """It is visited, its group has had a request, and it asks once more before it has to wait."""
    seed, request = busy_seed(burst=3), seed_request(1, ip="9.9.9.1")
    seed.answering.answered_unasked(request)
    assert (seed.out(), seed.visited) == ([Judged("answered")], [request])
    assert standing_of(seed.call(request)) is not None
    assert seed.call(request) == [Judged("early")]
    neighbour, reason = (
        seed_request(2, ip="9.9.9.2"),
        "its group of IP addresses asked for addresses too often",
    )
    assert seed.call(neighbour) == [Judged(reason), RefuseSeedRequest(neighbour, reason)]


def test_load_stays_high_where_peer_hosts_answer() -> None:
    """What they have answered counts."""
    seed = Asked(seed_mode=True, load_per_second=3)
    seed.told = PexAddrs.of(TOLD).encode()
    assert standing_of(seed.call(seed_request(1))) is None
    for number in (2, 3):
        seed.answering.answered_unasked(seed_request(number))
    seed.out()
    assert standing_of(seed.call(seed_request(4))) is not None


def test_whoever_is_alone_waits_for_others() -> None:
    """Five seconds; then it gets what there is. A message with its own address alone names nobody, either."""
    for nobody in ([], [address(1)], PexAddrs.of([address(1)]).encode(), PexAddrs().encode()):
        seed, request = Asked(seed_mode=True), seed_request(1)
        seed.told = nobody
        assert seed.call(request) == []
        assert seed.wait(4.9) == []
        assert seed.wait(0.1) == [Judged("answered"), AnswerSeedRequest(request, nobody)]
    for somebody in (PexAddrs.of([address(2)]).encode(), PexAddrs.of(TOLD).encode()):
        seed = Asked(seed_mode=True)
        seed.told = somebody
        assert seed.call(request) == [Judged("answered"), AnswerSeedRequest(request, somebody)]


def test_whoever_calls_once_more_while_it_waits_loses_the_earlier_call() -> None:
    """It may be dead. More than twenty such calls in ten seconds are a flood, and the second flood is banned."""
    seed = Asked(seed_mode=True)
    reason = "asked for addresses over too many connections"
    for flood in range(2):
        for _ in range(2 - flood):
            seed.call(seed_request(1))
        for serial in range(MAX_EARLY):
            effects = seed.call(seed_request(1, f"c-{serial}"))
            assert effects[-1] == Judged("early")
            if serial:
                lost = seed_request(1, f"c-{serial - 1}")
                assert effects[:-1] == [Judged(ONCE_MORE), RefuseSeedRequest(lost, ONCE_MORE)]
        last = seed_request(1, "last")
        assert seed.call(last)[2:] == [
            Judged(reason),
            *[Ban(last.id, 60.0, reason)] * flood,
            RefuseSeedRequest(last, reason, Offence.TOO_MANY_REQUESTS),
        ]
        seed.pass_by(10.0)


def test_whoever_the_operator_insists_on_is_sent_away_and_not_banned() -> None:
    """However often it floods."""
    seed = Asked(seed_mode=True)
    effects = [effect for serial in range(100) for effect in seed.call(seed_request(9, f"c-{serial}"))]
    assert not any(isinstance(effect, Ban) for effect in effects)


def test_whoever_hangs_up_gives_its_place_to_another() -> None:
    """Its turn ends with the connection on which it waited, not with another."""
    seed = Asked(seed_mode=True, most_waiting=1)
    seed.told = []
    crowded = "too many wait for their turn"
    assert seed.call(seed_request(1)) == []
    seed.answering.seed_request_left(node_id(1), "another of his")
    assert seed.call(seed_request(2)) == [Judged(crowded), RefuseSeedRequest(seed_request(2), crowded)]
    seed.answering.seed_request_left(node_id(1), "c")
    assert seed.call(seed_request(3)) == []
    seed.answering.seed_request_left(node_id(4), "c")  # waits for nothing
