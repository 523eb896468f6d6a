"""A file swarm: a file comes in chunks from all who have it, each chunk checked, and whoever lies is parted with.

    root = node.reactor("SWARM").ask(Share(Path("film.mkv")))            at one node, or at several
    node.reactor("SWARM").ask(Fetch(root, Path("copy.mkv")))             at another, which has it from then on, too
    node.reactor("SWARM").ask(GetProgress(root))

A file is known by its root: the hash of its size and of the hashes of its chunks. So a list of hashes is right or
not, and so is a chunk, whoever brings them. What a peer is asked for and does not bring in time is asked of another.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec

from peerage import ChannelDescriptor, Envelope, Peer, Reactor

SWARM = 0x73
HASH_BYTES = 32
CHUNK_BYTES = 65_536
MOST_CHUNKS = 16_384  # of a file, which so has up to 1 GiB
MOST_FILES = 100  # that are shared, and that are fetched
REQUESTS_PER_PEER = 4  # chunks that a peer is asked for at a time
PATIENCE_S = 5.0
MOST_LIARS = 1000  # of whom their names are kept

log = logging.getLogger(__name__)

Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class Want(msgspec.Struct, frozen=True, tag="want", forbid_unknown_fields=True):
    """Whoever has this file says so with its manifest."""

    root: Hash


class Manifest(msgspec.Struct, frozen=True, tag="manifest", forbid_unknown_fields=True):
    """I have this file. Attributes: hashes, of its chunks, one after the other."""

    root: Hash
    size: Annotated[int, msgspec.Meta(gt=0, le=MOST_CHUNKS * CHUNK_BYTES)]
    hashes: Annotated[bytes, msgspec.Meta(max_length=MOST_CHUNKS * HASH_BYTES)]

    def is_right(self) -> bool:
        """Whether it is the manifest of its root."""
        chunks = -(-self.size // CHUNK_BYTES)
        return len(self.hashes) == chunks * HASH_BYTES and root_of(self.size, self.hashes) == self.root

    def hash_of(self, index: int) -> bytes:
        """Of a chunk."""
        return self.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]


class GetChunk(msgspec.Struct, frozen=True, tag="get", forbid_unknown_fields=True):
    """Send me this chunk."""

    root: Hash
    index: Annotated[int, msgspec.Meta(ge=0, lt=MOST_CHUNKS)]


class Chunk(msgspec.Struct, frozen=True, tag="chunk", forbid_unknown_fields=True):
    """Here it is."""

    root: Hash
    index: Annotated[int, msgspec.Meta(ge=0, lt=MOST_CHUNKS)]
    data: Annotated[bytes, msgspec.Meta(max_length=CHUNK_BYTES)]


Message = Want | Manifest | GetChunk | Chunk
_decoder = msgspec.msgpack.Decoder(Message)


@dataclass(frozen=True, slots=True)
class Share:
    """From our own program: offer a file. Answer: its root. Raises: OSError; ValueError, empty, too long, or too many."""

    path: Path


@dataclass(frozen=True, slots=True)
class Fetch:
    """From our own program: get a file. Args: target, there when it is whole. Raises: ValueError, too many; OSError."""

    root: bytes
    target: Path


@dataclass(frozen=True, slots=True)
class GetProgress:
    """From our own program. Answer: `Progress`, or None when nobody has asked for this file."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """Attributes: chunks, here already; of, how many, 0 if nobody has told; supplied, by peers' IDs; liars, IDs."""

    chunks: int
    of: int
    supplied: dict[str, int]
    liars: frozenset[str]


