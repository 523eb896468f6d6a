"""The committed module is that of the definition."""

from __future__ import annotations

from peerage.scaffold.proto import messages_pb2
from peerage.scaffold.proto.regenerate import FOLDERS, PACKAGE
from tests.wire.proto.definitions import declared, described


def test_module_and_definition_agree() -> None:
    """Every message and field of the .proto file is in the committed module, and nothing else is."""
    text = (FOLDERS[PACKAGE] / "messages.proto").read_text("utf-8")
    assert declared(text) == described(messages_pb2)
    assert f"package {messages_pb2.DESCRIPTOR.package};" in text
