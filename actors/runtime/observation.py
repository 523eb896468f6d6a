"""What an observer saw: the hosts with their actors, and the tree that supervisors and owners make of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from peerage.actors.runtime.host.child_facts import ChildFacts
from peerage.actors.runtime.host.report import ActorFacts, CrowdFacts

__all__ = ["HostFound", "Observation", "TreeNode"]


@dataclass(frozen=True, slots=True)
class HostFound:
    """One host.

    Attributes:
        name, serial, pid: as of HostFacts.
        answered: False, it did not answer in time: actors and crowds are what it said last, if it ever did.
        processor_time: seconds that its process has used, all threads together; None if nobody knows.
        loop_time: seconds that its own thread has used; None without an answer.
        memory: resident bytes of its process; None if nobody knows.
        dead_letters: messages that its process could not deliver.
    """

    name: str
    serial: int
    pid: int
    answered: bool
    processor_time: float | None
    loop_time: float | None
    memory: int | None
    dead_letters: int
    actors: tuple[ActorFacts, ...]
    crowds: tuple[CrowdFacts, ...]


@dataclass(slots=True)
class TreeNode:
    """One actor in the tree.

    Attributes:
        name: of the actor.
        host: the name of its host.
        actor: what its host says of it; None when there is no such actor now, or its host has never answered.
        child: what its supervisor says of it; None when it has none.
        children: those below it.
    """

    name: str
    host: str
    actor: ActorFacts | None = None
    child: ChildFacts | None = None
    children: list[TreeNode] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, TreeNode]]:
        """This node and all below it, in the order of the tree, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


@dataclass(frozen=True, slots=True)
class Observation:
    """Attributes: hosts, the oldest first; owners, by a host's serial the actor that the whole host ends with."""

    hosts: tuple[HostFound, ...]
    owners: dict[int, str]

    def tree(self) -> list[TreeNode]:
        """The actors as a forest.

        An actor stands below its supervisor; one without, below the actor that it ends with (`linked_to`); one that has
        neither is a root. Actors that share a host with the one that it was made for do not end with that one, unless they
        are linked to it: they are roots as well. Children that do not run stand in the tree, too.
        """
        nodes: dict[tuple[str, str], TreeNode] = {}
        by_name: dict[str, TreeNode] = {}
        owner_of: dict[tuple[str, str], str] = {}
        for host in self.hosts:
            for actor in host.actors:
                node = TreeNode(actor.name, host.name, actor)
                nodes[host.name, actor.name] = node
                by_name.setdefault(actor.name, node)
                owner = actor.owner or (self.owners.get(host.serial, "") if actor.name == host.name else "")
                if owner:
                    owner_of[host.name, actor.name] = owner
        below: set[tuple[str, str]] = set()
        for above in list(nodes.values()):
            for child in (above.actor.children if above.actor is not None else None) or ():
                key = child.host, child.name
                node = nodes.setdefault(key, TreeNode(child.name, child.host))
                if key in below or node is above:
                    continue
                node.child = child
                above.children.append(node)
                below.add(key)
        for key, owner in owner_of.items():
            over = nodes.get((key[0], owner)) or by_name.get(owner)
            if key not in below and over is not None and not _is_below(over, nodes[key]):
                over.children.append(nodes[key])
                below.add(key)
        return [node for key, node in nodes.items() if key not in below]


def _is_below(node: TreeNode, above: TreeNode) -> bool:
    """Whether a node stands below another one: an actor may name an owner of the same name as one of its own children."""
    return any(each is node for _depth, each in above.walk())
