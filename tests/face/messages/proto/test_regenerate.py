"""The committed modules are those of the definitions."""

from __future__ import annotations

from types import ModuleType

import pytest

from peerage.messages import blocksync, consensus, mempool, statesync, types
from peerage.messages.proto.regenerate import FOLDERS, PACKAGE
from tests.wire.proto.definitions import declared, described

MODULES = {
    "blocksync": blocksync,
    "consensus": consensus,
    "mempool": mempool,
    "statesync": statesync,
    "types": types,
}


@pytest.mark.parametrize(("name", "module"), MODULES.items())
def test_modules_and_definitions_agree(name: str, module: ModuleType) -> None:
    """Every message and field of the .proto file is in the committed module, and nothing else is."""
    text = (FOLDERS[PACKAGE] / f"{name}.proto").read_text("utf-8")
    assert declared(text) == described(module)
    assert f"package {module.DESCRIPTOR.package};" in text


def test_all_definitions_are_compared() -> None:
    """Whoever adds one adds it here."""
    assert {path.stem for path in FOLDERS[PACKAGE].glob("*.proto")} == set(MODULES)
