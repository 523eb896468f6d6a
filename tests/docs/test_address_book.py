"""docs/topics/address-book.md: its SQL reads a book as it says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.actors.discovery.book.stored_books import rows, written

PAGE = Path(__file__).parents[2] / "docs" / "topics" / "address-book.md"


def test_the_view_shows_every_address_with_its_fields(tmp_path: Path) -> None:
    """The fields of a line stand in a fixed order, whatever comes behind them."""
    path = tmp_path / "addrbook.sqlite"
    known = rows(written(path, 30))
    view, question = PAGE.read_text().partition("```sql\n")[2].partition("```")[0].strip().split(";\n\n")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.execute(view)
        found = connection.execute("SELECT id, ip, port, kind, failed_tries, last_success FROM addresses")
        assert {(row[0], row[1], row[2], row[3], row[4], row[5] is not None) for row in found} == {
            (
                row.id,
                str(row.address.host),
                row.address.port,
                row.kind.name.lower(),
                row.attempts,
                row.last_success > 0,
            )
            for row in known.values()
        }
        counts = {kind: count for kind, count, _last in connection.execute(question)}
    assert sum(counts.values()) == len(known)
    assert set(counts) == {"new", "old"}
