"""Where nodes are, by files on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from peerage.commands.exit_status import MistakeError
from peerage.commands.geography import Geography, Location
from tests.actors.discovery.nodes import address, node_id
from tests.face.commands.mmdb_files import ASN, CITY, write_mmdb
from tests.face.commands.networks import network_map


def location(path: Path, record: Any, host: str = "192.0.2.1") -> Location:
    """What is understood of one record."""
    with Geography([write_mmdb(path / "one.mmdb", {"192.0.2.0/24": record})]) as geography:
        return geography.locate(host)


def test_of_several_files_each_tells_what_it_knows(tmp_path: Path) -> None:
    """City and ASN are two files in GeoLite2; what neither knows is not known."""
    files = [write_mmdb(tmp_path / "city.mmdb", CITY), write_mmdb(tmp_path / "asn.mmdb", ASN)]
    with Geography(files) as geography:
        assert geography.locate("203.0.113.9") == Location("DE", "Berlin", 52.5, 13.25, 64496, "Example Net")
        assert geography.locate("198.51.100.1") == Location(country="FR")
        assert geography.locate("192.0.2.1") == Location(asn=64497, organisation="Other <b>Net</b>")
        assert geography.locate("2001:db8::1") == Location(country="US")
        assert geography.locate("10.0.0.1") == Location()


def test_the_first_file_that_knows_a_thing_counts(tmp_path: Path) -> None:
    """Coordinates are taken together, never one of each."""
    first = {"192.0.2.0/24": {"country": {"iso_code": "SE"}, "location": {"latitude": 1.0}}}
    second = {
        "192.0.2.0/24": {"country": {"iso_code": "NO"}, "location": {"latitude": 2.0, "longitude": 3.0}}
    }
    files = [write_mmdb(tmp_path / "1.mmdb", first), write_mmdb(tmp_path / "2.mmdb", second)]
    with Geography(files) as geography:
        assert geography.locate("192.0.2.1") == Location("SE", None, 2.0, 3.0)


def test_the_flat_layout_is_understood(tmp_path: Path) -> None:
    record = {
        "country_code": "CH",
        "country": "Switzerland",
        "asn": "AS64500",
        "as_name": "Alps",
        "city": "Bern",
    }
    assert location(tmp_path, record) == Location("CH", "Bern", None, None, 64500, "Alps")


@pytest.mark.parametrize(
    "record",
    [
        "text",
        {"country": {"iso_code": "Germany"}},
        {"country": {"iso_code": 7}},
        {"city": {"names": ["x"]}, "location": 5},
        {"location": {"latitude": 95.0, "longitude": 1.0}},
        {"location": {"latitude": "1", "longitude": True}},
        {"autonomous_system_number": -4},
        {"autonomous_system_number": "ASx"},
        {"autonomous_system_organization": 3},
    ],
    ids=str,
)
def test_what_is_not_as_it_should_be_says_nothing(tmp_path: Path, record: Any) -> None:
    """Files come from many hands."""
    assert location(tmp_path, record) == Location()


def test_a_file_of_ipv4_alone_knows_no_ipv6(tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "4.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "SE"}}}, ip_version=4)
    with Geography([file]) as geography:
        assert geography.locate("2001:db8::1") == Location()
        assert geography.locate("192.0.2.1").country == "SE"


def test_all_nodes_of_a_map_are_located(tmp_path: Path) -> None:
    """Those that did not answer, too; without files there is nothing to say."""
    network = f"{address(1).host}/32"
    with Geography(
        [write_mmdb(tmp_path / "f.mmdb", {network: {"country": {"iso_code": "SE"}}})]
    ) as geography:
        found = geography.locate_all(network_map(1, 2))
    assert found[node_id(1)] == Location(country="SE")
    assert set(found) == {node_id(0), node_id(1), node_id(2)}
    with Geography([]) as none:
        assert not none.locate_all(network_map(1, 2))


def test_a_file_that_is_missing_or_something_else_is_a_mistake(tmp_path: Path) -> None:
    """In one sentence, before the crawl."""
    other = tmp_path / "other.mmdb"
    other.write_text("hello")
    with pytest.raises(MistakeError, match=r"other.mmdb', which is no MaxMind DB file"):
        Geography([other])
    with pytest.raises(MistakeError, match=r"none cannot be read: No such file or directory"):
        Geography([tmp_path / "none"])


def test_without_the_extra_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(MistakeError, match=r"pip install 'peerage\[geo\]'"):
        Geography([tmp_path / "any"])


def test_a_damaged_file_costs_only_what_it_would_have_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named once; the other file goes on."""
    bad = write_mmdb(tmp_path / "bad.mmdb", CITY)
    data = bytearray(bad.read_bytes())
    tree = data.index(b"\0" * 16)  # between the tree and the data
    data[:tree] = b"\xff" * tree
    bad.write_bytes(data)
    with Geography([bad, write_mmdb(tmp_path / "asn.mmdb", ASN)]) as geography:
        for _ in range(3):
            assert geography.locate("203.0.113.9").asn == 64496
    assert capsys.readouterr().err.count("is damaged, and left out from here on") == 1
