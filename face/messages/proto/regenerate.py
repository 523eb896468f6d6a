"""Regenerates the protobuf modules from the .proto files beside them.

    python -m peerage.messages.proto.regenerate            (needs the extra `proto`: grpcio-tools)
    python -m peerage.messages.proto.regenerate --check    exit code 1 if that would change anything

What is changed in protoc's Python is said in `peerage.wire.proto.regenerate`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from peerage.wire.proto.regenerate import OURS, main

PACKAGE = "peerage/messages/proto"
FOLDERS = {**OURS, PACKAGE: Path(__file__).parent}

if __name__ == "__main__":
    sys.exit(main(PACKAGE, FOLDERS))
