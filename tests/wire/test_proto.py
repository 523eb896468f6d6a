"""The generated protobuf modules."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType

import pytest

from peerage.wire import proto
from peerage.wire.proto import conn_pb2, keys_pb2, pex_pb2, types_pb2
from tests.wire.proto.definitions import declared, described

HERE = Path(proto.__path__[0])
MODULES = {"conn": conn_pb2, "keys": keys_pb2, "pex": pex_pb2, "types": types_pb2}


@pytest.mark.parametrize(("name", "module"), MODULES.items())
def test_modules_and_definitions_agree(name: str, module: ModuleType) -> None:
    """Every message and field of the .proto file is in the committed module, and nothing else is."""
    text = (HERE / f"{name}.proto").read_text("utf-8")
    assert declared(text) == described(module)
    assert f"package {module.DESCRIPTOR.package};" in text


def test_names_are_cometbfts() -> None:
    """An application's own tools expect them."""
    assert conn_pb2.Packet.DESCRIPTOR.full_name == "tendermint.p2p.Packet"
    assert keys_pb2.PublicKey.DESCRIPTOR.full_name == "tendermint.crypto.PublicKey"


def test_messages_travel_between_processes() -> None:
    """By pickle, including nested messages."""
    message = pex_pb2.Message()
    message.pex_addrs.addrs.add(id="a", ip="b", port=3)
    assert pickle.loads(pickle.dumps(message)) == message
    assert isinstance(message.pex_addrs.addrs[0], types_pb2.NetAddress)
