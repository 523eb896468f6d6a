"""What a .proto file declares, and what the module generated from it holds."""

from __future__ import annotations

import re
from types import ModuleType

_MESSAGE = re.compile(r"^message (\w+) \{(\}|.*?^\})", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"([\w.]+)\s+(\w+)\s*=\s*(\d+);")

Fields = dict[str, set[tuple[str, int]]]  # message → its fields, each with its number


def declared(text: str) -> Fields:
    """Messages of a .proto file."""
    return {
        message: {(field, int(number)) for _, field, number in _FIELD.findall(body)}
        for message, body in _MESSAGE.findall(text)
    }


def described(module: ModuleType) -> Fields:
    """Messages of a generated module."""
    return {
        message: {(field.name, field.number) for field in descriptor.fields}
        for message, descriptor in module.DESCRIPTOR.message_types_by_name.items()
    }
