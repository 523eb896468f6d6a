"""The tree that supervisors and owners make of what was seen."""

from __future__ import annotations

from peerage.actors.runtime import ActorFacts, ChildFacts, HostFound, Observation


def actor(name: str, *, owner: str = "", children: tuple[ChildFacts, ...] | None = None) -> ActorFacts:
    return ActorFacts(name, "module:Class", "idle", "", owner, 0, 0, 0.0, 0, children)


def child(name: str, status: str = "running", host: str = "") -> ChildFacts:
    return ChildFacts(name, name, host or name, "worker", status, "permanent", 0, "")


def host(serial: int, *actors: ActorFacts, name: str = "") -> HostFound:
    return HostFound(name or actors[0].name, serial, 1, True, 0.0, 0.0, 0, 0, actors, ())


def drawn(*hosts: HostFound, owners: dict[int, str] | None = None) -> list[tuple[int, str]]:
    roots = Observation(hosts, owners or {}).tree()
    return [(depth, node.name) for root in roots for depth, node in root.walk()]


def test_children_stand_below_their_supervisor() -> None:
    """In the order in which they start, whatever order their hosts have."""
    top = actor("top", children=(child("a"), child("inner")))
    inner = actor("inner", children=(child("b"),))
    assert drawn(host(2, actor("b")), host(3, top), host(4, actor("a")), host(5, inner)) == [
        (0, "top"),
        (1, "a"),
        (1, "inner"),
        (2, "b"),
    ]


def test_a_child_that_does_not_run_stands_there() -> None:
    """With what its supervisor says of it."""
    [root] = Observation((host(2, actor("top", children=(child("a", "restarting"),))),), {}).tree()
    [node] = root.children
    assert (node.name, node.actor, node.child) == ("a", None, child("a", "restarting"))


def test_an_actor_stands_below_its_owner() -> None:
    """The root knows the owners of hosts, a host those of its neighbours."""
    shared = host(3, actor("made for"), actor("beside", owner="made for"), actor("alone"))
    assert drawn(host(2, actor("owner")), shared, owners={3: "owner"}) == [
        (0, "owner"),
        (1, "made for"),
        (2, "beside"),
        (0, "alone"),
    ]


def test_a_supervisor_counts_more_than_an_owner() -> None:
    """They are the same, but for a child that somebody else was linked to as well."""
    hosts = host(2, actor("top", children=(child("a"),))), host(3, actor("a"))
    assert drawn(*hosts, owners={3: "top"}) == [(0, "top"), (1, "a")]


def test_owners_in_a_circle_end() -> None:
    """A name may be used again in another host: nobody stands below himself."""
    assert drawn(host(2, actor("a")), host(3, actor("b")), owners={2: "b", 3: "a"}) == [
        (0, "b"),
        (1, "a"),
    ]
