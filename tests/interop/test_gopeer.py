"""The test peer itself: two of them, real CometBFT at both ends, must agree on everything they count."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer, GoPeerError, GoPeerTimeoutError, StreamDigest, bench, payload

HIGH, LOW = 0x50, 0x51
SIZES = (0, 1, 1023, 1024, 1025, 65_536, 1_048_576, 22_020_096)


def connect(dialer: GoPeer, listener: GoPeer) -> None:
    """Dial and wait until both sides have the peer."""
    dialer.dial(listener.address)
    dialer.wait_for("peer_added", peer=listener.id)
    listener.wait_for("peer_added", peer=dialer.id)


def eventually(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    """Ask again until it holds; asking takes a round trip to the program, so this does not spin."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {timeout} s"


@pytest.mark.parametrize("mode", ["switch", "raw"])
def test_messages_of_every_size_are_echoed_byte_for_byte(go_peer: StartGoPeer, mode: str) -> None:
    """Raw bytes go both ways on both channels, from none at all to 22,020,096."""
    echo, peer = go_peer(echo=True, mode=mode), go_peer(mode=mode, report_messages=True)
    connect(peer, echo)
    for channel in (HIGH, LOW):
        for number, size in enumerate(SIZES):
            peer.send_numbered(echo.id, channel, number, size)
            message = peer.wait_for("message", 60.0, channel=channel)
            expected = hashlib.sha256(payload(number, size)).hexdigest()
            assert (message["size"], message["sha256"]) == (size, expected)


def test_flood_of_small_messages_arrives_whole_and_in_order(go_peer: StartGoPeer) -> None:
    """100,000 messages of 200 bytes: counts and stream digests agree at both ends and with Python's."""
    a, b = go_peer(), go_peer()
    connect(a, b)
    sent = a.flood(b.id, LOW, count=100_000, size=200).wait()
    assert sent.sent == 100_000
    assert b.expect(a.id, LOW, 100_000)
    tally = b.tally(a.id, LOW)
    digest = StreamDigest()
    for number in range(100_000):
        digest.add(payload(number, 200))
    assert tally.received_digest == digest.hexdigest() == a.tally(b.id, LOW).sent_digest
    assert (tally.in_pattern, tally.mismatched, tally.disorder, tally.duplicates) == (100_000, 0, 0, 0)
    assert tally.numbers == ((0, 100_000),)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"network": "other"}, "incompatible"),
        ({"block_version": 12}, "incompatible"),
        ({"announce": [0x7F]}, "incompatible"),
        ({"key_type": "secp256k1"}, "auth_failure"),
        ({"bad_signature": True}, "auth_failure"),
        ({"claim_id": "00" * 20}, "auth_failure"),
        ({"moniker": ""}, "node_info_invalid"),
        ({"key_seed": "same"}, "self"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_switch_refuses_each_bad_peer_for_its_own_reason(
    go_peer: StartGoPeer, options: dict[str, object], kind: str
) -> None:
    """The knobs for bad peers have the effect that they are named for, in both directions."""
    good, bad = go_peer(key_seed="same"), go_peer(**({"mode": "raw"} | options))
    with pytest.raises(GoPeerError) as refused:
        good.dial(bad.address)
    assert refused.value.kind == kind
    if kind == "auth_failure" and "claim_id" not in options:
        with pytest.raises(GoPeerError):
            bad.dial(good.address)
    else:
        bad.dial(good.address)  # raw: its own handshake is done before the other side's verdict
    assert good.wait_for("rejected")["kind"] == kind


def test_key_file_gives_the_node_id(go_peer: StartGoPeer, tmp_path: Path) -> None:
    """A node_key.json of CometBFT's is used as it is."""
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text())
    key = vectors["keys"][0]
    file = tmp_path / "node_key.json"
    file.write_text(key["node_key_json"])
    assert go_peer(key_file=str(file)).id == key["node_id"]


def test_second_connection_from_one_ip_is_filtered_unless_allowed(go_peer: StartGoPeer) -> None:
    """The duplicate IP filter of the real transport is on with allow_duplicate_ip off."""
    strict, first, second = go_peer(allow_duplicate_ip=False), go_peer(), go_peer()
    connect(first, strict)
    with pytest.raises(GoPeerError):
        second.dial(strict.address)
    assert strict.wait_for("rejected")["kind"] == "filtered"


def test_dial_to_another_id_than_the_one_there_fails(go_peer: StartGoPeer) -> None:
    """The dialler compares the authenticated ID with the dialled one."""
    a, b = go_peer(), go_peer()
    with pytest.raises(GoPeerError, match="mismatch") as refused:
        a.dial(f"{'0' * 40}@{b.listen}")
    assert refused.value.kind == "auth_failure"


