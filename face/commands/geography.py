"""Where nodes are, by MaxMind DB files on this machine: country, city, coordinates, and whose network it is.

Nothing is sent anywhere. Read are the layouts of GeoLite2 and GeoIP2 (country, city, ASN), which DB-IP's files have too, and
the flat one of IPinfo.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from peerage.actors.discovery.survey.network_map import NetworkMap
from peerage.commands.exit_status import MistakeError
from peerage.commands.loading import warn
from peerage.wire.keys import NodeID
from peerage.wire.net_address import split_host_port

__all__ = ["NOWHERE", "Geography", "Location", "Locations"]

MOST_CHARS = 200  # of a text in such a file
_AS_NUMBER = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Location:
    """What is known of one address; None is not known.

    Args: country, ISO 3166's two letters; latitude, longitude, degrees; asn, the number of the autonomous system.
    """

    country: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    asn: int | None = None
    organisation: str | None = None

    def or_else(self, other: Location) -> Location:
        """What this does not know, of the other. Coordinates go together."""
        known = {
            each.name: getattr(other, each.name)
            for each in fields(self)
            if getattr(self, each.name) is None
            and (each.name not in {"latitude", "longitude"} or self.latitude is None)
        }
        return replace(self, **known)


Locations: TypeAlias = Mapping[NodeID, Location]
NOWHERE: Locations = {}


class Geography:
    """Opened files; of several the first that knows a thing counts. Used in a `with` statement.

    Raises: MistakeError, the extra is not installed, or a file is missing or no MaxMind DB.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._readers: list[tuple[Path, Any]] = []
        self._faulty: set[Path] = set()
        for path in paths:
            self._readers.append((path, _opened(path)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _path, reader in self._readers:
            reader.close()

    def locate(self, host: str) -> Location:
        """What the files know of an IP address."""
        found = Location()
        for path, reader in self._readers:
            found = found.or_else(_location(self._record(path, reader, host)))
        return found

    def locate_all(self, found: NetworkMap) -> Locations:
        """Where the nodes of a map are, those that did not answer included."""
        if not self._readers:
            return NOWHERE
        return {node.id: self.locate(split_host_port(node.place)[0]) for node in found.nodes}

    def _record(self, path: Path, reader: Any, host: str) -> Any:
        """A damaged file must not cost the crawl that went before: it is told once, and knows nothing."""
        if path in self._faulty:
            return None
        try:
            return reader.get(host)
        except ValueError:  # an IPv6 address, and the file is of IPv4 alone
            return None
        except Exception as error:
            self._faulty.add(path)
            warn(f"--mmdb: {path} is damaged, and left out from here on: {error}")
            return None


def _opened(path: Path) -> Any:
    try:
        import maxminddb
    except ImportError as error:
        raise MistakeError(
            f"--mmdb: found {str(path)!r}, and it takes maxminddb to read it: pip install 'peerage[geo]'"
        ) from error
    try:
        return maxminddb.open_database(str(path))
    except maxminddb.InvalidDatabaseError as error:
        raise MistakeError(
            f"--mmdb: found {str(path)!r}, which is no MaxMind DB file (.mmdb) or a damaged one"
        ) from error
    except OSError as error:
        raise MistakeError(f"--mmdb: {path} cannot be read: {error.strerror or error}") from error


def _location(record: Any) -> Location:
    """What a record says, in any of the layouts; what is of another type or out of range says nothing."""
    if not isinstance(record, dict):
        return Location()
    where = _table(record, "location")
    latitude = _degrees(where.get("latitude"), 90.0)
    longitude = _degrees(where.get("longitude"), 180.0)
    is_whole = latitude is not None and longitude is not None
    return Location(
        country=_country(record),
        city=_text(_table(_table(record, "city"), "names").get("en")) or _text(record.get("city")),
        latitude=latitude if is_whole else None,
        longitude=longitude if is_whole else None,
        asn=_as_number(record.get("autonomous_system_number", record.get("asn"))),
        organisation=_text(record.get("autonomous_system_organization") or record.get("as_name")),
    )


def _country(record: Mapping[str, Any]) -> str | None:
    candidates: Iterable[Any] = (
        _table(record, "country").get("iso_code"),
        _table(record, "registered_country").get("iso_code"),
        record.get("country_code"),
        record.get("country"),
    )
    for each in candidates:
        if isinstance(each, str) and _COUNTRY.fullmatch(each):
            return each
    return None


def _table(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return value[:MOST_CHARS] or None if isinstance(value, str) else None


def _degrees(value: Any, most: float) -> float | None:
    with suppress(TypeError):
        if not isinstance(value, bool) and math.isfinite(value) and abs(value) <= most:
            return float(value)
    return None


def _as_number(value: Any) -> int | None:
    found = _AS_NUMBER.fullmatch(str(value)) if isinstance(value, int | str) else None
    number = int(found[1]) if found is not None else 0
    return number if 0 < number < 2**32 else None
