"""The protobuf module of a new project, as protoc would generate it: a newcomer needs no compiler to begin."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from peerage.scaffold.proto import messages_pb2

__all__ = ["OUR_PACKAGE", "serialized_file", "spans"]

OUR_PACKAGE = messages_pb2.DESCRIPTOR.package


def serialized_file(package: str) -> bytes:
    """The description of `<package>/messages.proto`: our own messages.proto, with that package's name."""
    described = FileDescriptorProto()
    messages_pb2.DESCRIPTOR.CopyToProto(described)
    described.name, described.package = f"{package}/messages.proto", package
    for message in described.message_type:
        for field in message.field:
            if field.HasField("type_name"):
                field.type_name = field.type_name.replace(f".{OUR_PACKAGE}.", f".{package}.")
    return described.SerializeToString()


def spans(serialized: bytes) -> dict[str, tuple[int, int]]:
    """Where each message is described: protobuf without its C library wants to be told."""
    described = FileDescriptorProto.FromString(serialized)
    found = {}
    for message in described.message_type:
        text = message.SerializeToString()
        start = serialized.index(text)
        found[message.name] = (start, start + len(text))
    return found
