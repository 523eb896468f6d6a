"""Conformance cases: what a peer may send that breaks a rule of the protocol, or bends it, and what a node must do then.

They are done to a node by `peerage conform` (`peerage.commands.conform`), and to nodes of ours and CometBFT's by the tests.
Nothing here imports more of peerage than `peerage.wire`: a case is bytes on a blocking socket.
"""
