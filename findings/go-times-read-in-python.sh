#!/usr/bin/env bash
# A time as Go writes it, with nanoseconds, read by three Python libraries.
#
# Expected: Python's datetime has microseconds, so the last three digits are lost, for all readers alike.
# Seen:     datetime.fromisoformat (3.11 on) and pydantic cut the digits off, msgspec rounds to the nearest: of
#           "2024-12-31T23:59:59.9999999Z" it makes New Year's midnight of 2025.
# Matters:  the times in addrbook.json, genesis.json and RPC answers of a CometBFT node are such times (`last_attempt`,
#           `genesis_time`, `latest_block_time`). Two programs, or two parts of one, that read the same file differ by a
#           microsecond in half of all cases; equality, ordering against "now" (the rounded time can lie ahead of the
#           moment it was taken) and anything cut by second, day or year go wrong. Keep the text where identity matters.
#
# Needs: python3 of 3.11 or newer. Takes half a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet --only-binary :all: msgspec==0.22.0 pydantic==2.14.4
cat > reads.py <<'P'
import platform, sys
from datetime import datetime
from importlib.metadata import version

import msgspec, pydantic

CASES = [  # as Go writes it, cut off, rounded
    ("2024-12-31T23:59:59.9999999Z", "2024-12-31T23:59:59.999999", "2025-01-01T00:00:00"),
    ("2024-05-01T12:00:00.123456789Z", "2024-05-01T12:00:00.123456", "2024-05-01T12:00:00.123457"),
    ("2024-05-01T12:00:00.123456499Z", "2024-05-01T12:00:00.123456", "2024-05-01T12:00:00.123456"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00"),
]
READERS = {
    f"datetime {platform.python_version()}": (1, datetime.fromisoformat),
    f"pydantic {version('pydantic')}": (1, pydantic.TypeAdapter(datetime).validate_python),
    f"msgspec {version('msgspec')}": (2, lambda text: msgspec.convert(text, datetime)),
}
right = True
for case in CASES:
    print(case[0])
    for name, (column, read) in READERS.items():
        seen = read(case[0]).isoformat().removesuffix("+00:00")
        right &= seen == case[column]
        print(f"  {name:18} {seen}{'' if seen == case[column] else '   CHANGED'}")
sys.exit(not right)
P
venv/bin/python reads.py
echo "as described"