def test_slow_peer_takes_its_time_in_each_stage(go_peer: StartGoPeer) -> None:
    """Delays before key, auth signature and node info add up; CometBFT itself waits up to 3 s for each handshake."""
    slow = go_peer(mode="raw", delay_key_ms=150, delay_auth_ms=150, delay_info_ms=150)
    go_peer().dial(slow.address)
    assert slow.wait_for("peer_added")["handshake_secs"] >= 0.45


@pytest.mark.parametrize("stage", ["key", "auth", "info"])
def test_silent_peer_speaks_up_to_its_stage_and_sees_the_other_go(go_peer: StartGoPeer, stage: str) -> None:
    """It stays connected without a word, and reports how long it was waited for."""
    silent, impatient = (
        go_peer(mode="raw", silent_before=stage),
        go_peer(mode="raw", handshake_timeout_ms=300),
    )
    with pytest.raises(GoPeerError):
        impatient.dial(silent.address)
    assert silent.wait_for("silent")["stage"] == stage
    assert silent.wait_for("handshake_ended")["secs"] >= 0.25


def test_half_closed_connection_is_noticed(go_peer: StartGoPeer) -> None:
    """Half closing reaches the other side as the end of the stream, in the middle and right after the handshake."""
    peer, half = go_peer(), go_peer(mode="raw", half_close_before="packets")
    half.dial(peer.address)
    assert half.wait_for("half_closed")["stage"] == "packets"
    peer.wait_for("peer_removed", peer=half.id)
    other = go_peer(mode="raw")
    connect(other, peer)
    other.half_close(peer.id)
    assert peer.wait_for("peer_removed", peer=other.id)["reason"] == "EOF"


def test_plain_bytes_in_the_secret_connection_end_it_when_they_mean_nothing(go_peer: StartGoPeer) -> None:
    """`write` goes below the multiplexed connection: a packet of unknown channel, byte by byte our own."""
    rude, peer = go_peer(mode="raw"), go_peer()
    connect(rude, peer)
    rude.write(peer.id, bytes.fromhex("06 1a 04 08 7f 10 01".replace(" ", "")))
    assert "unknown channel" in peer.wait_for("peer_removed", peer=rude.id)["reason"]


def test_pings_are_sent_and_answered_at_the_interval_asked_for(go_peer: StartGoPeer) -> None:
    """The interval is CometBFT's own setting, so no test must wait 60 s for a ping. A pong has nearly as long: who is late
    with one is dropped.
    """
    a, b = (go_peer(ping_interval_ms=1000, pong_timeout_ms=990) for _ in range(2))
    connect(a, b)
    eventually(lambda: min(a.stats().pongs_received, b.stats().pongs_received) >= 2)
    assert a.peers() == [b.id]
    assert min(a.stats().pings_received, b.stats().pongs_sent) >= 2


def test_peer_that_hangs_is_dropped_for_a_missing_pong(go_peer: StartGoPeer) -> None:
    """pause is SIGSTOP: the sockets stay, the pong does not come."""
    watch, hung = go_peer(ping_interval_ms=200, pong_timeout_ms=150), go_peer()
    connect(watch, hung)
    hung.pause()
    assert watch.wait_for("peer_removed")["reason"] == "pong timeout"
    hung.resume()


def test_persistent_peer_comes_back_and_a_sticky_flood_goes_on(go_peer: StartGoPeer) -> None:
    """Counters are kept by peer ID over connections: nothing twice, nothing out of order."""
    sink = go_peer()
    source = go_peer(persistent_peers=[sink.address])
    sink.wait_for("peer_added", peer=source.id)
    source.wait_for("peer_added", peer=sink.id)
    flood = source.flood(sink.id, LOW, count=2_000, size=100, rate=1_000, sticky=True)
    assert sink.expect(source.id, LOW, 200)
    sink.disconnect(source.id)
    assert flood.wait().sent == 2_000
    eventually(lambda: sink.tally(source.id, LOW).numbers[-1][1] == 2_000)
    tally = sink.tally(source.id, LOW)
    assert (tally.disorder, tally.duplicates, tally.mismatched) == (0, 0, 0)


def test_peers_find_each_other_through_a_seed(go_peer: StartGoPeer) -> None:
    """PEX and address book are CometBFT's own; the round is shortened."""
    seed = go_peer(pex=True, seed_mode=True)
    first = go_peer(pex=True, seeds=[seed.address], ensure_peers_period_ms=200)
    seed.wait_for("peer_added", peer=first.id)
    second = go_peer(pex=True, seeds=[seed.address], ensure_peers_period_ms=200)
    second.wait_for("peer_added", 30.0, peer=first.id)


def test_address_book_answers(go_peer: StartGoPeer) -> None:
    """Addresses can be put into CometBFT's book and asked back."""
    peer = go_peer(pex=True)
    address = f"{'ab' * 20}@10.1.2.3:26656"
    peer.call("book_add", address=address)
    assert peer.call("book_has", address=address)["has"]
    assert peer.call("book")["selection"] == [address]


