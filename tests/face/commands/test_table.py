"""Tables as text."""

from peerage.commands.table import table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Nothing is cut, and no line ends with spaces."""
    rows = [("a", "first", "x"), ("longer", "b", "")]
    assert list(table(("ID", "NAME", "C"), rows)) == ["ID      NAME   C", "a       first  x", "longer  b"]


def test_a_table_without_rows_is_its_head() -> None:
    assert list(table(("ID", "NAME"), ())) == ["ID  NAME"]
