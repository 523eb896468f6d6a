"""The node key file: read only if its owner alone has access to it, written once, never overwritten."""

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
    """Read the node key from a file.

    Raises: NodeKeyMissingError, NodeKeyAccessError, NodeKeyModeError (group or others have any right on it),
    NodeKeyContentError (not JSON, another type, wrong length, halves that do not belong together).
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
    """Write a new node key with mode 0600, creating its directory if needed.

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
    """Read the node key from a file, creating it first if there is none. Returns: the key, and whether it is new.

    If several processes call this at once, all get the same key.
    Raises: what load_node_key and create_node_key raise, except NodeKeyMissingError and NodeKeyExistsError.
    """
    try:
        return load_node_key(path), False
    except NodeKeyMissingError:
        pass
    try:
        return create_node_key(path), True
    except NodeKeyExistsError:
        return load_node_key(path), False