def test_crowd_in_one_process_gets_a_broadcast(go_peer: StartGoPeer) -> None:
    """One process is many peers, dialling and listening, each with its own ID."""
    center, crowd = go_peer(), go_peer(mode="raw")
    members = crowd.dial_crowd(center.address, 5)
    for address in crowd.listen_crowd(5):
        center.dial(address)
    assert len(members) == 5
    assert len(center.peers()) == 10
    center.broadcast(HIGH, count=20, size=64)
    eventually(lambda: sum(t.received for t in crowd.stats().channels.values()) == 200)


def test_small_answers_and_a_slow_reactor(go_peer: StartGoPeer) -> None:
    """echo_bytes cuts the echo to an acknowledgement; receive_delay holds the receive routine up."""
    acks, peer = go_peer(echo=True, echo_bytes=8, echo_channels=[HIGH]), go_peer(report_messages=True)
    connect(peer, acks)
    peer.send(acks.id, HIGH, payload(7, 1000))
    assert peer.wait_for("message").data == payload(7, 8)
    acks.receive_delay(300)
    peer.reset()
    result = peer.ping_pong(acks.id, HIGH, count=2)
    assert (result["answered"], result["unanswered"]) == (2, 0)
    assert result["min_us"] >= 300_000
    acks.report()
    peer.send(acks.id, LOW, b"not echoed")
    assert acks.wait_for("message", channel=LOW).data == b"not echoed"
    with pytest.raises(GoPeerTimeoutError):
        peer.wait_for("message", 0.2, channel=LOW)


def test_try_send_skips_what_finds_the_queue_full(go_peer: StartGoPeer) -> None:
    """A flood by TrySend counts what it could not queue; what was queued arrives."""
    source, sink = go_peer(send_rate=100_000), go_peer()
    connect(source, sink)
    result = source.flood(sink.id, LOW, count=1_000, size=1_000, try_send=True).wait()
    assert result.skipped > 0
    assert result.sent + result.skipped == 1_000
    assert sink.expect(source.id, LOW, result.sent)


def test_cometbft_loses_empty_messages_while_another_channel_is_preferred(go_peer: StartGoPeer) -> None:
    """What CometBFT itself does, so that nobody blames peerage: reference 12. Not where the machine is so busy that the
    other channel has sent all before they come.
    """

    def received() -> int:
        a, b = go_peer(), go_peer(recv_rate=20_000_000)
        connect(a, b)
        # LOW has sent 2 MiB at priority 1, so HIGH, at priority 5, goes first until it has sent 10 MiB.
        a.flood(b.id, LOW, count=2, size=1 << 20)
        assert b.expect(a.id, LOW, 2)
        a.flood(b.id, HIGH, count=8, size=1 << 20).wait()
        assert a.flood(b.id, LOW, count=50, size=0).wait().sent == 50
        assert b.expect(a.id, HIGH, 8)
        a.send(b.id, LOW, b"last")
        eventually(lambda: b.tally(a.id, LOW).received_bytes == 2 * (1 << 20) + 4)
        return b.tally(a.id, LOW).received

    assert any(received() < 2 + 50 + 1 for _ in range(5))


def test_cometbft_ends_at_a_full_last_packet_from_channel_128_on(go_peer: StartGoPeer) -> None:
    """1023 bytes pass on channel 0x80, 1024 end the connection: reference 12."""
    channels = [{"id": 0x80, "priority": 1}]
    a, b = (go_peer(channels=channels) for _ in range(2))
    connect(a, b)
    a.send_numbered(b.id, 0x80, 0, 1023)
    assert b.expect(a.id, 0x80, 1)
    a.send_numbered(b.id, 0x80, 1, 1024)
    b.wait_for("peer_removed", peer=a.id)


def test_program_ends_with_the_interpreter_that_started_it() -> None:
    """SIGKILL of the driver closes the pipe, and that ends the program."""
    script = (
        "import sys\nfrom tests.interop.gopeer import GoPeer\n"
        "peer = GoPeer().start()\nprint(peer.pid, flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as driver:
        assert driver.stdout is not None
        program = psutil.Process(int(driver.stdout.readline()))
        driver.kill()
        program.wait(5.0)


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("bulk", "bytes_per_sec"),
        ("rate", "messages_per_sec"),
        ("latency", "p50_us"),
        ("priority", "p99_us"),
        ("handshake", "per_sec"),
        ("broadcast", "broadcasts_per_sec"),
    ],
)
def test_each_benchmark_prints_its_figure(go_version: str, name: str, figure: str) -> None:
    """A short run of each; the figures themselves are the benchmark suite's business."""
    assert bench(name, version=go_version, secs=0.3)[figure] > 0
