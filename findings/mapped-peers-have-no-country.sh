#!/usr/bin/env bash
# An IPv4 peer of a dual-stack socket, ::ffff:8.8.8.8, looked up in a MaxMind database.
#
# Expected: whoever wrote the database, the reader finds what it has of 8.8.8.8, for the format keeps IPv4 as ::8.8.8.8 and
#           maxminddb looks 8.8.8.8 itself up there.
# Seen:     in a database that MaxMind wrote (GeoLite2 of 2018) yes, and 6to4's 2002:808:808::1 as well. In one written with
#           mmdb_writer, with ipv4_compatible=True, 8.8.8.8 is found and ::ffff:8.8.8.8 is None. That other forms are found
#           is not the reader's doing but in the file: MaxMind points ::ffff:0:0/96 and 2002::/16 at the IPv4 part of its
#           tree, mmdb_writer does not. With the network inserted in its mapped form it is the other way round.
# Matters:  a server that listens on [::] sees all IPv4 peers as ::ffff:a.b.c.d. With MaxMind's files it never had to care;
#           with a file of one's own (countries or ASNs from the registries' lists) each such peer is from nowhere, in
#           silence, and limits per country or ASN do not hold. Look up `ip.ipv4_mapped or ip`.
#
# Needs: python3. Downloads 26 MB. Takes half a minute.
set -euo pipefail

packages="mmdb_writer==0.2.7 netaddr==1.3.0 maxminddb==3.2.0 maxminddb-geolite2==2018.703"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "installing $packages"
python3 -m venv env
# shellcheck disable=SC2086
env/bin/pip install -q --disable-pip-version-check $packages
cat > looks_up.py <<'P'
import maxminddb
from geolite2 import geolite2_database
from mmdb_writer import MMDBWriter
from netaddr import IPSet

for name, network in (("own", "8.8.8.0/24"), ("mapped", "::ffff:8.8.8.0/120")):
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    writer.insert_network(IPSet([network]), {"country": {"iso_code": "US"}})
    writer.to_db_file(f"{name}.mmdb")
for name, path in (("MaxMind's", geolite2_database()), ("own", "own.mmdb"), ("own, mapped", "mapped.mmdb")):
    with maxminddb.open_database(path) as reader:
        for address in ("8.8.8.8", "::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1"):
            found = reader.get(address)
            print(f"{name}: {address} {found['country']['iso_code'] if found else None}")
P
timeout 60 env/bin/python looks_up.py 2> warnings.log | tee seen.txt
cat > wanted.txt <<'T'
MaxMind's: 8.8.8.8 US
MaxMind's: ::8.8.8.8 US
MaxMind's: ::ffff:8.8.8.8 US
MaxMind's: 2002:808:808::1 US
own: 8.8.8.8 US
own: ::8.8.8.8 US
own: ::ffff:8.8.8.8 None
own: 2002:808:808::1 None
own, mapped: 8.8.8.8 None
own, mapped: ::8.8.8.8 None
own, mapped: ::ffff:8.8.8.8 US
own, mapped: 2002:808:808::1 None
T
diff wanted.txt seen.txt || { cat warnings.log; echo "CHANGED"; exit 1; }
echo "as described"
