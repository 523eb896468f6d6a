"""The protobuf module of a new project."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from peerage.scaffold.generated_messages import serialized_file, spans
from peerage.scaffold.proto.messages_pb2 import Message, Ping


def test_the_messages_are_ours_under_the_projects_name() -> None:
    """What one says the other understands; each has a place of its own in a pool that holds both."""
    pool = DescriptorPool()
    pool.AddSerializedFile(serialized_file("price_feed"))
    pool.AddSerializedFile(serialized_file("chat"))
    theirs = GetMessageClass(pool.FindMessageTypeByName("price_feed.Message"))
    sent = Message(ping=Ping(nonce=7))
    assert theirs.FromString(sent.SerializeToString()).SerializeToString() == sent.SerializeToString()
    assert pool.FindFileByName("chat/messages.proto").package == "chat"


def test_spans_are_where_the_messages_are_described() -> None:
    """As protoc writes them for the Python implementation of protobuf."""
    serialized = serialized_file("chat")
    described = {each.name: each for each in FileDescriptorProto.FromString(serialized).message_type}
    assert described.keys() == {"Ping", "Pong", "Message"}
    for name, (start, end) in spans(serialized).items():
        assert serialized[start:end] == described[name].SerializeToString()
