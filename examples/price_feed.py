"""A price feed: a few known signers quote prices, every node passes them on, and the median counts.

    Node(config, {"PRICES": (PriceFeed, frozenset({key of A, key of B, …}), our own seed or None)})

What is not signed by a known signer ends the connection: honest nodes check before they pass on, so whoever sends it is not
one. What is old is ignored, because gossip repeats itself: a quote counts if its number is higher than the last one of its
signer, and for a minute. A signature is for one network: it says nothing in another.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from peerage import ChannelDescriptor, Envelope, Peer, Reactor

PRICES = 0x71
VALID_S = 60.0  # for so long a quote counts, by the clock of its signer
CLOCKS_S = 5.0  # that clocks may differ
SYMBOLS = ("ATOM", "BTC", "ETH")  # nobody can make us keep others
PURPOSE = b"examples/price-feed/1"  # no signature for anything else is taken for a quote


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What is signed. Attributes: number, higher than that of the signer's last quote; millionths, of a dollar."""

    symbol: Annotated[str, msgspec.Meta(max_length=10)]
    millionths: Annotated[int, msgspec.Meta(gt=0, lt=2**53)]
    number: Annotated[int, msgspec.Meta(gt=0, lt=2**53)]
    unix_ms: Annotated[int, msgspec.Meta(gt=0, lt=2**53)]

    def signed_bytes(self, network: str) -> bytes:
        """The bytes that the signature is for: they differ when anything of it does."""
        return msgspec.msgpack.encode((PURPOSE, network, self))


class SignedQuote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What goes over the network."""

    quote: Quote
    signer: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


@dataclass(frozen=True, slots=True)
class Publish:
    """From our own program: sign a quote and tell everybody. Raises: ValueError, we are no signer."""

    symbol: str
    dollars: float


@dataclass(frozen=True, slots=True)
class GetMedian:
    """From our own program. Answer: (median in dollars, how many signers it is of), or None without any."""

    symbol: str


class PriceFeed(Reactor):
    """Checks, keeps and passes on quotes.

    Args: signers, the public keys (32 bytes each) of those whose quotes count; seed, of our own key (32 bytes), if any.
    """

    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(id=PRICES, priority=3, send_queue_capacity=50, recv_message_capacity=256),
    )

    def __init__(self, signers: frozenset[bytes], seed: bytes | None = None) -> None:
        super().__init__()
        self._keys = {signer: VerifyKey(signer) for signer in signers}
        self._own = None if seed is None else SigningKey(seed)
        self._newest: dict[tuple[bytes, str], SignedQuote] = {}  # at most signers x symbols

    def add_peer(self, peer: Peer) -> None:
        """A newcomer is told what counts now."""
        for signed in self._newest.values():
            if not _is_over(signed.quote):
                peer.try_send(PRICES, msgspec.msgpack.encode(signed))

    def receive(self, envelope: Envelope) -> None:
        try:
            signed = msgspec.msgpack.decode(envelope.message, type=SignedQuote)
            if signed.quote.symbol not in SYMBOLS:
                raise ValueError(f"symbol {signed.quote.symbol!r}")
            if self._is_news(signed):  # before the signature, which takes longest: most of gossip is no news
                self._verify(signed)
                self._take(signed)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, BadSignatureError) as error:
            envelope.source.stop(f"no quote: {error}")

    def handle(self, message: Any) -> tuple[float, int] | None:
        match message:
            case Publish(symbol, dollars):
                self._publish(symbol, round(dollars * 1_000_000))
                return None
            case GetMedian(symbol):
                return self._median(symbol)
        raise TypeError(f"found {message!r}, expected: Publish or GetMedian")

    def _is_news(self, signed: SignedQuote) -> bool:
        """Raises: ValueError, nobody whom we know, or from the future."""
        if signed.signer not in self._keys:
            raise ValueError(f"signer {signed.signer.hex()}")
        if signed.quote.unix_ms / 1000 > time.time() + CLOCKS_S:
            raise ValueError("it comes from the future")
        known = self._newest.get((signed.signer, signed.quote.symbol))
        return not _is_over(signed.quote) and (known is None or known.quote.number < signed.quote.number)

    def _verify(self, signed: SignedQuote) -> None:
        """Raises: BadSignatureError."""
        text = signed.quote.signed_bytes(self.node.node_info.network)
        self._keys[signed.signer].verify(text, signed.signature)

    def _take(self, signed: SignedQuote) -> None:
        self._newest[signed.signer, signed.quote.symbol] = signed
        self.broadcast(PRICES, msgspec.msgpack.encode(signed))  # once, since it is no news any more

    def _publish(self, symbol: str, millionths: int) -> None:
        if self._own is None or symbol not in SYMBOLS:
            raise ValueError(f"we sign no quotes for {symbol!r}")
        # The clock as number: higher than before a restart, too, with nothing to be stored.
        now = time.time_ns()
        quote = Quote(symbol, millionths, now // 1000, now // 1_000_000)
        signature = self._own.sign(quote.signed_bytes(self.node.node_info.network)).signature
        self._take(SignedQuote(quote, self._own.verify_key.encode(), signature))

    def _median(self, symbol: str) -> tuple[float, int] | None:
        quotes = [each.quote for (_, name), each in self._newest.items() if name == symbol]
        prices = [quote.millionths for quote in quotes if not _is_over(quote)]
        return (statistics.median(prices) / 1_000_000, len(prices)) if prices else None


def _is_over(quote: Quote) -> bool:
    return quote.unix_ms / 1000 < time.time() - VALID_S