@dataclass(slots=True)
class Download:
    """A file on its way. Attributes: todo, chunks that are not here; free, those of them that nobody is asked for, with some
    that have come in the meantime; asked, who is asked for which, and until when; sources, the IDs of those who have it.
    """

    target: Path
    manifest: Manifest | None = None
    todo: set[int] = field(default_factory=set)
    free: list[int] = field(default_factory=list)
    asked: dict[int, tuple[str, float]] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    supplied: Counter[str] = field(default_factory=Counter)
    liars: set[str] = field(default_factory=set)

    @property
    def part(self) -> Path:
        """Where it is until it is whole."""
        return self.target.with_name(f"{self.target.name}.part")

    def begin(self, manifest: Manifest) -> None:
        """Now it is known what it is made of."""
        self.manifest = manifest
        self.free = list(range(len(manifest.hashes) // HASH_BYTES))[::-1]
        self.todo = set(self.free)

    def next_for(self, peer_id: str) -> int | None:
        """A chunk to ask a peer for; None if it has enough to do, or nothing is left."""
        if sum(who == peer_id for who, _ in self.asked.values()) >= REQUESTS_PER_PEER:
            return None
        while self.free:
            index = self.free.pop()
            if index in self.todo and index not in self.asked:
                self.asked[index] = (peer_id, time.monotonic() + PATIENCE_S)
                return index
        return None

    def take(self, peer_id: str, chunk: Chunk) -> bool:
        """Write a chunk. Returns: False, it is not what the manifest says."""
        if self.manifest is None or chunk.index not in self.todo:
            return True  # late: another has brought it
        if hashlib.sha256(chunk.data).digest() != self.manifest.hash_of(chunk.index):
            return False
        with self.part.open("r+b") as file:
            file.seek(chunk.index * CHUNK_BYTES)
            file.write(chunk.data)
        self.todo.discard(chunk.index)
        self.asked.pop(chunk.index, None)
        self.supplied[peer_id] += 1
        return True

    def forget(self, peer_id: str) -> None:
        """A source is one no more: others are to bring what it was asked for."""
        self.sources.discard(peer_id)
        self._release(index for index, (who, _) in self.asked.items() if who == peer_id)

    def condemn(self, peer_id: str) -> None:
        """A source has lied, and is asked for nothing of this file again."""
        self.forget(peer_id)
        if len(self.liars) < MOST_LIARS:
            self.liars.add(peer_id)

    def forget_the_slow(self) -> None:
        """Whoever has not brought something in time is no source until it says so again."""
        now = time.monotonic()
        for peer_id in {who for who, deadline in self.asked.values() if deadline < now}:
            self.forget(peer_id)

    def _release(self, indices: Iterable[int]) -> None:
        for index in list(indices):
            del self.asked[index]
            self.free.append(index)


class FileSwarm(Reactor):
    """Shares files and fetches them."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(
            id=SWARM, send_queue_capacity=16, recv_message_capacity=MOST_CHUNKS * HASH_BYTES + CHUNK_BYTES
        ),
    )

    def on_start(self) -> None:
        self._shared: dict[bytes, tuple[Path, Manifest]] = {}
        self._downloads: dict[bytes, Download] = {}
        self._finished: dict[bytes, Progress] = {}
        self.runtime.call_later(PATIENCE_S / 2, self._look_after)

    def add_peer(self, peer: Peer) -> None:
        for root in self._downloads:
            self._send(peer, Want(root))

    def receive(self, envelope: Envelope) -> None:
        peer = envelope.source
        try:
            message = _decoder.decode(envelope.message)
        except msgspec.MsgspecError as error:
            peer.stop(f"nothing of a file swarm's: {error}")
            return
        match message:
            case Want(root):
                # A question is short and its answer long: without room for that nothing is read.
                if root in self._shared and peer.room(SWARM):
                    self._send(peer, self._shared[root][1])
            case GetChunk(root, index):
                if root in self._shared and peer.room(SWARM):
                    self._serve(peer, root, index)
            case Manifest():
                self._take_manifest(peer, message)
            case Chunk():
                self._take_chunk(peer, message)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        for root, download in self._downloads.items():
            download.forget(peer.id)
            self._ask_more(root, download)

    def handle(self, message: Any) -> bytes | Progress | None:
        match message:
            case Share(path):
                return self._share(path)
            case Fetch(root, target):
                self._fetch(root, target)
                return None
            case GetProgress(root):
                return self._progress(root)
        raise TypeError(f"found {message!r}, expected: Share, Fetch or GetProgress")

    # --- what we have --------------------------------------------------------------------------------------------------

    def _share(self, path: Path) -> bytes:
        manifest = manifest_of(path)
        if manifest.root not in self._shared and len(self._shared) >= MOST_FILES:
            raise ValueError(f"{MOST_FILES} files are shared already")
        self._shared[manifest.root] = (path, manifest)
        return manifest.root

    def chunk_of(self, root: bytes, index: int) -> bytes:
        """A chunk of a file that is shared; empty if there is none."""
        path, _ = self._shared[root]
        with path.open("rb") as file:
            file.seek(index * CHUNK_BYTES)
            return file.read(CHUNK_BYTES)

    def _serve(self, peer: Peer, root: bytes, index: int) -> None:
        try:
            data = self.chunk_of(root, index)
        except OSError:  # it is gone
            del self._shared[root]
            return
        if data:
            self._send(peer, Chunk(root, index, data))

    # --- what we want --------------------------------------------------------------------------------------------------

    def _fetch(self, root: bytes, target: Path) -> None:
        if root not in self._downloads and len(self._downloads) >= MOST_FILES:
            raise ValueError(f"{MOST_FILES} files are being fetched already")
        download = Download(target)
        download.part.touch()
        self._finished.pop(root, None)
        self._downloads[root] = download
        self.broadcast(SWARM, msgspec.msgpack.encode(Want(root)))

    def _take_manifest(self, peer: Peer, manifest: Manifest) -> None:
        download = self._downloads.get(manifest.root)
        if download is None or peer.id in download.liars:
            return
        if not manifest.is_right():
            peer.stop("a manifest that is not that of its root")
            return
        if download.manifest is None:
            download.begin(manifest)
        download.sources.add(peer.id)
        self._ask_more(manifest.root, download)

    def _take_chunk(self, peer: Peer, chunk: Chunk) -> None:
        download = self._downloads.get(chunk.root)
        if download is None:
            return
        try:
            is_right = download.take(peer.id, chunk)
        except OSError as error:  # no fault of the peer's
            log.error("%s cannot be written: %s", download.part, error.strerror)
            del self._downloads[chunk.root]
            return
        if not is_right:
            peer.stop(f"chunk {chunk.index} is not what the manifest says")
            download.condemn(peer.id)
        if download.manifest is not None and not download.todo:
            self._finish(chunk.root, download)
        else:
            self._ask_more(chunk.root, download)

    def _finish(self, root: bytes, download: Download) -> None:
        os.truncate(download.part, download.manifest.size if download.manifest else 0)
        download.part.replace(download.target)
        if len(self._finished) >= MOST_FILES:
            del self._finished[next(iter(self._finished))]
        self._finished[root] = self._progress(root) or Progress(0, 0, {}, frozenset())
        del self._downloads[root]
        if len(self._shared) < MOST_FILES and download.manifest is not None:
            self._shared[root] = (download.target, download.manifest)

    def _progress(self, root: bytes) -> Progress | None:
        download = self._downloads.get(root)
        if download is None:
            return self._finished.get(root)
        chunks = 0 if download.manifest is None else len(download.manifest.hashes) // HASH_BYTES
        return Progress(
            chunks - len(download.todo), chunks, dict(download.supplied), frozenset(download.liars)
        )

    def _ask_more(self, root: bytes, download: Download) -> None:
        for peer_id in list(download.sources):
            peer = self.peers.get(peer_id)
            while peer is not None and peer.is_running and (index := download.next_for(peer_id)) is not None:
                if not self._send(peer, GetChunk(root, index)):
                    break  # it is asked again when its time is over

    def _look_after(self) -> None:
        for root, download in self._downloads.items():
            download.forget_the_slow()
            for peer_id, peer in self.peers.items():
                if peer_id not in download.sources:
                    self._send(peer, Want(root))
            self._ask_more(root, download)
        self.runtime.call_later(PATIENCE_S / 2, self._look_after)

    @staticmethod
    def _send(peer: Peer, message: Message) -> bool:
        return peer.try_send(SWARM, msgspec.msgpack.encode(message))


def manifest_of(path: Path) -> Manifest:
    """What a file is made of. Raises: OSError; ValueError, it is empty or too long."""
    size = path.stat().st_size
    if not 0 < size <= MOST_CHUNKS * CHUNK_BYTES:
        raise ValueError(f"{path}: {size} bytes; 1 to {MOST_CHUNKS * CHUNK_BYTES} are possible")
    with path.open("rb") as file:
        hashes = b"".join(hashlib.sha256(data).digest() for data in iter(lambda: file.read(CHUNK_BYTES), b""))
    return Manifest(root_of(size, hashes), size, hashes)


def root_of(size: int, hashes: bytes) -> bytes:
    """By which a file is known."""
    return hashlib.sha256(size.to_bytes(8) + hashes).digest()
