"""Regenerates the protobuf modules from the .proto file beside them.

    python -m peerage.scaffold.proto.regenerate            (needs the extra `proto`: grpcio-tools)
    python -m peerage.scaffold.proto.regenerate --check    exit code 1 if that would change anything

What is changed in protoc's Python is said in `peerage.wire.proto.regenerate`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from peerage.wire.proto.regenerate import main

PACKAGE = "peerage/scaffold/proto"
FOLDERS = {PACKAGE: Path(__file__).parent}

if __name__ == "__main__":
    sys.exit(main(PACKAGE, FOLDERS))
