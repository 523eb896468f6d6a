"""Regenerates the protobuf modules of a package from its .proto files.

    python -m peerage.wire.proto.regenerate            (needs the extra `proto`: grpcio-tools)
    python -m peerage.wire.proto.regenerate --check    exit code 1 if that would change anything
    python -m peerage.messages.proto.regenerate        the same for the messages of CometBFT's own channels

We change protoc's Python in two places: its descriptors go to our own pool (see `pool`), and the check that the runtime
is no older than the compiler is removed, because these messages need nothing that protobuf 5.26 lacks. In the stubs,
mappings get the type arguments that mypy requires.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

OURS = {"peerage/wire/proto": Path(__file__).parent}  # the name by which the files import each other → folder
_RUNTIME_IMPORT = "from google.protobuf import runtime_version as _runtime_version\n"
_RUNTIME_CHECK = re.compile(r"_runtime_version\.ValidateProtobufRuntimeVersion\(.*?\n\)\n", re.DOTALL)
_POOL_IMPORT = "from google.protobuf import descriptor_pool as _descriptor_pool\n"
_OUR_POOL_IMPORT = "from peerage.wire.proto.pool import POOL as _POOL\n"
_DEFAULT_POOL = "_descriptor_pool.Default()"
_STUB_TYPING = "from typing import "
_STUB_MAPPING = re.compile(r"\b_Mapping(?=\])")
_HEADER = "# Changed by regenerate.py: own descriptor pool, no check of the runtime's version.\n"


class UnexpectedProtocOutputError(Exception):
    """protoc wrote something that this module does not know how to change."""

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(name, missing)
        self.name = name
        self.missing = missing

    def __str__(self) -> str:
        return f"{self.name}: no {self.missing!r} in what protoc wrote"


def adapt(name: str, text: str) -> str:
    """The committed form of a *_pb2.py that protoc wrote.

    Raises: UnexpectedProtocOutputError.
    """
    for needed in (_POOL_IMPORT, _DEFAULT_POOL):
        if needed not in text:
            raise UnexpectedProtocOutputError(name, needed)
    text = _RUNTIME_CHECK.sub("", text.replace(_RUNTIME_IMPORT, ""))
    text = text.replace(_POOL_IMPORT, _OUR_POOL_IMPORT).replace(_DEFAULT_POOL, "_POOL")
    first, rest = text.split("\n", 1)
    return f"{first}\n{_HEADER}{rest}"


def adapt_stub(text: str) -> str:
    """The committed form of a *_pb2.pyi that protoc wrote."""
    adapted = _STUB_MAPPING.sub("_Mapping[str, _Any]", text)
    return adapted if adapted == text else adapted.replace(_STUB_TYPING, f"{_STUB_TYPING}Any as _Any, ", 1)


def generate(package: str, folders: Mapping[str, Path]) -> dict[str, str]:
    """Every generated module and stub of a package.

    Args: package, which one of `folders`; folders, package → folder, those that it imports included.
    Returns: file name → content.
    """
    with tempfile.TemporaryDirectory() as out:
        sources = sorted(str(path) for path in folders[package].glob("*.proto"))
        includes = [f"-I{name}={folder}" for name, folder in folders.items()]
        command = [sys.executable, "-m", "grpc_tools.protoc", *includes, f"-I{_well_known_types()}"]
        subprocess.run([*command, f"--python_out={out}", f"--pyi_out={out}", *sources], check=True)
        written = {path.name: path.read_text("utf-8") for path in sorted(Path(out, package).iterdir())}
    return {
        name: adapt(name, text) if name.endswith(".py") else adapt_stub(text)
        for name, text in written.items()
    }


def _well_known_types() -> Path:
    specification = find_spec("grpc_tools")
    assert specification is not None, "install the extra `proto`"
    assert specification.origin is not None
    return Path(specification.origin).with_name("_proto")


def main(package: str = "peerage/wire/proto", folders: Mapping[str, Path] = OURS) -> int:
    """Run as a command. Args: as of `generate`. Returns: the exit code."""
    parser = argparse.ArgumentParser(description="Generate the protobuf modules anew.")
    parser.add_argument("--check", action="store_true", help="change nothing, say whether something would")
    check = parser.parse_args().check
    changed = 0
    for name, text in generate(package, folders).items():
        path = folders[package] / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        changed += 1
        if not check:
            path.write_text(text, "utf-8")
        sys.stdout.write(f"{'differs' if check else 'written'}: {path}\n")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
