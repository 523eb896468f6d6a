"""actors/peers/handshake.py: both steps, checked in the order of reference 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.peers.handshake import MAX_RECEIVED, Handshake, HandshakeRefusedError
from peerage.actors.refusal import DETAIL_LIMIT, Refusal, RefusalReason
from peerage.wire import accelerator, loops
from peerage.wire.frames import FRAME_SEALED
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo
from peerage.wire.secret_connection import SecretConnection
from peerage.wire.varint import encode_uvarint

ANNA, BERT = NodeKey.generate(), NodeKey.generate()
STRANGER = NodeID("c" * 40)


@pytest.fixture(params=["as built", "plain Python"], autouse=True, scope="module")
def _form(request: pytest.FixtureRequest) -> Iterator[None]:
    """The quick handshake where it was built, and the long one, for the first end; the other is made in the test."""
    accelerator.use(loops if request.param == "plain Python" else accelerator.compiled or loops)
    yield
    accelerator.use(accelerator.compiled or loops)


def info_of(key: NodeKey, **changes: object) -> NodeInfo:
    info = NodeInfo(
        id=key.node_id, listen_addr="tcp://127.0.0.1:26656", network="test", moniker="m", channels=b"\x50"
    )
    return replace(info, **changes)  # type: ignore[arg-type]  # fields of NodeInfo


def deliver(data: bytes, to: Handshake, step: int) -> bool:
    """Hand over bytes in pieces. Returns: whether the handshake is done; what follows the end is not handed over."""
    return any(to.receive_data(data[at : at + step]) for at in range(0, len(data), step))


def shake(anna: Handshake, bert: Handshake, step: int = 10_000) -> tuple[bool, bool]:
    """Carry bytes to and fro until nothing more is said. Returns: which of them is done."""
    done = [False, False]
    while (to_bert := anna.data_to_send()) or (to_anna := bert.data_to_send()):
        if to_bert:
            done[1] |= deliver(to_bert, bert, step)
            continue
        done[0] |= deliver(to_anna, anna, step)
    return done[0], done[1]


def refusal_of(anna: Handshake, bert: Handshake) -> HandshakeRefusedError:
    """What the first one says against the second, whatever that thinks of the first."""
    for _ in range(4):
        with suppress(HandshakeRefusedError):
            bert.receive_data(anna.data_to_send())
        try:
            anna.receive_data(bert.data_to_send())
        except HandshakeRefusedError as error:
            return error
    raise AssertionError("not refused")


def met(anna: Handshake) -> SecretConnection:
    """Prove a key to the first one. Returns: the other end, which has not said its NodeInfo."""
    other = SecretConnection(BERT)
    for _ in range(2):  # keys, then proofs
        assert not anna.receive_data(other.data_to_send())
        other.receive_data(anna.data_to_send())
    assert anna.remote_id == BERT.node_id
    return other


@pytest.mark.parametrize("step", [1, 2, 31, 32, 33, 1043, 1044, 1045, 10_000])
def test_both_learn_who_the_other_is_however_the_bytes_are_cut(step: int) -> None:
    """The dialled ID is the one that answers; NodeInfo arrives whole."""
    anna = Handshake(ANNA, info_of(ANNA), expected_id=BERT.node_id)
    bert = Handshake(BERT, info_of(BERT, moniker="bert"))
    assert (anna.remote_id, bert.remote_id) == (None, None)
    assert shake(anna, bert, step) == (True, True)
    assert (anna.remote_id, bert.remote_id) == (BERT.node_id, ANNA.node_id)
    assert anna.theirs == info_of(BERT, moniker="bert")
    assert bert.theirs == info_of(ANNA)
    assert anna.leftover == bert.leftover == b""


def test_what_comes_behind_the_node_info_is_left_over() -> None:
    """A remote that was done first may send packets at once: they belong to the connection."""
    anna = Handshake(ANNA, info_of(ANNA))
    other = met(anna)
    other.write(info_of(BERT).encode_delimited() + b"packets already")
    assert anna.receive_data(other.data_to_send())
    assert anna.leftover == b"packets already"


def test_a_remote_that_proves_its_key_and_says_nothing_comes_to_an_end() -> None:
    """Frames that hold a byte of NodeInfo each are read no longer than an honest one may take."""
    anna = Handshake(ANNA, info_of(ANNA))
    other = met(anna)
    info = encode_uvarint(10_000) + bytes(10_000)
    frames = [other.seal(info[at : at + 1]) for at in range(2 * MAX_RECEIVED // FRAME_SEALED)]

    def receive_all() -> None:
        while frames:
            anna.receive_data(frames.pop(0))

    with pytest.raises(HandshakeRefusedError, match=r"handshake of .* bytes, at most") as caught:
        receive_all()
    assert len(frames) >= MAX_RECEIVED // FRAME_SEALED
    assert caught.value.refusal.reason is RefusalReason.AUTH_FAILURE


def test_another_node_than_the_dialled_one_is_refused() -> None:
    """Before its NodeInfo is looked at."""
    anna = Handshake(ANNA, info_of(ANNA), expected_id=STRANGER)
    error = refusal_of(anna, Handshake(BERT, info_of(BERT)))
    assert error.refusal.reason is RefusalReason.AUTH_FAILURE
    assert STRANGER in str(error)


def test_who_is_banned_is_turned_away_when_its_key_is_known_and_before_our_node_info() -> None:
    """CometBFT has a failed handshake then, and pauses; it has our proof, and learns nothing else of us."""
    banned = Refusal(RefusalReason.BANNED, "until tomorrow")
    asked = []

    def refusal(peer_id: NodeID) -> Refusal | None:
        asked.append(peer_id)
        return banned

    anna, other = Handshake(ANNA, info_of(ANNA), refusal_of=refusal), SecretConnection(BERT)
    assert not anna.receive_data(other.data_to_send())
    other.receive_data(anna.data_to_send())
    with pytest.raises(HandshakeRefusedError) as caught:
        anna.receive_data(other.data_to_send())
    assert caught.value.refusal is banned
    assert asked == [BERT.node_id]
    assert other.receive_data(anna.data_to_send()) == b""
    assert other.remote_id == ANNA.node_id


@pytest.mark.parametrize(
    ("theirs", "reason", "offence"),
    [
        (
            {"id": STRANGER, "network": "other", "moniker": ""},
            RefusalReason.INVALID_NODE_INFO,
            Offence.INVALID_NODE_INFO,
        ),
        ({"channels": b"\x50\x50"}, RefusalReason.INVALID_NODE_INFO, Offence.INVALID_NODE_INFO),
        ({"id": STRANGER, "network": "other"}, RefusalReason.AUTH_FAILURE, Offence.WRONG_ID),
        ({"network": "other"}, RefusalReason.INCOMPATIBLE, None),
        ({"channels": b"\x51"}, RefusalReason.INCOMPATIBLE, None),
    ],
    ids=["moniker, ID and network", "channel twice", "ID and network", "network", "no common channel"],
)
def test_the_first_check_that_fails_names_the_reason(
    theirs: dict[str, object], reason: RefusalReason, offence: Offence | None
) -> None:
    """Validity, then the ID against the key, then compatibility: to be of another network is no offence."""
    refusal = refusal_of(Handshake(ANNA, info_of(ANNA)), Handshake(BERT, info_of(BERT, **theirs))).refusal
    assert (refusal.reason, refusal.offence) == (reason, offence)
    assert refusal.offender == (None if offence is None else BERT.node_id)


def test_what_is_no_handshake_is_an_offence_of_nobody_known() -> None:
    """Another protocol is none, and who hangs up has done nothing; who lets the time run out holds a place of others."""
    anna = Handshake(ANNA, info_of(ANNA))
    with pytest.raises(HandshakeRefusedError) as caught:
        anna.receive_data(b"\xff" * 64)
    assert (caught.value.refusal.offence, caught.value.refusal.offender) == (Offence.HANDSHAKE_GARBAGE, None)
    with pytest.raises(HandshakeRefusedError) as caught:
        Handshake(ANNA, info_of(ANNA)).receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert caught.value.refusal.offence is None
    silent = Handshake(ANNA, info_of(ANNA))
    assert silent.receive_eof().refusal.offence is None
    assert silent.timed_out(20.0).refusal.offence is Offence.UNFINISHED_HANDSHAKE


def test_a_forged_frame_behind_the_proof_is_charged_to_the_key() -> None:
    anna = Handshake(ANNA, info_of(ANNA))
    met(anna)
    with pytest.raises(HandshakeRefusedError) as caught:
        anna.receive_data(bytes(1044))
    assert (caught.value.refusal.offence, caught.value.refusal.offender) == (
        Offence.FORGED_FRAME,
        BERT.node_id,
    )


HOSTILE = "\udcff\x1b[2J\n'\"" * 600  # 4200 characters, in an encoded NodeInfo some 5 kB


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {name: HOSTILE}
            for name in ("id", "listen_addr", "network", "version", "moniker", "tx_index", "rpc_address")
        ),
        {"listen_addr": f"tcp://127.0.0.1:{HOSTILE}"},
        {"listen_addr": f"tcp://{HOSTILE}:26656"},
        {"listen_addr": f"tcp://{'a' * 9000}:26656"},
        {"id": f"{HOSTILE}@"},
        {"channels": bytes(range(250)) * 20},
        {"network": HOSTILE, "moniker": "m" * 4000},
    ],
    ids="+".join,
)
def test_no_refusal_says_more_than_a_line_of_what_the_remote_sent(changes: dict[str, object]) -> None:
    """Ten kilobytes of NodeInfo are told in 300 printable characters at most."""
    anna = Handshake(ANNA, info_of(ANNA))
    refusal = refusal_of(anna, Handshake(BERT, info_of(BERT, **changes))).refusal
    assert len(str(refusal)) <= 320
    assert len(refusal.detail) <= DETAIL_LIMIT
    assert refusal.detail.isprintable()


def test_a_filter_that_quotes_the_remote_is_cut_as_well() -> None:
    """A refusal is bounded whoever writes it."""
    assert Refusal(RefusalReason.FILTERED, HOSTILE).detail.isprintable()
    assert len(Refusal(RefusalReason.FILTERED, HOSTILE).detail) == DETAIL_LIMIT


def test_a_connection_to_oneself_is_refused_as_that() -> None:
    """Before compatibility: a node is always compatible with itself."""
    error = refusal_of(Handshake(ANNA, info_of(ANNA)), Handshake(ANNA, info_of(ANNA, network="other")))
    assert error.refusal.reason is RefusalReason.SELF


def test_who_is_dialled_at_our_own_address_is_not_taken_for_an_impostor() -> None:
    """A false ID with our own IP and port leads to ourselves, and nobody else has done anything."""
    error = refusal_of(Handshake(ANNA, info_of(ANNA), NodeID(STRANGER)), Handshake(ANNA, info_of(ANNA)))
    assert error.refusal.reason is RefusalReason.SELF
    assert not error.refusal.impostor


def test_one_who_answers_learns_the_network_before_it_says_its_own() -> None:
    """As `peerage ping` does: what it announces is made from what it hears."""
    anna = Handshake(ANNA, lambda theirs: info_of(ANNA, network=theirs.network))
    bert = Handshake(BERT, info_of(BERT, network="unheard-of"))
    assert shake(anna, bert) == (True, True)
    assert bert.theirs is not None
    assert bert.theirs.network == "unheard-of"


def test_one_who_answers_may_find_the_other_incompatible() -> None:
    """It has said its own by then, so that the other learns the same."""
    anna = Handshake(ANNA, lambda _theirs: info_of(ANNA))
    error = refusal_of(anna, Handshake(BERT, info_of(BERT, network="other")))
    assert error.refusal.reason is RefusalReason.INCOMPATIBLE
    assert anna.data_to_send()


def test_the_end_and_the_timeout_say_which_step_was_missing() -> None:
    """First the key exchange, then NodeInfo."""
    anna = Handshake(ANNA, info_of(ANNA))
    assert "before the key exchange was complete" in str(anna.receive_eof())
    assert str(anna.timed_out(2.5).refusal) == "auth failure: handshake timeout: no key exchange within 2.5 s"
    met(anna)
    assert "before its NodeInfo was complete" in str(anna.receive_eof())
    assert "no NodeInfo within 2.5 s" in str(anna.timed_out(2.5))


@pytest.mark.parametrize(
    "banner", [b"220 mail.example.org ESMTP\r\n", b"\x4a\0\0\0\n8.0.32\0", b"\x1b[31m\n" * 9]
)
def test_a_protocol_without_a_name_is_told_by_how_it_began(banner: bytes) -> None:
    """A hang-up, a timeout and bytes that nobody can read: each says that it was no key exchange, on one line."""
    waiting, reading = Handshake(ANNA, info_of(ANNA)), Handshake(ANNA, info_of(ANNA))
    assert not waiting.receive_data(banner[:10])
    with pytest.raises(HandshakeRefusedError) as unread:
        reading.receive_data(b"\x05" + banner)
    for error in (waiting.receive_eof(), waiting.timed_out(1.0), unread.value):
        assert error.refusal.reason is RefusalReason.AUTH_FAILURE
        assert "began with b" in error.refusal.detail
        assert "which is no key exchange" in error.refusal.detail
        assert error.refusal.detail.isprintable()


def refused_for(hear: Callable[[], bool]) -> RefusalReason | None:
    """Why, or None while more is waited for. Nothing but a refusal may come up."""
    try:
        assert not hear()
    except HandshakeRefusedError as error:
        return error.refusal.reason
    return None


@given(st.binary(max_size=4000), st.integers(1, 4000))
def test_any_bytes_are_refused_or_waited_for_and_nothing_else(data: bytes, step: int) -> None:
    """The remote is not trusted before it has proved anything."""
    anna = Handshake(ANNA, info_of(ANNA))
    allowed = {None, RefusalReason.AUTH_FAILURE, RefusalReason.OTHER_PROTOCOL}
    assert refused_for(lambda: deliver(data, anna, step)) in allowed


@settings(max_examples=50)
@given(st.binary(max_size=30_000))
def test_any_plaintext_is_refused_or_waited_for_and_nothing_else(plaintext: bytes) -> None:
    """A remote that has proved its key may still send anything as its NodeInfo."""
    anna = Handshake(ANNA, info_of(ANNA))
    other = met(anna)
    other.write(plaintext)
    reason = refused_for(lambda: anna.receive_data(other.data_to_send()))
    assert reason in {None, RefusalReason.AUTH_FAILURE, RefusalReason.INVALID_NODE_INFO}


@pytest.mark.parametrize(
    ("beginning", "name"),
    [(b"GET / HTTP/1.1\r\n", "HTTP"), (b"\x16\x03\x01", "TLS"), (b"\x21\x20", "Tendermint before v0.34")],
)
def test_another_protocol_is_a_reason_of_its_own(beginning: bytes, name: str) -> None:
    """Neither a forger nor a peer that failed: somebody who has nothing to do here."""
    with pytest.raises(HandshakeRefusedError) as caught:
        Handshake(ANNA, info_of(ANNA)).receive_data(beginning)
    assert caught.value.refusal.reason is RefusalReason.OTHER_PROTOCOL
    assert not caught.value.refusal.impostor
    assert str(caught.value).startswith(f"other protocol: the remote speaks {name}")


def test_who_hangs_up_without_a_word_is_said_to() -> None:
    """It may be full, or bar us; who broke off amid its key is something else."""
    anna = Handshake(ANNA, info_of(ANNA))
    assert "without having said anything" in str(anna.receive_eof())
    assert anna.receive_eof().refusal.is_look
    anna.receive_data(b"\x22\x0a")
    assert "without" not in str(anna.receive_eof())
    assert not anna.receive_eof().refusal.is_look


def test_who_was_dialled_and_hangs_up_without_a_word_is_no_look() -> None:
    """We did not ask only whether a port is open."""
    assert not Handshake(ANNA, info_of(ANNA), STRANGER).receive_eof().refusal.is_look


def test_who_hangs_up_behind_its_key_has_said_something() -> None:
    """Whichever form of the handshake has read it."""
    anna, other = Handshake(ANNA, info_of(ANNA)), Handshake(BERT, info_of(BERT))
    anna.receive_data(other.data_to_send())
    ended = anna.receive_eof()
    assert ("without" in str(ended), ended.refusal.is_look) == (False, False)
