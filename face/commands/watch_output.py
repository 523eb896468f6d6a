"""Where `peerage watch` writes what it sees: lines as they come, or Parquet tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.lost_output import raise_if_nobody_reads
from peerage.commands.watch_lines import height_json, height_line, transaction_json, transaction_line
from peerage.watching import HeightReport, SeenTransaction

__all__ = ["LineOutput", "NoOutput", "Output", "ParquetOutput", "open_output"]

PARQUET: Final = ".parquet"
ROWS: Final = 50_000  # of a group: what is kept in memory until it is written
HEIGHT_ROWS: Final = 1000


class Output(Protocol):
    """Takes what is told."""

    def transactions(self, told: Sequence[SeenTransaction]) -> None: ...

    def heights(self, told: Sequence[HeightReport]) -> None: ...

    def flush(self) -> None:
        """Called several times a second. Raises: BrokenPipeError, nobody reads any more."""


class NoOutput:
    """Writes nothing: a screen shows it."""

    def transactions(self, told: Sequence[SeenTransaction]) -> None:
        pass

    def heights(self, told: Sequence[HeightReport]) -> None:
        pass

    def flush(self) -> None:
        pass


class LineOutput:
    """A line for each. Args: as_json, a JSON object."""

    def __init__(self, file: TextIO, *, as_json: bool) -> None:
        self._file = file
        self._transaction = transaction_json if as_json else transaction_line
        self._height = height_json if as_json else height_line

    def transactions(self, told: Sequence[SeenTransaction]) -> None:
        self._write([self._transaction(each) for each in told])

    def heights(self, told: Sequence[HeightReport]) -> None:
        self._write([self._height(each) for each in told])

    def flush(self) -> None:
        self._file.flush()
        if self._file is sys.stdout:
            raise_if_nobody_reads()

    def _write(self, lines: Sequence[str]) -> None:
        if lines:
            self._file.write("\n".join(lines) + "\n")


class ParquetOutput:
    """Two tables: transactions in the file that was named, heights in one beside it.

    A table can be read when it is closed: its index comes last.

    Raises: MistakeError, pyarrow is not installed; OSError.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise MistakeError(
                f"--output: found {str(path)!r}, and Parquet needs pyarrow: pip install 'peerage[parquet]'"
            ) from error
        moment = pa.timestamp("ms", tz="UTC")
        self._pa = pa
        self._schemas = (
            pa.schema(
                [
                    ("time", moment),
                    ("hash", pa.string()),
                    ("size", pa.int32()),
                    ("first_peer", pa.string()),
                    ("peers", pa.int32()),
                    ("spread_ms", pa.float64()),
                    ("height", pa.int64()),
                ]
            ),
            pa.schema(
                [
                    ("time", moment),
                    ("height", pa.int64()),
                    ("round", pa.int32()),
                    ("decided_ms", pa.float64()),
                    ("block", pa.string()),
                    ("proposer", pa.string()),
                    ("transactions", pa.int32()),
                    ("size", pa.int32()),
                    ("validators", pa.int32()),
                    ("late", pa.list_(pa.int32())),
                    ("missing", pa.list_(pa.int32())),
                    ("absent", pa.list_(pa.int32())),
                ]
            ),
        )
        paths = path, path.with_name(f"{path.stem}.heights{PARQUET}")
        self._writers = [
            parquet.ParquetWriter(str(each), schema)
            for each, schema in zip(paths, self._schemas, strict=True)
        ]
        self._rows: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]] = ([], [])

    def transactions(self, told: Sequence[SeenTransaction]) -> None:
        self._rows[0].extend(
            (
                _moment(each.at),
                each.hash.hex().upper(),
                each.size,
                each.first or None,
                each.peers,
                each.spread * 1000,
                each.height or None,
            )
            for each in told
        )
        if len(self._rows[0]) >= ROWS:
            self._write(0)

    def heights(self, told: Sequence[HeightReport]) -> None:
        self._rows[1].extend(
            (
                _moment(each.at),
                each.height,
                each.round,
                each.decided_after * 1000,
                each.block_hash.hex().upper() or None,
                each.proposer.hex().upper() or None,
                each.transactions if each.transactions >= 0 else None,
                each.block_bytes if each.block_bytes >= 0 else None,
                each.validators or None,
                list(each.late),
                list(each.missing),
                list(each.absent),
            )
            for each in told
        )
        if len(self._rows[1]) >= HEIGHT_ROWS:
            self._write(1)

    def flush(self) -> None:
        pass  # a group of few rows would make a large file

    def close(self) -> None:
        """Write what is left, and the index."""
        try:
            for table in (0, 1):
                self._write(table)
        finally:
            for writer in self._writers:
                writer.close()

    def _write(self, table: int) -> None:
        rows = self._rows[table]
        if rows:
            schema = self._schemas[table]
            columns = [
                self._pa.array(values, type=field.type)
                for values, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            self._writers[table].write_table(self._pa.table(columns, schema=schema))
            rows.clear()


@contextmanager
def open_output(path: Path | None, *, as_json: bool, is_live: bool) -> Iterator[Output]:
    """Where to write. Args: path, None for standard output, or with `is_live` nowhere.

    Raises: FailureError, the file cannot be written; MistakeError.
    """
    if path is None:
        yield NoOutput() if is_live else LineOutput(sys.stdout, as_json=as_json)
        return
    try:
        if path.suffix == PARQUET:
            table = ParquetOutput(path)
            try:
                yield table
            finally:
                table.close()
        else:
            with path.open("w", encoding="utf-8") as file:
                yield LineOutput(file, as_json=as_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FailureError(f"{path} cannot be written: {error.strerror or error}") from error


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
