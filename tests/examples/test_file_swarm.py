"""examples/file_swarm.py: a file from several sources, one of whom lies."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import msgspec
import pytest

from examples.file_swarm import (
    CHUNK_BYTES,
    MOST_CHUNKS,
    REQUESTS_PER_PEER,
    SWARM,
    Chunk,
    Download,
    Fetch,
    FileSwarm,
    GetChunk,
    GetProgress,
    Message,
    Progress,
    Share,
    Want,
    manifest_of,
)
from peerage.testing import FakePeer, ReactorHarness, connected_nodes, wait_until

CHUNKS = 40


class Liar(FileSwarm):
    """Has the manifest, and sends something else."""

    def chunk_of(self, root: bytes, index: int) -> bytes:
        return bytes(len(super().chunk_of(root, index)))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(random.Random(7).randbytes(CHUNKS * CHUNK_BYTES - 1000))
    return path


def test_a_file_comes_from_two_sources_and_a_third_is_found_to_lie(film: Path, tmp_path: Path) -> None:
    """The copy is right, both brought something, the liar is parted with; and the fetcher is a source then."""
    reactors = [{"SWARM": reactor} for reactor in (FileSwarm, FileSwarm, FileSwarm, Liar)]
    copy, second = tmp_path / "copy", tmp_path / "second"
    with connected_nodes(4, reactors) as (fetcher, anna, bert, liar):
        roots = {node.reactor("SWARM").ask(Share(film)) for node in (anna, bert, liar)}
        (root,) = roots
        swarm = fetcher.reactor("SWARM")
        swarm.ask(Fetch(root, copy))
        wait_until(copy.exists)
        progress = swarm.ask(GetProgress(root))
        assert (progress.chunks, progress.of) == (CHUNKS, CHUNKS)
        assert progress.supplied.keys() == {anna.node_id, bert.node_id}
        assert progress.liars == {liar.node_id}
        wait_until(lambda: liar.node_id not in {peer.id for peer in fetcher.peers()})
        assert copy.read_bytes() == film.read_bytes()
        assert not copy.with_name("copy.part").exists()
        for node in (anna, bert):  # so that nobody but the fetcher can send it
            liar.disconnect(node.node_id)
        wait_until(lambda: not liar.peers())
        liar.reactor("SWARM").ask(Fetch(root, second))
        fetcher.dial(liar.address)
        wait_until(second.exists)
        assert second.read_bytes() == copy.read_bytes()


def sent_to(peer: FakePeer) -> Message:
    found: Message = msgspec.msgpack.decode(peer.expect(SWARM), type=Message)
    return found


def send(peer: FakePeer, message: Message) -> None:
    peer.send(SWARM, msgspec.msgpack.encode(message))


def test_a_manifest_must_be_that_of_its_root(film: Path, tmp_path: Path) -> None:
    """Another size, other hashes, or too few: the connection ends, and the fetch waits for others."""
    manifest = manifest_of(film)
    with ReactorHarness(FileSwarm) as harness:
        harness.ask(Fetch(manifest.root, tmp_path / "copy"))
        for lie in (
            msgspec.structs.replace(manifest, size=manifest.size - 1),
            msgspec.structs.replace(manifest, hashes=bytes(len(manifest.hashes))),
            msgspec.structs.replace(manifest, hashes=manifest.hashes[:-32]),
        ):
            peer = harness.connect()
            assert sent_to(peer) == Want(manifest.root)
            send(peer, lie)
            assert "not that of its root" in peer.expect_stopped()
        assert harness.ask(GetProgress(manifest.root)) == Progress(0, 0, {}, frozenset())


def test_what_a_lost_source_was_asked_for_is_asked_of_another(film: Path, tmp_path: Path) -> None:
    """Each has only so many requests at a time."""
    manifest = manifest_of(film)
    with ReactorHarness(FileSwarm) as harness:
        harness.ask(Fetch(manifest.root, tmp_path / "copy"))
        anna, bert = harness.connect(), harness.connect()
        asked: dict[str, list[int]] = {}
        for peer in (anna, bert):
            assert sent_to(peer) == Want(manifest.root)
            send(peer, manifest)
            requests = [sent_to(peer) for _ in range(REQUESTS_PER_PEER)]
            asked[peer.id] = [each.index for each in requests if isinstance(each, GetChunk)]
        anna.disconnect()
        (first, *_) = asked[bert.id]
        data = film.read_bytes()[first * CHUNK_BYTES : (first + 1) * CHUNK_BYTES]
        send(bert, Chunk(manifest.root, first, data))
        assert sent_to(bert) == GetChunk(manifest.root, asked[anna.id][-1])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        msgspec.msgpack.encode(Want(b"short")),
        msgspec.msgpack.encode(GetChunk(bytes(32), MOST_CHUNKS)),
        msgspec.msgpack.encode(Chunk(bytes(32), 0, bytes(CHUNK_BYTES + 1))),
    ],
)
def test_what_is_no_message_ends_the_connection(data: bytes) -> None:
    """Nonsense, too short, beyond every file, too long."""
    with ReactorHarness(FileSwarm) as harness:
        peer = harness.connect()
        peer.send(SWARM, data)
        assert "nothing of a file swarm's" in peer.expect_stopped()


def test_what_nobody_asked_for_is_ignored(film: Path) -> None:
    """A chunk, a manifest, a question for what is not there: late ones are no lies."""
    manifest = manifest_of(film)
    with ReactorHarness(FileSwarm) as harness:
        peer = harness.connect()
        for message in (Want(bytes(32)), GetChunk(bytes(32), 0), Chunk(bytes(32), 0, b"x"), manifest):
            send(peer, message)
        peer.wait_until_handled()
        harness.ask(Share(film))
        send(peer, GetChunk(manifest.root, CHUNKS))  # behind the end
        send(peer, Want(manifest.root))
        assert sent_to(peer) == manifest


def test_a_slow_source_is_asked_no_more(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it says again that it has the file."""
    monkeypatch.setattr("examples.file_swarm.PATIENCE_S", -1.0)
    manifest = manifest_of(film)
    download = Download(tmp_path / "copy")
    download.begin(manifest)
    download.sources.add("anna")
    assert download.next_for("anna") == 0
    download.forget_the_slow()
    assert (download.sources, download.next_for("bert")) == (set(), 0)
    assert hashlib.sha256(film.read_bytes()[:CHUNK_BYTES]).digest() == manifest.hash_of(0)
