"""MaxMind DB files made for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

CITY = {
    "203.0.113.0/24": {
        "country": {"iso_code": "DE"},
        "city": {"names": {"en": "Berlin", "de": "Berlin"}},
        "location": {"latitude": 52.5, "longitude": 13.25},
    },
    "198.51.100.0/24": {"registered_country": {"iso_code": "FR"}},
    "2001:db8::/32": {"country": {"iso_code": "US"}},
}
ASN = {
    "203.0.113.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": "Example Net"},
    "192.0.2.0/24": {"autonomous_system_number": 64497, "autonomous_system_organization": "Other <b>Net</b>"},
}


def write_mmdb(path: Path, records: Mapping[str, Any], *, ip_version: int = 6) -> Path:
    """A file with a record for each network."""
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6, database_type="Test")
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path
