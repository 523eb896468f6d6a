"""What every node under attack is set to, ours and others."""

from __future__ import annotations

__all__ = ["HANDSHAKE_TIMEOUT_S", "HIGH", "LOW", "LOW_CAPACITY", "PING_INTERVAL_S", "PONG_TIMEOUT_S", "QUEUE"]

HIGH, LOW = 0x50, 0x51  # channels of the echo
LOW_CAPACITY = 4096  # bytes of the longest message on LOW
HANDSHAKE_TIMEOUT_S = 3.0  # CometBFT's, which is no setting there
QUEUE = 1000  # messages that wait to be sent, on each channel
PING_INTERVAL_S = 4.0
PONG_TIMEOUT_S = 3.0
