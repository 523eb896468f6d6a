"""What is changed in the modules that protoc writes."""

from __future__ import annotations

import pytest

from peerage.wire.proto import regenerate


def test_what_protoc_writes_is_changed_in_the_known_places() -> None:
    """The pool is replaced and the version check removed; output of any other form stops the program."""
    written = (
        "# first\n"
        "from google.protobuf import descriptor_pool as _descriptor_pool\n"
        "from google.protobuf import runtime_version as _runtime_version\n"
        "_runtime_version.ValidateProtobufRuntimeVersion(\n    1,\n    'x.proto'\n)\n"
        "DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile(b'')\n"
    )
    adapted = regenerate.adapt("x_pb2.py", written)
    assert "runtime_version" not in adapted
    assert "DESCRIPTOR = _POOL.AddSerializedFile(b'')\n" in adapted
    with pytest.raises(regenerate.UnexpectedProtocOutputError):
        regenerate.adapt("x_pb2.py", "# something else\n")


def test_mappings_in_stubs_get_their_type_arguments() -> None:
    """mypy requires them; a stub without mappings is not changed."""
    stub = "from typing import Union as _Union\n\ndef f(x: _Union[A, _Mapping]) -> None: ...\n"
    adapted = regenerate.adapt_stub(stub)
    assert "_Union[A, _Mapping[str, _Any]]" in adapted
    assert adapted.startswith("from typing import Any as _Any, Union as _Union\n")
    assert regenerate.adapt_stub("x: int\n") == "x: int\n"
