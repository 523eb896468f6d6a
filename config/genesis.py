"""Reads the network's name from CometBFT's genesis file."""

import mmap
from pathlib import Path

import msgspec

from peerage.config.errors import UnfitValueError
from peerage.config.rule import LONGEST_CHAIN_ID
from peerage.config.small_file import open_regular

SIZE_LIMIT = 4 * 1024**3  # bytes; genesis files of exported chains have several hundred megabytes
ALLOWED = f"a JSON object with a chain_id of 1 to {LONGEST_CHAIN_ID} bytes"


class _Genesis(msgspec.Struct):
    chain_id: str


def read_chain_id(path: Path) -> str:
    """The chain_id of a genesis file. Everything else in the file is skipped and not kept in memory.

    Raises: OSError; UnfitValueError if no chain_id can be read.
    """
    with open_regular(path) as (file, _mode):
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if len(content) > SIZE_LIMIT:
                    raise UnfitValueError("a larger file", f"at most {SIZE_LIMIT:,} bytes")
                chain_id = msgspec.json.decode(content, type=_Genesis).chain_id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnfitValueError(str(error), ALLOWED) from error
        except ValueError as error:  # the file is empty, which mmap refuses
            if isinstance(error, UnfitValueError):
                raise
            raise UnfitValueError("", ALLOWED) from error
    if not 1 <= len(chain_id.encode()) <= LONGEST_CHAIN_ID:
        raise UnfitValueError(chain_id, ALLOWED)
    return chain_id
