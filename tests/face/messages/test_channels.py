"""The channels are CometBFT's."""

from __future__ import annotations

from peerage.messages import (
    BLOCKSYNC,
    CHANNELS,
    EVIDENCE,
    MEMPOOL,
    mempool,
    mempool_channel,
    types,
)

# ID, priority, send queue, receive capacity: `GetChannels` of the reactors of CometBFT v0.38.17, v0.40.0 and v1.0.1
COMETBFTS = {
    (0x20, 6, 100, 1_048_576),
    (0x21, 10, 100, 1_048_576),
    (0x22, 7, 100, 1_048_576),
    (0x23, 1, 2, 1_048_576),
    (0x30, 5, 1, 1_048_584),
    (0x38, 6, 1, 1_048_576),
    (0x40, 5, 1000, 104_857_605),
    (0x60, 5, 10, 4_000_000),
    (0x61, 3, 10, 16_000_000),
}


def test_the_channels_are_declared_as_cometbft_declares_them() -> None:
    """IDs, priorities, queues and the longest message."""
    assert {
        (each.id, each.priority, each.send_queue_capacity, each.recv_message_capacity) for each in CHANNELS
    } == COMETBFTS


def test_each_channel_decodes_to_the_message_of_its_protocol() -> None:
    """Evidence has no `Message` around it."""
    assert MEMPOOL.message is mempool.Message
    assert EVIDENCE.message is types.EvidenceList
    assert BLOCKSYNC.message is not None
    assert BLOCKSYNC.message.DESCRIPTOR.full_name == "tendermint.blocksync.Message"


def test_the_mempools_channel_takes_a_transaction_of_the_networks_size_and_no_larger_one() -> None:
    """`mempool.max_tx_bytes` bounds the transaction, the channel the message around it."""
    channel = mempool_channel(max_tx_bytes=100)
    largest = mempool.Message(txs=mempool.Txs(txs=[bytes(100)]))
    assert channel.recv_message_capacity == len(largest.SerializeToString())
