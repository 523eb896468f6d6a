"""What the two actors of a node that shares its book tell each other, and their node."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["ClusterStatus", "GetClusterStatus"]


class GetClusterStatus(Struct, frozen=True):
    """node → keeper: an ask. Answer: a `ClusterStatus`."""


class ClusterStatus(Struct, frozen=True):
    """member → keeper: how the node stands with the shared book.

    Args:
        nodes: how many share the book; 0: this one goes on by itself. book_at: the IP address of the cluster's node that
            holds the shared book.
        is_kept: whether all that this node has told is on the disk of another one, too.
        is_level: whether both have told each other all. visits: of how many parts of the crawl this node has one; 0: none
            until all have heard of the others.
        cause: why it is by itself.
    """

    nodes: int = 0
    book_at: str = ""
    is_kept: bool = False
    is_level: bool = False
    visits: int = 1
    cause: str = ""
