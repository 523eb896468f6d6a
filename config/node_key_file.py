"""The node key on disk: read only if its owner alone may read it, written once, never overwritten."""

from pathlib import Path

from peerage.config.errors import (
    NodeKeyAccessError,
    NodeKeyContentError,
    NodeKeyExistsError,
    NodeKeyMissingError,
    NodeKeyModeError,
    UnfitValueError,
)
from peerage.config.home import make_directory
from peerage.config.new_file import write_new_file
from peerage.config.small_file import read_small_file
from peerage.wire.errors import WireError
from peerage.wire.keys import NodeKey

MODE = 0o600
OTHERS = 0o077  # mode bits of group and others
SIZE_LIMIT = 64 * 1024  # bytes; CometBFT's file has 148


def load_node_key(path: Path) -> NodeKey:
    """The node key in a file.

    Raises: NodeKeyMissingError, NodeKeyAccessError, NodeKeyModeError (group or others have any right on it),
    NodeKeyContentError (no JSON, another type, wrong length, halves that do not belong together).
    Source: reference 1, tests/vectors/keys.json.
    """
    try:
        content, mode = read_small_file(path, SIZE_LIMIT)
    except FileNotFoundError:
        raise NodeKeyMissingError(path) from None
    except OSError as error:
        raise NodeKeyAccessError(path, error.strerror or str(error)) from error
    except UnfitValueError as error:
        raise NodeKeyAccessError(path, str(error)) from error
    if mode & OTHERS:
        raise NodeKeyModeError(path, mode)
    try:
        return NodeKey.from_json(content.decode())
    except UnicodeDecodeError as error:
        raise NodeKeyContentError(path, "it is not UTF-8") from error
    except WireError as error:
        raise NodeKeyContentError(path, str(error)) from error


def create_node_key(path: Path) -> NodeKey:
    """Write a new node key, mode 0600, and the directory it is in.

    Raises: NodeKeyExistsError if a file is there already; NodeKeyAccessError, HomeError.
    """
    key = NodeKey.generate()
    make_directory(path.parent)
    try:
        written = write_new_file(path, key.to_json().encode(), MODE)
    except OSError as error:
        raise NodeKeyAccessError(path, f"cannot be written: {error.strerror}") from error
    if not written:
        raise NodeKeyExistsError(path)
    return key


def load_or_create_node_key(path: Path) -> tuple[NodeKey, bool]:
    """The node key in a file, written first if there is none; and whether it was written.

    Of several that call this at once, all get the same key.
    Raises: what load_node_key and create_node_key raise, but for NodeKeyMissingError and NodeKeyExistsError.
    """
    try:
        return load_node_key(path), False
    except NodeKeyMissingError:
        pass
    try:
        return create_node_key(path), True
    except NodeKeyExistsError:
        return load_node_key(path), False
