#!/usr/bin/env bash
# Two networks, one within the other, put into a MaxMind database with mmdb_writer.
#
# Expected: a lookup finds the narrowest network that holds the address, as in a table of routes, in whichever order the two
#           were inserted.
# Seen:     broad first: 10.1.2.3 is found in 10.1.2.0/24, and a log line (INFO) speaks of an insertion into a subnet.
#           Narrow first: the /24 is gone, all of 10.0.0.0/8 is the broad one, and nothing is logged or raised.
# Matters:  lists of networks come in any order (by country, by ASN, by date of entry). What is lost are the exceptions: a
#           hoster within a carrier's block, an office abroad within a country's. Lookups of everything else are right, so a
#           test with a few well-known addresses passes. Sort by prefix length, the shortest first, before inserting.
#
# Needs: python3. Takes a few seconds.
set -euo pipefail

packages="mmdb_writer==0.2.7 netaddr==1.3.0 maxminddb==3.2.0"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "installing $packages"
python3 -m venv env
# shellcheck disable=SC2086
env/bin/pip install -q --disable-pip-version-check $packages
cat > writes.py <<'P'
import logging

import maxminddb
from mmdb_writer import MMDBWriter
from netaddr import IPSet


class Counts(logging.Handler):
    lines = 0

    def emit(self, record):
        self.lines += 1


networks = [("10.0.0.0/8", "broad"), ("10.1.2.0/24", "narrow")]
for order in (networks, networks[::-1]):
    counts = Counts()
    logging.basicConfig(level=logging.DEBUG, handlers=[counts], force=True)
    writer = MMDBWriter(ip_version=4)
    for network, value in order:
        writer.insert_network(IPSet([network]), value)
    writer.to_db_file("file.mmdb")
    with maxminddb.open_database("file.mmdb") as reader:
        found = [f"{address} in {reader.get_with_prefix_len(address)}" for address in ("10.1.2.3", "10.9.9.9")]
    print(f"{order[0][1]} first: {'; '.join(found)}; log lines: {counts.lines}")
P
timeout 60 env/bin/python writes.py | tee seen.txt
cat > wanted.txt <<'T'
broad first: 10.1.2.3 in ('narrow', 24); 10.9.9.9 in ('broad', 13); log lines: 1
narrow first: 10.1.2.3 in ('broad', 8); 10.9.9.9 in ('broad', 8); log lines: 0
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
